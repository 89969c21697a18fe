/* SPDX-License-Identifier: Apache-2.0 */
/* fleet.c - see fleet.h. */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/varlink/client.h"
#include "common/wire/proxy.h"
#include "common/xalloc.h"
#include "proxyd/fleet.h"
#include "proxyd/worker.h"

/* More than this waits for gatewayd: workers keep their events meanwhile. */
#define EVENTS_QUEUED_MAX (1u << 20)
static const struct timeval events_pause = { 0, 100000 };

struct member {
	struct fleet *fleet;
	struct varlink_client *control;
	struct varlink_client *events;
	struct event *pause;
};

struct fleet {
	struct event_base *base;
	unsigned n;
	struct member members[FLEET_MAX];
	struct call *listener; /* of Events; NULL: nobody */
	bool asks;             /* each worker is asked for events */
};

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
start_member(struct fleet *f, unsigned i, const struct tls_trust *trust)
{
	struct member *m = &f->members[i];
	int control[2], events[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, events) < 0)
		fatal("cannot make a socket pair");
	pid = fork();
	if (pid < 0)
		fatal("cannot fork");
	if (pid == 0)
		worker_main(i, trust, control[1], events[1]);
	(void)close(control[1]);
	(void)close(events[1]);
	m->fleet = f;
	m->control = varlink_client_new(
	    f->base, &proxy_interface, control[0], on_worker_gone, m);
	m->events = varlink_client_new(
	    f->base, &proxy_interface, events[0], on_worker_gone, m);
	m->pause = evtimer_new(f->base, on_pause_over, m);
	if (m->pause == NULL)
		fatalx("cannot make a timer");
}

struct fleet *
fleet_start(struct event_base *base, unsigned n, const struct tls_trust *trust)
{
	struct fleet *f = xcalloc(1, sizeof(*f));

	f->base = base;
	f->n = n;
	for (unsigned i = 0; i < n; i++)
		start_member(f, i, trust);
	return f;
}

/*
 * One call asked of all.
 */

struct fan {
	struct fleet *fleet;
	struct call *call; /* NULL: gatewayd is gone */
	unsigned waiting;
	bool failed;
	struct error error; /* the first */
	char *undo;         /* detach it everywhere if one failed; owned */
	bool is_status;
	int64_t connections;
	int64_t sandboxes;
	struct strings attached; /* owned copies */
};

static void
on_fan_end(void *arg)
{
	((struct fan *)arg)->call = NULL;
}

static void
fan_answer(struct fan *fan)
{
	struct proxy_status status = {
		.pid = getpid(),
		.workers = fan->fleet->n,
		.sandboxes = fan->sandboxes,
		.connections = fan->connections,
		.attached = fan->attached,
	};
	struct call *call = fan->call;

	if (call == NULL)
		return;
	call_on_end(call, NULL, NULL);
	if (fan->failed)
		call_error(call, &fan->error);
	else
		call_reply(call, fan->is_status ? &status : NULL);
}

static void
fan_free(struct fan *fan)
{
	for (size_t i = 0; i < fan->attached.n; i++)
		free((void *)(uintptr_t)fan->attached.v[i]);
	free(fan->attached.v);
	free(fan->undo);
	free(fan);
}

static void
undo_everywhere(struct fan *fan)
{
	struct proxy_detach params = { fan->undo };

	for (unsigned i = 0; i < fan->fleet->n; i++)
		varlink_client_call(fan->fleet->members[i].control,
		    &proxy_detach_method, &params, false, NULL, NULL);
}

static void
keep_status(struct fan *fan, const struct proxy_status *s)
{
	fan->connections += s->connections;
	if (fan->attached.v != NULL)
		return; /* all workers have the same */
	fan->sandboxes = s->sandboxes;
	fan->attached.v = xcalloc(s->attached.n + 1, sizeof(char *));
	for (; fan->attached.n < s->attached.n; fan->attached.n++)
		fan->attached.v[fan->attached.n] =
		    xstrdup(s->attached.v[fan->attached.n]);
}

