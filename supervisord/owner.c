/* SPDX-License-Identifier: Apache-2.0 */
/* owner.c - see owner.h. */
#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
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
};

static void
channel_end(struct channel *c)
{
	event_free(c->readable);
	(void)close(c->fd);
	free(c);
}

/* False if the answer could not be given: who asked then has none. */
static bool
reply(struct channel *c, const struct owner_query *q)
{
	const struct owner_reply unknown = {
		.cookie = q->cookie,
		.status = OWNER_UNKNOWN,
	};
	struct tuple t;
	size_t n = sizeof(unknown);
	void *answer;
	bool ok;

	memset(&t, 0, sizeof(t));
	memcpy(t.source, q->source, sizeof(t.source));
	memcpy(t.destination, q->destination, sizeof(t.destination));
	t.source_port = q->source_port;
	t.destination_port = q->destination_port;
	answer = records_take(c->records, &t, &n);
	if (answer != NULL)
		((struct owner_reply *)answer)->cookie = q->cookie;
	ok = send(c->fd, answer != NULL ? answer : &unknown, n,
		 MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n;
	free(answer);
	return ok;
}

static void
on_query(evutil_socket_t fd, short what, void *arg)
{
	struct channel *c = arg;
	struct owner_query q;

	(void)what;
	for (int i = 0; i < QUERIES_PER_TURN; i++) {
		ssize_t n = recv((int)fd, &q, sizeof(q), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n != (ssize_t)sizeof(q) || !reply(c, &q)) {
			if (n != 0)
				log_warnx("owner channel broken");
			channel_end(c);
			return;
		}
	}
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
	if (c->readable == NULL || event_add(c->readable, NULL) < 0)
		fatalx("cannot watch an owner channel");
	*ret_fd = pair[1];
	return 0;
}
