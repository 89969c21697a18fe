/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deltas.h - which strings of a streamed event are pieces of longer texts, of
 * which ones, and which texts end with it; inside common/privacy/.
 */
#ifndef COMMON_PRIVACY_DELTAS_H
#define COMMON_PRIVACY_DELTAS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "common/json/scan.h"

#define DELTA_KEY_MAX 192
#define DELTAS_MAX 1024 /* of one event; and elements on the way to them */

struct delta {
	struct json_span text;
	char key[DELTA_KEY_MAX]; /* of the text that it is a piece of */
};

/* Zero it. */
struct deltas {
	struct delta *list; /* by place */
	size_t n;
	size_t cap;
	char (*ends)[DELTA_KEY_MAX]; /* of texts that end: how keys begin */
	size_t n_ends;
	size_t ends_cap;
	size_t n_elements; /* on the way to one kind of text */
};
void deltas_clear(struct deltas *);

/* Anew, from an event's data.  -1, ERR_LIMIT. */
int deltas_find(struct deltas *, const struct json_span *, struct error *);
/* Does this text end with the event? */
bool deltas_has_end(const struct deltas *, const char *key);

#endif