static void
on_member_done(void *arg, const struct varlink_result *r)
{
	struct fan *fan = arg;

	if (r->error != NULL && !fan->failed) {
		fan->failed = true;
		fan->error = *r->error;
	}
	if (r->error == NULL && fan->is_status)
		keep_status(fan, r->reply);
	if (--fan->waiting > 0)
		return;
	if (fan->failed && fan->undo != NULL)
		undo_everywhere(fan);
	fan_answer(fan);
	fan_free(fan);
}

static struct fan *
fan_new(struct call *call)
{
	struct fan *fan = xcalloc(1, sizeof(*fan));

	fan->fleet = call_ctx(call);
	fan->call = call;
	fan->waiting = fan->fleet->n;
	call_on_end(call, on_fan_end, fan);
	return fan;
}

static void
ask_all(struct fan *fan, const struct method *method, const void *params)
{
	struct fleet *f = fan->fleet;

	for (unsigned i = 0; i < f->n; i++)
		varlink_client_call(f->members[i].control, method, params,
		    false, on_member_done, fan);
}

static int
attach(struct call *call, void *params, struct error *e)
{
	struct proxy_attach *p = params;
	struct fleet *f = call_ctx(call);
	struct fan *fan;

	if (p->owners.n != f->n)
		return error_set(e, ERR_INVALID,
		    "%zu owner channels for %u workers", p->owners.n, f->n);
	fan = fan_new(call);
	fan->undo = xstrdup(p->sandbox);
	for (unsigned i = 0; i < f->n; i++) {
		struct proxy_attach one = *p;

		one.owners = (struct fds){ &p->owners.v[i], 1 };
		varlink_client_call(f->members[i].control, &proxy_attach_method,
		    &one, false, on_member_done, fan);
	}
	return 0;
}

static int
set_policy(struct call *call, void *params, struct error *e)
{
	(void)e;
	ask_all(fan_new(call), &proxy_set_policy_method, params);
	return 0;
}

static int
detach(struct call *call, void *params, struct error *e)
{
	(void)e;
	ask_all(fan_new(call), &proxy_detach_method, params);
	return 0;
}

static int
get_status(struct call *call, void *params, struct error *e)
{
	struct fan *fan = fan_new(call);

	(void)params;
	(void)e;
	fan->is_status = true;
	ask_all(fan, &proxy_status_method, NULL);
	return 0;
}

/*
 * Events: batches of each worker go on as they come.
 */

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
	/* Without a listener they are lost: gatewayd is being replaced. */
	if (f->listener != NULL)
		call_reply_more(f->listener, r->reply);
	if (f->listener != NULL && call_queued(f->listener) > EVENTS_QUEUED_MAX)
		(void)event_add(m->pause, &events_pause);
	else
		ask_events(m);
}

static void
ask_events(struct member *m)
{
	varlink_client_call(
	    m->events, &proxy_events_method, NULL, true, on_batch, m);
}

static int
get_events(struct call *call, void *params, struct error *e)
{
	struct fleet *f = call_ctx(call);

	(void)params;
	if (f->listener != NULL)
		return error_set(
		    e, ERR_PRECONDITION, "somebody listens already");
	f->listener = call;
	call_on_end(call, on_listener_end, f);
	/* Each worker is asked once; every answer asks again. */
	for (unsigned i = 0; !f->asks && i < f->n; i++)
		ask_events(&f->members[i]);
	f->asks = true;
	return 0;
}

const struct handler fleet_handlers[] = {
	{ &proxy_attach_method, ROLE_ADMIN, attach },
	{ &proxy_set_policy_method, ROLE_ADMIN, set_policy },
	{ &proxy_detach_method, ROLE_ADMIN, detach },
	{ &proxy_status_method, ROLE_ADMIN, get_status },
	{ &proxy_events_method, ROLE_ADMIN, get_events },
	{ 0 },
};
