/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body.h - a request's body while it comes from a sandbox: its framing, its
 * limits, and the sandbox's share of the worker that it takes.
 *
 * No I/O.  The bytes are hostile.
 */
#ifndef ROUTERD_BODY_H
#define ROUTERD_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/http/chunked.h"
#include "common/http/message.h"

#define BODY_MAX (10u << 20)
#define BODY_CHUNKS_MAX 4096

struct tenant;

/* Zero it; body_clear() leaves it so. */
struct body {
	struct tenant *tenant; /* borrowed until body_clear() */
	enum http_framing framing;
	uint64_t left;
	struct http_chunked chunks;
	unsigned n_chunks;
	struct buf text;
	size_t held; /* of the tenant's bytes */
};

/* ERR_LIMIT if the head says already that it is too large. */
int body_begin(
    struct body *, struct tenant *, const struct http_head *, struct error *);
bool body_is_whole(const struct body *);
/* The next bytes of a body that isn't whole; returns how many of them were
 * its.  ERR_PROTOCOL or ERR_INVALID if it is broken, ERR_LIMIT if it is too
 * large, ERR_UNAVAILABLE if the sandbox holds too much. */
ssize_t body_take(struct body *, const char *, size_t n, struct error *);
void body_clear(struct body *);

#endif
