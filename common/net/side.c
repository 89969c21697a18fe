/* SPDX-License-Identifier: Apache-2.0 */
/* side.c - see side.h. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/side.h"
#include "common/net/tls.h"

void
side_init(struct side *s, struct pool *pool)
{
	memset(s, 0, sizeof(*s));
	s->fd = -1;
	s->pool = pool;
}

void
side_open(struct side *s, struct event_base *base, int fd,
    event_callback_fn notify, void *arg)
{
	assert(s->fd < 0);
	s->fd = fd;
	(void)event_assign(
	    &s->ev_read, base, fd, EV_READ | EV_PERSIST, notify, arg);
	(void)event_assign(&s->ev_write, base, fd, EV_WRITE, notify, arg);
	(void)event_assign(&s->ev_again, base, -1, 0, notify, arg);
	/* Bytes are often there already; a read that finds none is cheap. */
	s->readable = true;
}

int
side_handshake(struct side *s, struct error *e)
{
	int r = tls_handshake(s->tls, e);

	if (r == TLS_WANT_READ)
		s->readable = false;
	else if (r == TLS_WANT_WRITE)
		s->blocked = true;
	else if (r == 1)
		s->readable = true;
	else
		return -1;
	return r == 1;
}

void
side_close(struct side *s)
{
	struct pool *pool = s->pool;

	if (s->fd >= 0) {
		(void)event_del(&s->ev_read);
		(void)event_del(&s->ev_write);
		(void)event_del(&s->ev_again);
		tls_free(s->tls);
		(void)close(s->fd);
	}
	block_put(pool, s->in);
	block_put(pool, s->out);
	side_init(s, pool);
}

void
side_reset(struct side *s)
{
	static const struct linger now = { 1, 0 };

	if (s->fd >= 0)
		(void)setsockopt(
		    s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	side_close(s);
}

void
side_event(struct side *s, short what)
{
	if (what & EV_READ)
		s->readable = true;
	if (what & EV_WRITE)
		s->blocked = s->writing = false;
}

/* What a read or a write said.  True if it moved bytes. */
static bool
understand(struct side *s, ssize_t n, bool *would_block)
{
	if (n > 0)
		return true;
	switch (n) {
	case TLS_WANT_READ:
		s->readable = false;
		break;
	case TLS_WANT_WRITE:
		s->blocked = true;
		break;
	case TLS_EOF:
		s->eof = true;
		s->readable = false;
		break;
	default:
		s->failed = true;
		s->readable = false;
	}
	*would_block = true;
	return false;
}

static ssize_t
plain_result(ssize_t n, int again)
{
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? again : TLS_FAILED;
}

size_t
side_fill(struct side *s)
{
	size_t room;
	uint8_t *at;
	ssize_t n;
	bool stop = false;

	if (!s->readable || s->eof || s->failed)
		return 0;
	if (s->in == NULL)
		s->in = block_get(s->pool);
	at = block_room(s->in, &room);
	if (room == 0)
		return 0;
	if (s->tls != NULL)
		n = tls_read(s->tls, at, room);
	else
		n = plain_result(recv(s->fd, at, room, 0), TLS_WANT_READ);
	if (!understand(s, n, &stop)) {
		side_consume(s, 0);
		return 0;
	}
	s->in->len += (uint32_t)n;
	if (s->tls != NULL)
		s->readable = tls_has_pending(s->tls);
	else
		s->readable = (size_t)n == room;
	return (size_t)n;
}

void
side_consume(struct side *s, size_t n)
{
	if (s->in == NULL)
		return;
	block_consume(s->in, n);
	if (s->in->len == 0) {
		block_put(s->pool, s->in);
		s->in = NULL;
	}
}

ssize_t
side_peek(struct side *s, void *to, size_t n)
{
	bool stop = false;
	ssize_t r;

	if (!s->readable || s->eof || s->failed)
		return 0;
	r = plain_result(recv(s->fd, to, n, MSG_PEEK), TLS_WANT_READ);
	return understand(s, r, &stop) ? r : 0;
}

void
side_wait_beyond(struct side *s, size_t n)
{
	int low = (int)n + 1;

	(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low));
	s->readable = false;
}

bool
side_peer_ended(const struct side *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0;
}

void
side_take(struct side *s, size_t n, bool hold)
{
	while (n > 0 && !s->failed) {
		size_t room;
		uint8_t *at;
		ssize_t r;

		if (s->in == NULL)
			s->in = block_get(s->pool);
		at = block_room(s->in, &room);
		r = recv(s->fd, at, n < room ? n : room, 0);
		if (r <= 0) {
			s->failed = true;
			break;
		}
		n -= (size_t)r;
		if (hold)
			s->in->len += (uint32_t)r;
	}
	side_consume(s, 0);
}

size_t
side_room(struct side *s)
{
	size_t n;

	if (s->out == NULL)
		return BLOCK_BYTES;
	(void)block_room(s->out, &n);
	return n;
}

void
side_put(struct side *s, const void *data, size_t n)
{
	size_t room;
	uint8_t *at;

	if (n == 0)
		return;
	if (s->out == NULL)
		s->out = block_get(s->pool);
	at = block_room(s->out, &room);
	assert(n <= room);
	memcpy(at, data, n);
	s->out->len += (uint32_t)n;
}

bool
side_flush(struct side *s)
{
	while (s->out != NULL && !s->failed) {
		const uint8_t *at = s->out->bytes + s->out->start;
		bool stop = false;
		ssize_t n;

		if (s->blocked)
			return false;
		if (s->tls != NULL)
			n = tls_write(s->tls, at, s->out->len);
		else
			n = plain_result(
			    send(s->fd, at, s->out->len, MSG_NOSIGNAL),
			    TLS_WANT_WRITE);
		if (!understand(s, n, &stop))
			return false;
		block_consume(s->out, (size_t)n);
		if (s->out->len == 0) {
			block_put(s->pool, s->out);
			s->out = NULL;
		}
	}
	return s->out == NULL;
}

void
side_shutdown(struct side *s)
{
	if (s->shut || s->fd < 0)
		return;
	s->shut = true;
	if (s->tls != NULL)
		tls_close_notify(s->tls);
	(void)shutdown(s->fd, SHUT_WR);
}

void
side_update(struct side *s)
{
	bool want_read;

	if (s->fd < 0)
		return;
	/* What is known to be readable needs no telling, and the loop would
	 * tell it again and again. */
	want_read = !s->readable && !s->eof && !s->failed;
	if (want_read != s->reading) {
		s->reading = want_read;
		(void)(want_read ? event_add(&s->ev_read, NULL)
				 : event_del(&s->ev_read));
	}
	if (s->blocked && !s->writing) {
		s->writing = true;
		(void)event_add(&s->ev_write, NULL);
	}
}

void
side_again(struct side *s)
{
	static const struct timeval now = { 0, 0 };

	/* Not event_active() on one of the others: that takes an event which
	 * waits for the kernel out of the loop, and event_add() on one that is
	 * active doesn't put it in. */
	(void)event_add(&s->ev_again, &now);
}
