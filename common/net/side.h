/* SPDX-License-Identifier: Apache-2.0 */
/*
 * side.h - one of a connection's two ends: a socket, TLS on it or not, what
 * was read and what waits to be written.
 *
 * I/O is tried at once; the event loop is asked only for what the kernel
 * refused, and remembers nothing that these flags don't:
 *
 *	readable  a read may give something; false after it gave less
 *	blocked   a write gave EAGAIN; false again when the loop says so
 *
 * So a step may run at any time, for any reason, and do what can be done.
 */
#ifndef COMMON_NET_SIDE_H
#define COMMON_NET_SIDE_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/net/block.h"

struct error;
struct tls;

struct side {
	int fd;               /* owned; -1: none */
	struct tls *tls;      /* owned; NULL: plain */
	struct pool *pool;    /* borrowed from the worker */
	struct block *in;     /* read, not yet used; NULL: none */
	struct block *out;    /* to be written; NULL: none */
	struct event ev_read; /* valid while fd >= 0 */
	struct event ev_write;
	struct event ev_again;
	bool reading; /* ev_read is added */
	bool writing; /* ev_write is added */
	bool readable;
	bool blocked;
	bool eof;    /* the peer has ended, cleanly */
	bool failed; /* the socket or its TLS is broken */
	bool shut;   /* we have ended */
};

void side_init(struct side *, struct pool *);
/* Owns fd from now on; notify(fd, what, arg) is asked to call side_event()
 * and then run. */
void side_open(struct side *, struct event_base *, int fd,
    event_callback_fn notify, void *arg);
/* Gives everything back; the side can be opened again. */
/* A side with TLS shakes hands: 1 it is done, 0 it waits, -1 it failed. */
int side_handshake(struct side *, struct error *);
void side_close(struct side *);
/* The same, with a reset instead of an orderly end: the peer sees at once
 * that it was refused. */
void side_reset(struct side *);
void side_event(struct side *, short what);

static inline bool
side_is_open(const struct side *s)
{
	return s->fd >= 0;
}

static inline size_t
side_held(const struct side *s)
{
	return s->in != NULL ? s->in->len : 0;
}

static inline const char *
side_data(const struct side *s)
{
	return (const char *)s->in->bytes + s->in->start;
}

static inline size_t
side_pending(const struct side *s)
{
	return s->out != NULL ? s->out->len : 0;
}

/* Bytes added to what is held; 0: none now, no room, or eof or failed. */
size_t side_fill(struct side *);
void side_consume(struct side *, size_t n);
/* What is there, without taking it: for plain sockets only.  Like read(2);
 * -1 and eof or failed are set where they are so. */
ssize_t side_peek(struct side *, void *, size_t n);
/* Waits until there are more than n bytes to peek at; 0: any. */
void side_wait_beyond(struct side *, size_t n);
/* Will no more come than what is there? */
bool side_peer_ended(const struct side *);
/* Reads exactly n bytes that were peeked at, and holds or discards them. */
void side_take(struct side *, size_t n, bool hold);

/* Room for output, and adding to it: n <= room. */
size_t side_room(struct side *);
void side_put(struct side *, const void *, size_t n);
/* Writes what waits; true if nothing is left. */
bool side_flush(struct side *);
/* Ends our direction once everything is written: close_notify, FIN. */
void side_shutdown(struct side *);

/* Tells the loop what we now wait for. */
void side_update(struct side *);
/* Asks for one more notification although the socket gives no cause for it,
 * after the loop has looked at everybody else's. */
void side_again(struct side *);

#endif
