/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.c - see link.h.
 *
 *	DOWN --started or found--> CONNECTING --status came--> UP
 *	  ^____________________________|______connection ended___|
 *
 * Two connections, since one carries one call at a time: one for calls, one
 * for the stream of events.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/program.h"
#include "common/unixsock.h"
#include "common/varlink/client.h"
#include "common/wire/gateway.h"
#include "common/wire/event.h"
#include "common/xalloc.h"
#include "gatewayd/child.h"
#include "gatewayd/event_log.h"
#include "gatewayd/link.h"

#define LOOK_MS 10          /* between looks at one that is starting */
#define FOREIGN_LOOK_MS 200 /* at one that somebody else starts */
#define PAUSE_MAX_MS 5000   /* between starts of one that keeps failing */

enum state { DOWN, CONNECTING, UP };

struct link {
	struct event_base *base;
	struct link_config config;
	struct event_log *events;
	enum state state;
	struct varlink_client *calls;
	struct varlink_client *stream;
	struct child *child; /* the one we started, while it lives */
	pid_t pid;
	int64_t workers;
	int64_t restarts;
	unsigned failures; /* ends in a row of one that never came up */
	bool backed_off;
	struct event *retry;
};

static void look(struct link *);

static void
retry_in(struct link *l, unsigned ms)
{
	struct timeval tv = { ms / 1000, (ms % 1000) * 1000L };

	(void)evtimer_add(l->retry, &tv);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg);
}

static void
hang_up(struct link *l)
{
	struct varlink_client *calls = steal_ptr(&l->calls);
	struct varlink_client *stream = steal_ptr(&l->stream);

	l->state = DOWN;
	varlink_client_free(calls);
	varlink_client_free(stream);
}

/* Its calls have been answered: whoever waited knows. */
static void
on_closed(void *arg)
{
	struct link *l = arg;

	if (l->state == UP)
		log_warnx("%s is gone pid=%d", l->config.name, (int)l->pid);
	hang_up(l);
	/* At once: connections wait in the backlog. */
	retry_in(l, 0);
}

static void
on_events(void *arg, const struct varlink_result *r)
{
	struct link *l = arg;
	const struct log_events *reply = r->reply;

	if (reply == NULL)
		return; /* on_closed follows */
	for (size_t i = 0; i < reply->events.n; i++) {
		const struct log_event *event =
		    &((const struct log_event *)reply->events.v)[i];

		if (event->sandbox == NULL)
			continue;
		if (l->config.event == NULL ||
		    !l->config.event(l->config.arg, event))
			event_log_add(l->events, event);
	}
	if (reply->dropped > 0)
		log_info("%s dropped events count=%lld", l->config.name,
		    (long long)reply->dropped);
}

static bool open_stream(struct link *);

/* Its other connection tells whether the daemon is gone or only this. */
static void
on_stream_closed(void *arg)
{
	struct link *l = arg;

	varlink_client_free(steal_ptr(&l->stream));
	if (open_stream(l))
		varlink_client_call(
		    l->stream, l->config.events, NULL, true, on_events, l);
}

static bool
open_stream(struct link *l)
{
	struct error e;
	int fd;

	if (unixsock_connect(l->config.socket, &fd, &e) < 0)
		return false;
	l->stream = varlink_client_new(
	    l->base, l->config.interface, fd, on_stream_closed, l);
	return true;
}

static void
on_status(void *arg, const struct varlink_result *r)
{
	struct link *l = arg;

	if (r->reply == NULL) {
		log_warnx(
		    "%s does not answer: %s", l->config.name, r->error->text);
		return; /* on_closed follows, or it never speaks our language */
	}
	l->state = UP;
	l->failures = 0;
	log_info("%s is up pid=%d", l->config.name, (int)l->pid);
	if (l->stream != NULL)
		varlink_client_call(
		    l->stream, l->config.events, NULL, true, on_events, l);
	l->workers = l->config.workers(r->reply);
	l->config.up(l->config.arg, r->reply);
}

