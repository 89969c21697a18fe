/* SPDX-License-Identifier: Apache-2.0 */
/* worker.c - see worker.h. */
#include <event2/event.h>
#include <malloc.h>
#include <openssl/hmac.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/net/resolve.h"
#include "common/varlink/fleet.h"
#include "common/wire/limits.h"
#include "common/wire/router.h"
#include "common/xalloc.h"
#include "routerd/budget.h"
#include "routerd/client.h"
#include "routerd/ledger.h"
#include "routerd/link.h"
#include "routerd/probe.h"
#include "routerd/table.h"
#include "routerd/tenant.h"
#include "routerd/worker.h"

#define TICK_MS 200
#define HEAP_KEPT (4 << 20)
#define ACCEPTS 32 /* at a time, before others have their turn */

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	int64_t now = link_now_ms();

	(void)fd;
	(void)what;
	clients_check_time(w, now);
	probes_check_time(w, now);
	upstreams_tick(w->upstreams, now);
	ledger_tell(w->ledger, w->events);
}

void
worker_count(struct worker *w, int change)
{
	w->n_clients += (unsigned)change;
}

void
worker_privacy_key(
    const struct worker *w, const char *sandbox, uint8_t ret[PRIVACY_KEY_LEN])
{
	unsigned n = PRIVACY_KEY_LEN;

	if (HMAC(EVP_sha256(), w->seed, sizeof(w->seed), (const void *)sandbox,
		strlen(sandbox), ret, &n) == NULL)
		fatalx("cannot make a key");
}

static void
serve(struct worker *w, int fd, const char *who)
{
	if (w->n_clients >= WORKER_CLIENTS_MAX) {
		(void)close(fd);
		return;
	}
	client_new(w, fd, who);
}

/* One connection of a sandbox: whose it is, and a descriptor.  False: no more.
 */
static bool
take_connection(struct worker *w, int channel)
{
	char who[2 * WIRE_NAME_MAX + 2];
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { who, sizeof(who) - 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(channel, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *c;
	int fd;

	if (n <= 0) {
		if (n == 0 && w->channel != NULL) /* proxyd is gone */
			(void)event_del(w->channel);
		return false;
	}
	who[n] = '\0';
	c = CMSG_FIRSTHDR(&m);
	if (c == NULL || c->cmsg_type != SCM_RIGHTS)
		return true;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	serve(w, fd, who);
	return true;
}

static void
on_channel(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	for (int i = 0; i < ACCEPTS && take_connection(arg, fd); i++)
		;
}

static void
on_listener(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	for (int i = 0; i < ACCEPTS; i++) {
		int conn =
		    accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (conn < 0)
			return;
		serve(arg, conn, "");
	}
}

/*
 * What the parent asks.
 */

static int
set_routes(struct call *call, void *params, struct error *e)
{
	struct worker *w = call_ctx(call);

	if (table_take(&w->coming, &w->table, params, e) < 0)
		return -1;
	call_reply(call, NULL);
	return 0;
}

static void
close_channel(struct worker *w)
{
	if (w->channel == NULL)
		return;
	(void)close(event_get_fd(w->channel));
	event_free(w->channel);
	w->channel = NULL;
}

static int
take_channel(struct call *call, void *params, struct error *e)
{
	struct worker *w = call_ctx(call);
	struct router_serve *p = params;

	if (p->channels.n != 1)
		return error_set(e, ERR_INVALID, "a worker has one channel");
	close_channel(w);
	w->channel = event_new(w->base, steal_fd(&p->channels.v[0]),
	    EV_READ | EV_PERSIST, on_channel, w);
	(void)event_add(w->channel, NULL);
	call_reply(call, NULL);
	return 0;
}

static int
start_probe(struct call *call, void *params, struct error *e)
{
	struct router_probe *p = params;

	if (probe_start(call_ctx(call), p->route, steal_fd(&p->result), e) < 0)
		return -1;
	call_reply(call, NULL);
	return 0;
}

static int
get_status(struct call *call, void *params, struct error *e)
{
	struct worker *w = call_ctx(call);
	struct router_status reply = {
		.pid = getpid(),
		.workers = 1,
		.connections = w->n_clients,
	};

	(void)params;
	(void)e;
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
	{ &router_set_routes_method, ROLE_ADMIN, set_routes },
	{ &router_serve_method, ROLE_ADMIN, take_channel },
	{ &router_probe_method, ROLE_ADMIN, start_probe },
	{ &router_status_method, ROLE_ADMIN, get_status },
	{ &router_events_method, ROLE_ADMIN, get_events },
	{ 0 },
};

static void *
start(void *arg, struct event_base *base, unsigned index)
{
	static const struct timeval interval = { 0, TICK_MS * 1000 };
	const struct worker_start *with = arg;
	struct worker *w = xcalloc(1, sizeof(*w));

	(void)index;
	/* Prompts come and go by hundreds of kilobytes, and pages that are
	 * asked of the kernel for each cost more than looking at them. */
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_KEPT);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
	if (getrandom(w->seed, sizeof(w->seed), 0) != sizeof(w->seed))
		fatal("cannot make a seed");
	w->base = base;
	w->resolver = resolver_new(base);
	w->upstreams = upstreams_new(base, &w->pool, w->resolver, with->trust);
	w->budgets = budgets_new();
	w->events = events_new(base, "router");
	w->ledger = ledger_new();
	w->tenants = tenants_new();
	w->table = with->table;
	TAILQ_INIT(&w->clients);
	TAILQ_INIT(&w->probes);
	w->tick = event_new(base, -1, EV_PERSIST, on_tick, w);
	if (w->tick == NULL || event_add(w->tick, &interval) < 0)
		fatalx("cannot make a timer");
	if (with->listener >= 0) {
		w->listener = event_new(
		    base, with->listener, EV_READ | EV_PERSIST, on_listener, w);
		(void)event_add(w->listener, NULL);
	}
	return w;
}

struct fleet_worker worker_process = {
	.product = "openshell routerd worker",
	.interface = &router_interface,
	.handlers = handlers,
	.start = start,
	.events = &router_events_method,
};
