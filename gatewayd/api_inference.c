/* SPDX-License-Identifier: Apache-2.0 */
/* api_inference.c - inference routes: set, looked at, deleted; usage. */
#include <stdlib.h>
#include <string.h>

#include "common/wire/inference.h"
#include "common/xalloc.h"
#include "gatewayd/api.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inference.h"
#include "gatewayd/provider.h"
#include "gatewayd/sandbox.h"
#include "gatewayd/store.h"

/* The id of the named sandbox, "" for none; NULL: e says why not. */
static const char *
sandbox_id(struct call *call, const char *name, uid_t *owner, struct error *e)
{
	struct sandbox *s;

	*owner = call_peer(call)->uid;
	if (name == NULL)
		return "";
	s = sandbox_find(call_ctx(call), name, call_peer(call), e);
	if (s == NULL)
		return NULL;
	*owner = s->owner;
	return s->id;
}

static const char *
sandbox_name(const struct gateway *gw, const char *id)
{
	const struct sandbox *s;

	TAILQ_FOREACH(s, &gw->sandboxes->list, next)
	if (strcmp(s->id, id) == 0)
		return s->name;
	return NULL;
}

/* endpoint is the caller's to free. */
static void
describe(struct gateway *gw, const struct inference_route *r,
    struct gateway_inference_route *ret)
{
	const struct gateway_set_inference *spec = r->spec;
	const struct provider *p = provider_of(gw, r->owner, spec->provider);

	*ret = (struct gateway_inference_route){
		.sandbox = sandbox_name(gw, r->sandbox),
		.name = r->name,
		.provider = spec->provider,
		.type = p != NULL ? p->type : NULL,
		.endpoint = inference_endpoint(gw, r),
		.model = spec->model,
		.version = r->version,
		.timeout_s = spec->timeout_s,
		.fallbacks = spec->fallbacks,
		.requests_per_minute = spec->requests_per_minute,
		.tokens_per_minute = spec->tokens_per_minute,
		.concurrent = spec->concurrent,
		.privacy = spec->privacy,
	};
}

int
api_set_inference(struct call *call, void *params, struct error *e)
{
	const struct gateway_set_inference *given = params;
	struct gateway_inference_route described;
	struct gateway_inference_set reply = { .route = &described };
	struct gateway *gw = call_ctx(call);
	struct inference_route *r;
	uid_t owner;
	const char *id = sandbox_id(call, given->sandbox, &owner, e);

	if (id == NULL || inference_set(gw, owner, id, given, &r, e) < 0)
		return -1;
	describe(gw, r, &described);
	call_reply(call, &reply);
	free((void *)(uintptr_t)described.endpoint);
	return 0;
}

int
api_list_inference(struct call *call, void *params, struct error *e)
{
	struct gateway *gw = call_ctx(call);
	uid_t caller = call_peer(call)->uid;
	struct gateway_inference_route *v =
	    xcalloc(ROUTER_ROUTES_MAX, sizeof(*v));
	struct gateway_inference_routes reply = { { v, 0 } };
	const struct inference_route *r;

	(void)params;
	(void)e;
	TAILQ_FOREACH(r, &gw->routes, next)
	{
		if ((caller == 0 || r->owner == caller) &&
		    reply.routes.n < ROUTER_ROUTES_MAX)
			describe(gw, r, &v[reply.routes.n++]);
	}
	call_reply(call, &reply);
	for (size_t i = 0; i < reply.routes.n; i++)
		free((void *)(uintptr_t)v[i].endpoint);
	free(v);
	return 0;
}

int
api_delete_inference(struct call *call, void *params, struct error *e)
{
	const struct gateway_inference_name *p = params;
	struct gateway_inference_deleted reply = { false };
	uid_t owner;
	const char *id = sandbox_id(call, p->sandbox, &owner, e);

	if (id == NULL || inference_delete(call_ctx(call), owner, id,
			      p->name != NULL ? p->name : ROUTER_DEFAULT,
			      &reply.deleted, e) < 0)
		return -1;
	call_reply(call, &reply);
	return 0;
}

/* Rows of several sandboxes, copied: the store lends them. */
struct usages {
	const struct sandbox *sandbox;
	struct gateway_usage *v;
	size_t n;
};

static void
keep_usage(void *arg, const struct store_usage *row)
{
	struct usages *u = arg;

	u->v = xreallocarray(u->v, u->n + 1, sizeof(*u->v));
	u->v[u->n++] = (struct gateway_usage){
		.sandbox = u->sandbox->name,
		.route = xstrdup(row->route),
		.provider = xstrdup(row->provider),
		.model = xstrdup(row->model),
		.requests = row->requests,
		.failures = row->failures,
		.input_tokens = row->input_tokens,
		.output_tokens = row->output_tokens,
	};
}

static void
usages_clear(struct usages *u)
{
	for (size_t i = 0; i < u->n; i++) {
		free((void *)(uintptr_t)u->v[i].route);
		free((void *)(uintptr_t)u->v[i].provider);
		free((void *)(uintptr_t)u->v[i].model);
	}
	free(u->v);
}

int
api_inference_usage(struct call *call, void *params, struct error *e)
{
	const struct gateway_usage_of *p = params;
	struct gateway *gw = call_ctx(call);
	struct usages u = { 0 };
	struct gateway_usages reply;
	uid_t owner;
	const char *only = sandbox_id(call, p->sandbox, &owner, e);
	int r = only != NULL ? 0 : -1;

	TAILQ_FOREACH(u.sandbox, &gw->sandboxes->list, next)
	{
		if (r < 0 || !sandbox_is_visible(u.sandbox, call_peer(call)) ||
		    (*only != '\0' && strcmp(u.sandbox->id, only) != 0))
			continue;
		r = store_usage_each(
		    gw->store, u.sandbox->id, keep_usage, &u, e);
	}
	if (r == 0) {
		reply.usage = (struct objects){ u.v, u.n };
		call_reply(call, &reply);
	}
	usages_clear(&u);
	return r;
}
