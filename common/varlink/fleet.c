/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet.c - see fleet.h.
 *
 * What the parent asks comes over one socket, what it hears of events goes
 * over another, so that a busy one doesn't hold up the other.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/log.h"
#include "common/varlink/client.h"
#include "common/varlink/codec.h"
#include "common/varlink/fleet.h"
#include "common/xalloc.h"

/* More than this waits for the listener: workers keep their events. */
#define EVENTS_QUEUED_MAX (1u << 20)
static const struct timeval events_pause = { 0, 100000 };

struct member {
	struct fleet *fleet;
	struct varlink_client *control;
	struct varlink_client *events;
	struct event *pause;
	bool asked;      /* for events */
	struct buf kept; /* a batch for who listens next; empty: none */
};

struct fleet {
	struct event_base *base;
	const struct fleet_worker *worker;
	unsigned n;
	struct member members[FLEET_MAX];
	struct call *listener; /* NULL: nobody */
};

int
fleet_count(const char *text, unsigned *ret, struct error *e)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	char *rest;

	if (text != NULL) {
		n = strtol(text, &rest, 10);
		if (*text == '\0' || *rest != '\0' || n < 1 || n > FLEET_MAX)
			return error_set(e, ERR_INVALID,
			    "--workers '%s' is not 1..%d", text, FLEET_MAX);
	}
	*ret = n < 1 ? 1 : n > FLEET_MAX ? FLEET_MAX : (unsigned)n;
	return 0;
}

/*
 * In the worker.
 */

static enum role
role_of(void *ctx, const struct peer *peer)
{
	(void)ctx;
	(void)peer;
	return ROLE_ADMIN; /* the socket was made before we were */
}

static void
on_parent_gone(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)event_base_loopbreak(arg);
}

/* These descriptors of the parent's are 3, 4, ... and no other is there. */
static void
keep_only(int *const fds[], int n)
{
	enum { FIRST = 3, ASIDE = 64 };

	for (int i = 0; i < n; i++)
		*fds[i] = fcntl(*fds[i], F_DUPFD_CLOEXEC, ASIDE);
	for (int i = 0; i < n; i++)
		*fds[i] = dup3(*fds[i], FIRST + i, O_CLOEXEC);
	(void)syscall(SYS_close_range, FIRST + n, ~0u, 0);
}

static _Noreturn void
work(const struct fleet_worker *worker, unsigned index, int control, int events)
{
	struct service service = {
		.product = worker->product,
		.interface = worker->interface,
		.handlers = worker->handlers,
		.role = role_of,
	};
	struct event_base *base;
	struct event *gone;
	struct varlink_server *server;
	struct error e;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	keep_only((int *const[]){ &control, &events, worker->keep },
	    worker->keep != NULL && *worker->keep >= 0 ? 3 : 2);
	base = event_base_new();
	if (base == NULL)
		fatalx("cannot make an event base");
	service.ctx = worker->start(worker->arg, base, index);
	if (daemon_harden(&e) < 0)
		fatalx("cannot confine a worker: %s", e.text);
	gone = event_new(base, fcntl(control, F_DUPFD_CLOEXEC, 5), EV_CLOSED,
	    on_parent_gone, base);
	server = varlink_server_new(base, &service);
	if (gone == NULL || event_add(gone, NULL) < 0 ||
	    varlink_server_add(server, control, &e) < 0 ||
	    varlink_server_add(server, events, &e) < 0)
		fatalx("cannot serve the parent");
	(void)event_base_dispatch(base);
	_exit(0);
}

/*
 * In the parent.
 */

static void
on_worker_gone(void *arg)
{
	(void)arg;
	fatalx("a worker has died");
}

static void ask_events(struct member *);

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ask_events(arg);
}

static void
start_member(struct fleet *f, unsigned i)
{
	struct member *m = &f->members[i];
	const struct interface *interface = f->worker->interface;
	int control[2], events[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, events) < 0)
		fatal("cannot make a socket pair");
	pid = fork();
	if (pid < 0)
		fatal("cannot fork");
	if (pid == 0)
		work(f->worker, i, control[1], events[1]);
	(void)close(control[1]);
	(void)close(events[1]);
	m->fleet = f;
	m->control = varlink_client_new(
	    f->base, interface, control[0], on_worker_gone, m);
	m->events = varlink_client_new(
	    f->base, interface, events[0], on_worker_gone, m);
	m->pause = evtimer_new(f->base, on_pause_over, m);
	if (m->pause == NULL)
		fatalx("cannot make a timer");
}

