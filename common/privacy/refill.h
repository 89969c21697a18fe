/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refill.h - one text, in pieces, with its placeholders replaced; inside
 * common/privacy/.
 */
#ifndef COMMON_PRIVACY_REFILL_H
#define COMMON_PRIVACY_REFILL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/privacy/map.h"
#include "common/privacy/nest.h"

struct refill {
	const struct privacy_map *map; /* borrowed */
	size_t *left; /* bytes that may be put back; the answer's, borrowed */
	struct nest nest;
	/* What may be the beginning of a placeholder: as it is written, and
	 * what that means. */
	struct buf waiting;
	size_t complete; /* bytes of waiting, without an escape's beginning */
	char meant[PRIVACY_PLACEHOLDER_MAX + 1];
	size_t n;
};

/* in_string: the text is what stands in a string of JSON, as it is written. */
void refill_init(
    struct refill *, const struct privacy_map *, size_t *left, bool in_string);
void refill_clear(struct refill *);

/* Appends what may go on.  -1, ERR_LIMIT: more is put back than may be. */
int refill_feed(
    struct refill *, const char *, size_t n, struct buf *out, struct error *);
/* The text ends: appends what has waited. */
int refill_end(struct refill *, struct buf *out, struct error *);

#endif
