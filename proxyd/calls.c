/* SPDX-License-Identifier: Apache-2.0 */
/* calls.c - see calls.h. */
#include <stdlib.h>
#include <unistd.h>

#include "common/varlink/fleet.h"
#include "common/wire/proxy.h"
#include "common/xalloc.h"
#include "proxyd/calls.h"

/*
 * Attach: each worker has its own channel of owners, and all have the sandbox
 * or none.
 */

struct attach {
	struct proxy_attach one; /* of the worker that is asked just now */
	struct fds owners;
	char *sandbox;
};

static const void *
attach_params(void *ctx, unsigned i)
{
	struct attach *a = ctx;

	a->one.owners = (struct fds){ &a->owners.v[i], 1 };
	return &a->one;
}

static void
attach_failed(struct fleet *f, void *ctx)
{
	struct attach *a = ctx;
	struct proxy_detach params = { a->sandbox };

	fleet_tell(f, &proxy_detach_method, &params);
}

static void
attach_free(void *ctx)
{
	struct attach *a = ctx;

	free(a->sandbox);
	free(a);
}

static int
attach(struct call *call, void *params, struct error *e)
{
	static const struct fleet_ask ask = {
		.method = &proxy_attach_method,
		.params_of = attach_params,
		.failed = attach_failed,
		.free = attach_free,
	};
	const struct proxy_attach *p = params;
	struct fleet *f = call_ctx(call);
	struct attach *a;

	if (p->owners.n != fleet_size(f))
		return error_set(e, ERR_INVALID,
		    "%zu owner channels for %u workers", p->owners.n,
		    fleet_size(f));
	a = xcalloc(1, sizeof(*a));
	a->one = *p;
	a->owners = p->owners;
	a->sandbox = xstrdup(p->sandbox);
	fleet_ask(f, call, &ask, NULL, a);
	return 0;
}

static int
set_policy(struct call *call, void *params, struct error *e)
{
	static const struct fleet_ask ask = { &proxy_set_policy_method };

	(void)e;
	fleet_ask(call_ctx(call), call, &ask, params, NULL);
	return 0;
}

static int
set_credentials(struct call *call, void *params, struct error *e)
{
	static const struct fleet_ask ask = { &proxy_set_credentials_method };

	(void)e;
	fleet_ask(call_ctx(call), call, &ask, params, NULL);
	return 0;
}

static int
detach(struct call *call, void *params, struct error *e)
{
	static const struct fleet_ask ask = { &proxy_detach_method };

	(void)e;
	fleet_ask(call_ctx(call), call, &ask, params, NULL);
	return 0;
}

static int
set_router(struct call *call, void *params, struct error *e)
{
	static const struct fleet_ask ask = { &proxy_set_router_method };

	(void)e;
	fleet_ask(call_ctx(call), call, &ask, params, NULL);
	return 0;
}

/*
 * GetStatus: connections are added up, sandboxes are the same in all.
 */

static void
status_add(void *ctx, const void *reply)
{
	struct proxy_status *sum = ctx;
	const struct proxy_status *one = reply;
	struct strings *ids = &sum->attached;

	sum->connections += one->connections;
	if (ids->v != NULL)
		return;
	sum->sandboxes = one->sandboxes;
	ids->v = xcalloc(one->attached.n + 1, sizeof(char *));
	for (; ids->n < one->attached.n; ids->n++)
		ids->v[ids->n] = xstrdup(one->attached.v[ids->n]);
}

static const void *
status_reply(void *ctx)
{
	return ctx;
}

static void
status_free(void *ctx)
{
	struct proxy_status *sum = ctx;

	for (size_t i = 0; i < sum->attached.n; i++)
		free((void *)(uintptr_t)sum->attached.v[i]);
	free(sum->attached.v);
	free(sum);
}

static int
get_status(struct call *call, void *params, struct error *e)
{
	static const struct fleet_ask ask = {
		.method = &proxy_status_method,
		.add = status_add,
		.reply = status_reply,
		.free = status_free,
	};
	struct proxy_status *sum = xcalloc(1, sizeof(*sum));
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
	{ &proxy_attach_method, ROLE_ADMIN, attach },
	{ &proxy_set_policy_method, ROLE_ADMIN, set_policy },
	{ &proxy_set_credentials_method, ROLE_ADMIN, set_credentials },
	{ &proxy_detach_method, ROLE_ADMIN, detach },
	{ &proxy_set_router_method, ROLE_ADMIN, set_router },
	{ &proxy_status_method, ROLE_ADMIN, get_status },
	{ &proxy_events_method, ROLE_ADMIN, get_events },
	{ 0 },
};
