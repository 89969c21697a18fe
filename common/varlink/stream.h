/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - frames and their descriptors over one Unix stream socket.
 *
 * Which descriptors belong to which message: a message that has some starts a
 * sendmsg(2) of its own, and Linux ends a recvmsg(2) inside or behind the
 * bytes that carry descriptors (unix(7)).  So those of one recvmsg belong to
 * the message that has the last byte it read.
 *
 * Never blocks, whatever the socket's mode; knows no event loop.
 */
#ifndef COMMON_VARLINK_STREAM_H
#define COMMON_VARLINK_STREAM_H

#include <stddef.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/varlink/passed.h"

struct outgoing;

struct stream {
	int fd;
	struct buf in;
	size_t scanned;
	struct passed arrived;
	size_t arrived_at[VARLINK_FDS_MAX]; /* last byte of their recvmsg */
	STAILQ_HEAD(, outgoing) out;
	size_t queued; /* bytes */
};

void stream_init(struct stream *, int fd);
/* Closes descriptors under way and the socket. */
void stream_clear(struct stream *);

/* 1 if bytes came, 0 if none are there, -1 with ERR_UNAVAILABLE at the end of
 * the stream and other errors otherwise.  Call it only while stream_frame()
 * has nothing: that bounds what is kept. */
int stream_read(struct stream *, struct error *);

/* 1 and a frame with its NUL, lent until stream_consume(), and its
 * descriptors, given; 0 if it isn't complete; -1 if it is too long. */
int stream_frame(struct stream *, const char **ret_text, size_t *ret_len,
    struct passed *, struct error *);
void stream_consume(struct stream *, size_t len);

/* Takes the bytes out of frame and the descriptors out of passed; sends what
 * the socket takes with the next stream_flush(). */
void stream_queue(struct stream *, struct buf *frame, struct passed *);
/* 1 if all is sent, 0 if the socket is full, -1 if it is broken. */
int stream_flush(struct stream *, struct error *);

#endif
