/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage_event.h - takes the event with the counts of tokens out of a stream:
 * routerd asked for it, the client didn't, and clients that index `choices`
 * break on the empty one that it has.
 *
 * Every other byte passes as it came, an event at a time.  The backend is
 * hostile: an event longer than USAGE_EVENT_MAX passes unseen.
 */
#ifndef ROUTERD_USAGE_EVENT_H
#define ROUTERD_USAGE_EVENT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

#define USAGE_EVENT_MAX 65536

/* Zero it. */
struct usage_filter {
	struct buf held; /* of an event that isn't whole */
	bool passes;     /* the rest of one that is too long */
};

/* Appends what may go on. */
void usage_filter_feed(
    struct usage_filter *, const void *, size_t n, struct buf *out);
/* There is no more: what was held goes on. */
void usage_filter_end(struct usage_filter *, struct buf *out);
void usage_filter_clear(struct usage_filter *);

#endif