static pid_t
peer_pid(int fd)
{
	struct ucred who = { 0 };
	socklen_t len = sizeof(who);

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	return who.pid;
}

/* False if nobody serves the socket. */
static bool
connect_both(struct link *l)
{
	struct error e;
	int calls;

	if (unixsock_connect(l->config.socket, &calls, &e) < 0)
		return false;
	if (!open_stream(l)) {
		(void)close(calls);
		return false;
	}
	l->state = CONNECTING;
	l->pid = peer_pid(calls);
	l->calls = varlink_client_new(
	    l->base, l->config.interface, calls, on_closed, l);
	varlink_client_call(
	    l->calls, l->config.status, NULL, false, on_status, l);
	return true;
}

static void
on_child_exit(void *arg, int status)
{
	struct link *l = arg;

	l->child = NULL;
	l->restarts++;
	l->failures += l->state != UP;
	if (WIFSIGNALED(status))
		log_warnx(
		    "%s ended signal=%d", l->config.name, WTERMSIG(status));
	else
		log_warnx(
		    "%s ended status=%d", l->config.name, WEXITSTATUS(status));
}

static void
start(struct link *l)
{
	autofree char *program = program_find(l->config.name);
	autofree char *socket = xasprintf("--socket=%s", l->config.socket);
	autofree char *ca =
	    l->config.upstream_ca != NULL
		? xasprintf("--upstream-ca=%s", l->config.upstream_ca)
		: NULL;
	char *argv[] = { program, socket, ca, NULL };
	struct error e;

	if (child_exec(l->base, argv, -1, on_child_exit, l, &l->child, &e) <
	    0) {
		log_warnx("cannot start %s: %s", l->config.name, e.text);
		l->failures++;
	}
}

/* How long to wait before one that keeps failing is started again. */
static unsigned
back_off_ms(const struct link *l)
{
	unsigned ms = LOOK_MS;

	for (unsigned i = 0; i < l->failures && ms < PAUSE_MAX_MS; i++)
		ms *= 2;
	return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

static void
look(struct link *l)
{
	if (l->state != DOWN || connect_both(l))
		return;
	if (!l->config.starts) {
		retry_in(l, FOREIGN_LOOK_MS);
		return;
	}
	if (l->child == NULL && l->failures > 0 && !l->backed_off) {
		l->backed_off = true;
		retry_in(l, back_off_ms(l));
		return;
	}
	l->backed_off = false;
	if (l->child == NULL)
		start(l);
	retry_in(l, LOOK_MS);
}

struct link *
link_new(struct event_base *base, const struct link_config *config,
    struct event_log *events)
{
	struct link *l = xcalloc(1, sizeof(*l));

	l->base = base;
	l->config = *config;
	l->events = events;
	l->retry = evtimer_new(base, on_retry, l);
	if (l->retry == NULL)
		fatalx("cannot make a timer");
	look(l);
	return l;
}

void
link_free(struct link *l, bool stop)
{
	if (l == NULL)
		return;
	if (stop && l->state != DOWN && l->pid > 0)
		(void)kill(l->pid, SIGTERM);
	hang_up(l);
	if (l->child != NULL)
		child_forget(l->child);
	event_free(l->retry);
	free(l);
}

bool
link_is_up(const struct link *l)
{
	return l->state == UP;
}

size_t
link_workers(const struct link *l)
{
	return (size_t)l->workers;
}

void
link_call(struct link *l, const struct method *method, const void *params,
    void (*done)(void *arg, const struct varlink_result *), void *arg)
{
	varlink_client_call(l->calls, method, params, false, done, arg);
}

void
link_describe(const struct link *l, struct gateway_daemon *ret)
{
	static const char *const states[] = {
		[DOWN] = "down", [CONNECTING] = "starting", [UP] = "up"
	};

	*ret = (struct gateway_daemon){ .name = l->config.name,
		.state = states[l->state],
		.pid = l->state == UP ? l->pid : 0,
		.restarts = l->restarts };
}
