/* SPDX-License-Identifier: Apache-2.0 */
/* worker.c - see worker.h. */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/net/resolve.h"
#include "common/varlink/fleet.h"
#include "common/wire/proxy.h"
#include "common/xalloc.h"
#include "proxyd/conn.h"
#include "common/wire/events.h"
#include "proxyd/sandbox.h"
#include "proxyd/worker.h"

#define TICK_MS 200
#define FDS_RESERVED 128 /* of everything that is no connection */
#define FDS_PER_SANDBOX 8
#define FDS_PER_CONN 3 /* two sockets, and pipes while bytes are in them */

int64_t
worker_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	int64_t now = worker_now_ms();
	struct sandbox *sb;
	struct conn *c, *next;

	(void)fd;
	(void)what;
	LIST_FOREACH(sb, &w->sandboxes, next)
	{
		for (c = TAILQ_FIRST(&sb->conns); c != NULL; c = next) {
			next = TAILQ_NEXT(c, next);
			conn_check_time(c, now);
		}
	}
}

void
worker_count(struct worker *w, int change)
{
	static const struct timeval interval = { 0, TICK_MS * 1000 };
	bool was_idle = w->n_conns == 0;

	w->n_conns += (unsigned)change;
	if (was_idle && w->n_conns > 0)
		(void)event_add(w->tick, &interval);
	else if (!was_idle && w->n_conns == 0)
		(void)event_del(w->tick);
}

static unsigned
most_conns(void)
{
	struct rlimit limit;
	rlim_t reserved = FDS_RESERVED;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 256;
	if (limit.rlim_cur > reserved + FDS_PER_SANDBOX * WORKER_SANDBOXES_MAX)
		reserved += FDS_PER_SANDBOX * WORKER_SANDBOXES_MAX;
	if (limit.rlim_cur <= reserved)
		return 16;
	limit.rlim_cur = (limit.rlim_cur - reserved) / FDS_PER_CONN;
	return limit.rlim_cur < WORKER_CONNECTIONS_MAX
		   ? (unsigned)limit.rlim_cur
		   : WORKER_CONNECTIONS_MAX;
}

void
worker_init(struct worker *w, struct event_base *base, unsigned index,
    const struct tls_trust *trust)
{
	memset(w, 0, sizeof(*w));
	w->base = base;
	w->index = index;
	w->trust = trust;
	w->resolver = resolver_new(base);
	w->events = events_new(base, "proxy");
	LIST_INIT(&w->sandboxes);
	w->conns_max = most_conns();
	w->tick = event_new(base, -1, EV_PERSIST, on_tick, w);
	if (w->tick == NULL)
		fatalx("cannot make a timer");
}

void
worker_clear(struct worker *w)
{
	struct sandbox *sb;

	while ((sb = LIST_FIRST(&w->sandboxes)) != NULL)
		sandbox_free(sb);
	event_free(w->tick);
	events_free(w->events);
	resolver_free(w->resolver);
	pool_clear(&w->pool);
	pipes_clear(&w->pipes);
	inference_set(&w->inference, &(struct fds){ NULL, 0 });
	buf_free(&w->scratch.text);
	buf_free(&w->scratch.body);
}

/*
 * What the parent asks.
 */

static int
attach(struct call *call, void *params, struct error *e)
{
	if (sandbox_attach(call_ctx(call), params, e) < 0)
		return -1;
	call_reply(call, NULL);
	return 0;
}

static int
set_policy(struct call *call, void *params, struct error *e)
{
	if (sandbox_set_policy(call_ctx(call), params, e) < 0)
		return -1;
	call_reply(call, NULL);
	return 0;
}

static int
set_credentials(struct call *call, void *params, struct error *e)
{
	if (sandbox_set_credentials(call_ctx(call), params, e) < 0)
		return -1;
	call_reply(call, NULL);
	return 0;
}

static int
detach(struct call *call, void *params, struct error *e)
{
	const struct proxy_detach *p = params;

	(void)e;
	sandbox_detach(call_ctx(call), p->sandbox);
	call_reply(call, NULL);
	return 0;
}

static int
set_router(struct call *call, void *params, struct error *e)
{
	struct worker *w = call_ctx(call);
	struct proxy_router *p = params;

	(void)e;
	inference_set(&w->inference, &p->channels);
	call_reply(call, NULL);
	return 0;
}

static int
get_status(struct call *call, void *params, struct error *e)
{
	struct worker *w = call_ctx(call);
	const char *ids[WORKER_SANDBOXES_MAX + 1];
	struct proxy_status reply = {
		.pid = getpid(),
		.workers = 1,
		.sandboxes = w->n_sandboxes,
		.connections = w->n_conns,
		.attached = { ids, 0 },
	};
	struct sandbox *sb;

	(void)params;
	(void)e;
	LIST_FOREACH(sb, &w->sandboxes, next)
	ids[reply.attached.n++] = sb->id;
	ids[reply.attached.n] = NULL;
	call_reply(call, &reply);
	return 0;
}

static int
get_events(struct call *call, void *params, struct error *e)
{
	struct worker *w = call_ctx(call);

	(void)params;
	(void)e;
	events_serve(w->events, call);
	return 0;
}

static const struct handler handlers[] = {
	{ &proxy_attach_method, ROLE_ADMIN, attach },
	{ &proxy_set_policy_method, ROLE_ADMIN, set_policy },
	{ &proxy_set_credentials_method, ROLE_ADMIN, set_credentials },
	{ &proxy_detach_method, ROLE_ADMIN, detach },
	{ &proxy_set_router_method, ROLE_ADMIN, set_router },
	{ &proxy_status_method, ROLE_ADMIN, get_status },
	{ &proxy_events_method, ROLE_ADMIN, get_events },
	{ 0 },
};

static void *
start(void *arg, struct event_base *base, unsigned index)
{
	struct worker *w = xcalloc(1, sizeof(*w));

	worker_init(w, base, index, arg);
	return w;
}

struct fleet_worker worker_process = {
	.product = "openshell proxyd worker",
	.interface = &proxy_interface,
	.handlers = handlers,
	.start = start,
	.events = &proxy_events_method,
};
