/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.c - bytes that nobody reads, both ways until both have ended.
 *
 * Between two plain sockets they stay in the kernel (splice(2)); where an end
 * has TLS they are copied.  A slow reader stops the other's reading; an end of
 * one direction is passed on and the other direction lives on.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "common/net/tls.h"
#include "proxyd/conn.h"
#include "proxyd/worker.h"

#define ROUNDS_PER_TURN 16

/* Into the tube, which is empty: so EAGAIN is the socket's.  True if bytes
 * came. */
static bool
draw(struct pipes *pipes, struct side *from, struct tube *t)
{
	ssize_t n;

	if (!from->readable || from->eof || from->failed)
		return false;
	if (t->r < 0 && !tube_get(pipes, t)) {
		from->failed = true;
		return false;
	}
	n = splice(from->fd, NULL, t->w, NULL, PIPE_BYTES,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n > 0) {
		t->held = (size_t)n;
		return true;
	}
	from->readable = false;
	if (n == 0)
		from->eof = true;
	else if (errno != EAGAIN && errno != EINTR)
		from->failed = true;
	return false;
}

static bool
pour(struct tube *t, struct side *to)
{
	ssize_t n;

	if (t->held == 0 || to->blocked || to->failed)
		return false;
	n = splice(t->r, NULL, to->fd, NULL, t->held,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n > 0) {
		t->held -= (size_t)n;
		return true;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		to->blocked = true;
	else
		to->failed = true;
	return false;
}

static bool
splice_one(struct conn *c, struct side *from, struct side *to, struct tube *t)
{
	bool moved = false;

	if (t->held == 0)
		moved = draw(&c->worker->pipes, from, t);
	moved = pour(t, to) || moved;
	if (t->held == 0) {
		if (from->eof)
			side_shutdown(to);
		if (!moved)
			tube_put(&c->worker->pipes, t);
	}
	return moved;
}

static bool
is_over(const struct conn *c)
{
	return c->client.failed || c->upstream.failed ||
	       (c->client.shut && c->upstream.shut);
}

enum next
step_splice(struct conn *c)
{
	for (int i = 0; i < ROUNDS_PER_TURN; i++) {
		bool moved = splice_one(c, &c->client, &c->upstream, &c->up);

		moved =
		    splice_one(c, &c->upstream, &c->client, &c->down) || moved;
		if (is_over(c))
			return DONE;
		if (!moved)
			return WAIT;
	}
	conn_yield(c);
	return WAIT;
}

static bool
copy_one(struct side *from, struct side *to)
{
	bool moved = side_fill(from) > 0;
	size_t held = side_held(from), room = side_room(to);
	size_t n = held < room ? held : room, pending;

	if (n > 0) {
		side_put(to, side_data(from), n);
		side_consume(from, n);
	}
	pending = side_pending(to);
	if (side_flush(to) && from->eof && side_held(from) == 0)
		side_shutdown(to);
	/* What has gone makes room for what is there. */
	return moved || n > 0 || side_pending(to) < pending;
}

enum next
step_copy(struct conn *c)
{
	for (int i = 0; i < ROUNDS_PER_TURN; i++) {
		bool moved = copy_one(&c->client, &c->upstream);

		moved = copy_one(&c->upstream, &c->client) || moved;
		if (is_over(c))
			return DONE;
		if (!moved)
			return WAIT;
	}
	conn_yield(c);
	return WAIT;
}
