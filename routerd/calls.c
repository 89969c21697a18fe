/* SPDX-License-Identifier: Apache-2.0 */
/* calls.c - see calls.h. */
#include <stdlib.h>
#include <unistd.h>

#include "common/varlink/fleet.h"
#include "common/wire/router.h"
#include "common/xalloc.h"
#include "routerd/calls.h"

static int
set_routes(struct call *call, void *params, struct error *e)
{
	static const struct fleet_ask ask = { &router_set_routes_method };

	(void)e;
	fleet_ask(call_ctx(call), call, &ask, params, NULL);
	return 0;
}

/* Each worker has its own channel. */
struct channels {
	struct router_serve one; /* of the worker that is asked just now */
	struct fds all;
};

static const void *
channel_of(void *ctx, unsigned i)
{
	struct channels *c = ctx;

	c->one.channels = (struct fds){ &c->all.v[i], 1 };
	return &c->one;
}

static int
serve(struct call *call, void *params, struct error *e)
{
	static const struct fleet_ask ask = { .method = &router_serve_method,
		.params_of = channel_of,
		.free = free };
	const struct router_serve *p = params;
	struct fleet *f = call_ctx(call);
	struct channels *c;

	if (p->channels.n != fleet_size(f))
		return error_set(e, ERR_INVALID, "%zu channels for %u workers",
		    p->channels.n, fleet_size(f));
	c = xcalloc(1, sizeof(*c));
	c->all = p->channels;
	fleet_ask(f, call, &ask, NULL, c);
	return 0;
}

static int
probe(struct call *call, void *params, struct error *e)
{
	static const struct fleet_ask ask = { &router_probe_method,
		.one = true };

	(void)e;
	fleet_ask(call_ctx(call), call, &ask, params, NULL);
	return 0;
}

static void
status_add(void *ctx, const void *reply)
{
	((struct router_status *)ctx)->connections +=
	    ((const struct router_status *)reply)->connections;
}

static const void *
status_reply(void *ctx)
{
	return ctx;
}

static int
get_status(struct call *call, void *params, struct error *e)
{
	static const struct fleet_ask ask = { .method = &router_status_method,
		.add = status_add,
		.reply = status_reply,
		.free = free };
	struct router_status *sum = xcalloc(1, sizeof(*sum));
	struct fleet *f = call_ctx(call);

	(void)params;
	(void)e;
	sum->pid = getpid();
	sum->workers = fleet_size(f);
	fleet_ask(f, call, &ask, NULL, sum);
	return 0;
}

static int
get_events(struct call *call, void *params, struct error *e)
{
	(void)params;
	return fleet_events(call_ctx(call), call, e);
}

const struct handler calls_handlers[] = {
	{ &router_set_routes_method, ROLE_ADMIN, set_routes },
	{ &router_serve_method, ROLE_ADMIN, serve },
	{ &router_probe_method, ROLE_ADMIN, probe },
	{ &router_status_method, ROLE_ADMIN, get_status },
	{ &router_events_method, ROLE_ADMIN, get_events },
	{ 0 },
};
