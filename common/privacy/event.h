/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h - a stream of server-sent events (WHATWG HTML, 9.2), one by one as
 * they are written; inside common/privacy/.
 */
#ifndef COMMON_PRIVACY_EVENT_H
#define COMMON_PRIVACY_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/error.h"

/* Zero it. */
struct event_reader {
	struct buf raw; /* the event's lines so far, as they came */
	size_t line;    /* where in it the last one begins */
	bool after_cr;  /* a line feed belongs to the line before */
	bool is_begun;  /* no byte order mark can come */
};
void event_reader_clear(struct event_reader *);

/*
 * Takes bytes up to the end of an event; returns how many.  *is_whole: it is
 * in raw, with the empty line behind it; consume it before the next call.
 * What belongs to no event is appended to out.  -1, ERR_LIMIT.
 */
ssize_t event_read(struct event_reader *, const char *, size_t n,
    bool *is_whole, struct buf *out, struct error *);

/* Appends the event's data. */
void event_data(const char *raw, size_t n, struct buf *ret);
/* Appends the event with other data, and all else as it is. */
int event_write(const char *raw, size_t n, const char *data, size_t data_len,
    struct buf *out);

#endif