struct fleet *
fleet_start(
    struct event_base *base, unsigned n, const struct fleet_worker *worker)
{
	struct fleet *f = xcalloc(1, sizeof(*f));

	f->base = base;
	f->worker = worker;
	f->n = n;
	for (unsigned i = 0; i < n; i++)
		start_member(f, i);
	return f;
}

unsigned
fleet_size(const struct fleet *f)
{
	return f->n;
}

/* One question asked of all. */
struct fan {
	struct fleet *fleet;
	const struct fleet_ask *ask;
	void *ctx;
	struct call *call; /* NULL: who asked is gone */
	unsigned waiting;
	bool failed;
	struct error error; /* the first */
};

static void
on_fan_end(void *arg)
{
	((struct fan *)arg)->call = NULL;
}

static void
fan_answer(struct fan *fan)
{
	struct call *call = fan->call;

	if (call == NULL)
		return;
	call_on_end(call, NULL, NULL);
	if (fan->failed)
		call_error(call, &fan->error);
	else
		call_reply(call,
		    fan->ask->reply != NULL ? fan->ask->reply(fan->ctx) : NULL);
}

static void
on_member_done(void *arg, const struct varlink_result *r)
{
	struct fan *fan = arg;
	const struct fleet_ask *ask = fan->ask;

	if (r->error != NULL && !fan->failed) {
		fan->failed = true;
		fan->error = *r->error;
	}
	if (r->error == NULL && ask->add != NULL)
		ask->add(fan->ctx, r->reply);
	if (--fan->waiting > 0)
		return;
	if (fan->failed && ask->failed != NULL)
		ask->failed(fan->fleet, fan->ctx);
	fan_answer(fan);
	if (ask->free != NULL)
		ask->free(fan->ctx);
	free(fan);
}

void
fleet_ask(struct fleet *f, struct call *call, const struct fleet_ask *ask,
    const void *params, void *ctx)
{
	struct fan *fan = xcalloc(1, sizeof(*fan));

	fan->fleet = f;
	fan->ask = ask;
	fan->ctx = ctx;
	fan->call = call;
	fan->waiting = ask->one ? 1 : f->n;
	call_on_end(call, on_fan_end, fan);
	for (unsigned i = 0, n = fan->waiting; i < n; i++)
		varlink_client_call(f->members[i].control, ask->method,
		    ask->params_of != NULL ? ask->params_of(ctx, i) : params,
		    false, on_member_done, fan);
}

void
fleet_tell(struct fleet *f, const struct method *method, const void *params)
{
	for (unsigned i = 0; i < f->n; i++)
		varlink_client_call(
		    f->members[i].control, method, params, false, NULL, NULL);
}

static void
on_listener_end(void *arg)
{
	((struct fleet *)arg)->listener = NULL;
}

static void
on_batch(void *arg, const struct varlink_result *r)
{
	struct member *m = arg;
	struct fleet *f = m->fleet;

	if (r->error != NULL)
		return; /* on_worker_gone follows */
	m->asked = false;
	if (f->listener == NULL) {
		(void)codec_encode(
		    &m->kept, f->worker->events->reply, r->reply, NULL);
		return;
	}
	call_reply_more(f->listener, r->reply);
	if (f->listener != NULL && call_queued(f->listener) > EVENTS_QUEUED_MAX)
		(void)event_add(m->pause, &events_pause);
	else
		ask_events(m);
}

static void
tell_kept(struct member *m)
{
	const struct method *events = m->fleet->worker->events;
	struct arena arena = { 0 };
	struct bad_field bad;
	void *reply;

	if (m->kept.len == 0 || m->fleet->listener == NULL)
		return;
	reply = codec_decode_text(
	    buf_str(&m->kept), events->reply, events->reply_size, &arena, &bad);
	if (reply != NULL)
		call_reply_more(m->fleet->listener, reply);
	arena_clear(&arena);
	buf_free(&m->kept);
}

/* Once at a time; every answer asks again. */
static void
ask_events(struct member *m)
{
	if (m->asked || m->fleet->listener == NULL)
		return;
	m->asked = true;
	varlink_client_call(
	    m->events, m->fleet->worker->events, NULL, true, on_batch, m);
}

int
fleet_events(struct fleet *f, struct call *call, struct error *e)
{
	if (f->listener != NULL)
		return error_set(
		    e, ERR_PRECONDITION, "somebody listens already");
	f->listener = call;
	call_on_end(call, on_listener_end, f);
	for (unsigned i = 0; i < f->n; i++) {
		tell_kept(&f->members[i]);
		ask_events(&f->members[i]);
	}
	return 0;
}
