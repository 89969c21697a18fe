/* SPDX-License-Identifier: Apache-2.0 */
/* listener.c - see listener.h. */
#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "proxyd/listener.h"

/* Few, so that the other workers have their turn. */
#define ACCEPTS_PER_TURN 4
#define PAUSE_FIRST_MS 100
#define PAUSE_LAST_MS 5000

static void
pause_accepting(struct listener *l)
{
	struct timeval tv;

	l->pause_ms = l->pause_ms == 0 ? PAUSE_FIRST_MS : l->pause_ms * 2;
	if (l->pause_ms > PAUSE_LAST_MS)
		l->pause_ms = PAUSE_LAST_MS;
	log_warn("cannot accept pause_ms=%u", l->pause_ms);
	tv =
	    (struct timeval){ l->pause_ms / 1000, (l->pause_ms % 1000) * 1000 };
	(void)event_del(l->readable);
	(void)event_add(l->pause, &tv);
}

/* accept(2): the connection failed before it was ours, or was taken. */
static bool
is_passing(int error)
{
	static const int passing[] = { EAGAIN, EINTR, ECONNABORTED, EPROTO,
		ENETDOWN, ENOPROTOOPT, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH };

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (passing[i] == error)
			return true;
	return false;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS_PER_TURN && !l->held; i++) {
		int client =
		    accept4((int)fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (client < 0) {
			if (!is_passing(errno))
				pause_accepting(l);
			return;
		}
		l->pause_ms = 0;
		l->accepted(l->arg, client);
	}
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	if (!l->held)
		(void)event_add(l->readable, NULL);
}

void
listener_open(struct listener *l, struct event_base *base, int fd,
    listener_fn *accepted, void *arg)
{
	*l = (struct listener){ .fd = fd, .accepted = accepted, .arg = arg };
	l->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, l);
	l->pause = evtimer_new(base, on_pause_over, l);
	if (l->readable == NULL || l->pause == NULL ||
	    event_add(l->readable, NULL) < 0)
		fatalx("cannot watch a listener");
}

void
listener_close(struct listener *l)
{
	if (l->readable == NULL)
		return;
	event_free(l->readable);
	event_free(l->pause);
	(void)close(l->fd);
	*l = (struct listener){ .fd = -1 };
}

void
listener_hold(struct listener *l, bool hold)
{
	if (l->readable == NULL || l->held == hold)
		return;
	l->held = hold;
	if (hold)
		(void)event_del(l->readable);
	else if (!event_pending(l->pause, EV_TIMEOUT, NULL))
		(void)event_add(l->readable, NULL);
}
