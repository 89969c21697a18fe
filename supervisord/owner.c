/* SPDX-License-Identifier: Apache-2.0 */
/* owner.c - see owner.h. */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/wire/owner.h"
#include "common/xalloc.h"
#include "supervisord/owner.h"
#include "supervisord/records.h"

#define QUERIES_PER_TURN 64

struct channel {
	struct records *records;
	int fd;
	struct event *readable;
	struct event *writable;
	void *waiting; /* an answer that the socket had no room for */
	size_t n_waiting;
};

static void
channel_end(struct channel *c)
{
	event_free(c->readable);
	event_free(c->writable);
	free(c->waiting);
	(void)close(c->fd);
	free(c);
}

/* The answer, owned: that there is none is one, too. */
static void *
find_answer(struct channel *c, const struct owner_query *q, size_t *ret_n)
{
	struct owner_reply *answer;
	struct tuple t;

	memset(&t, 0, sizeof(t));
	memcpy(t.source, q->source, sizeof(t.source));
	memcpy(t.destination, q->destination, sizeof(t.destination));
	t.source_port = q->source_port;
	t.destination_port = q->destination_port;
	answer = records_take(c->records, &t, ret_n);
	if (answer == NULL) {
		answer = xcalloc(1, sizeof(*answer));
		answer->status = OWNER_UNKNOWN;
		*ret_n = sizeof(*answer);
	}
	answer->cookie = q->cookie;
	return answer;
}

/* 1 if it is on its way, 0 if it waits, -1 if nobody takes it. */
static int
send_waiting(struct channel *c)
{
	ssize_t n =
	    send(c->fd, c->waiting, c->n_waiting, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
		return 0;
	free(c->waiting);
	c->waiting = NULL;
	return n < 0 ? -1 : 1;
}

/* 1 if there may be more, 0 if not for now, -1 if the channel is done for. */
static int
serve_one(struct channel *c)
{
	struct owner_query q;
	ssize_t n = recv(c->fd, &q, sizeof(q), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n != (ssize_t)sizeof(q)) {
		if (n != 0)
			log_warnx("owner channel broken");
		return -1;
	}
	c->waiting = find_answer(c, &q, &c->n_waiting);
	return send_waiting(c);
}

static void
on_query(evutil_socket_t fd, short what, void *arg)
{
	struct channel *c = arg;
	int r = 1;

	(void)fd;
	(void)what;
	for (int i = 0; r > 0 && i < QUERIES_PER_TURN; i++)
		r = serve_one(c);
	if (r < 0) {
		channel_end(c);
		return;
	}
	if (c->waiting != NULL) {
		/* Whoever doesn't read is asked nothing more. */
		(void)event_del(c->readable);
		(void)event_add(c->writable, NULL);
	}
}

static void
on_room(evutil_socket_t fd, short what, void *arg)
{
	struct channel *c = arg;
	int r = send_waiting(c);

	(void)fd;
	(void)what;
	if (r < 0)
		channel_end(c);
	else
		(void)event_add(r > 0 ? c->readable : c->writable, NULL);
}

int
owner_open(struct event_base *base, struct records *records, int *ret_fd,
    struct error *e)
{
	struct channel *c;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, pair) < 0)
		return error_errno(e, "cannot make a socket pair");
	c = xcalloc(1, sizeof(*c));
	c->records = records;
	c->fd = pair[0];
	c->readable =
	    event_new(base, pair[0], EV_READ | EV_PERSIST, on_query, c);
	c->writable = event_new(base, pair[0], EV_WRITE, on_room, c);
	if (c->readable == NULL || c->writable == NULL ||
	    event_add(c->readable, NULL) < 0)
		fatalx("cannot watch an owner channel");
	*ret_fd = pair[1];
	return 0;
}
