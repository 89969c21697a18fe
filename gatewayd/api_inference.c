/* SPDX-License-Identifier: Apache-2.0 */
/* api_inference.c - inference routes: set, looked at, deleted; usage. */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/wire/inference.h"
#include "common/xalloc.h"
#include "gatewayd/api.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inference.h"
#include "gatewayd/link.h"
#include "gatewayd/provider.h"
#include "gatewayd/sandbox.h"
#include "gatewayd/store.h"

#define RETRY_MS 50
#define TRIES_MAX 100

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

/* A route that is being tried before it is set. */
struct setting {
	struct gateway *gw;
	struct call *call; /* NULL: nobody waits any more */
	const struct gateway_set_inference *given; /* the call's */
	uid_t owner;
	char *sandbox; /* id */
	struct event *retry;
	unsigned tries;
};

static void setting_free(struct setting *);

static void
on_call_end(void *arg)
{
	((struct setting *)arg)->call = NULL;
}

static void
set(struct call *call, const struct setting *s,
    const struct router_probed *found)
{
	struct gateway_validated validated;
	struct gateway_inference_route described;
	struct gateway_inference_set reply = { .route = &described };
	struct inference_route *r;
	struct error e;

	if (*s->sandbox != '\0' && sandbox_name(s->gw, s->sandbox) == NULL) {
		(void)error_set(&e, ERR_NOT_FOUND, "sandbox '%s' not found",
		    s->given->sandbox);
		call_error(call, &e);
		return;
	}
	if (inference_set(s->gw, s->owner, s->sandbox, s->given, &r, &e) < 0) {
		call_error(call, &e);
		return;
	}
	/* Where nobody is asked, at mock://, there is no URL. */
	if (found != NULL && found->url != NULL) {
		validated =
		    (struct gateway_validated){ found->url, found->protocol };
		reply.validated = (struct objects){ &validated, 1 };
	}
	describe(s->gw, r, &described);
	call_reply(call, &reply);
	free((void *)(uintptr_t)described.endpoint);
}

static void
refuse(struct call *call, const struct setting *s, const char *why)
{
	struct error e;

	(void)error_set(&e, ERR_PRECONDITION,
	    "failed to verify inference endpoint for provider '%.40s': %.80s; "
	    "nothing was changed; check key, base URL and model, or don't "
	    "try it: --no-verify",
	    s->given->provider != NULL ? s->given->provider : "", why);
	call_error(call, &e);
}

static void
on_verified(void *arg, const struct router_probed *found, const struct error *e)
{
	struct setting *s = arg;
	struct call *call = s->call;

	if (call != NULL)
		call_on_end(call, NULL, NULL);
	s->call = NULL;
	/* Whoever asked is gone: nothing was set. */
	if (call != NULL && found != NULL && found->ok)
		set(call, s, found);
	else if (call != NULL)
		refuse(call, s, found != NULL ? found->why : e->text);
	setting_free(s);
}

static void
setting_free(struct setting *s)
{
	if (s->call != NULL)
		call_on_end(s->call, NULL, NULL);
	if (s->retry != NULL)
		event_free(s->retry);
	free(s->sandbox);
	free(s);
}

/* Fails with e what can't be tried. */
static void
give_up(struct setting *s, const struct error *e)
{
	struct call *call = s->call;

	setting_free(s);
	call_error(call, e);
}

static void on_retry(evutil_socket_t, short, void *);

/* A routerd that was just started needs a moment. */
static void
try(struct setting *s)
{
	static const struct timeval pause = { 0, RETRY_MS * 1000 };
	struct error e;

	if (!link_is_up(s->gw->router) && s->tries++ < TRIES_MAX) {
		if (s->retry == NULL)
			s->retry = evtimer_new(s->gw->base, on_retry, s);
		(void)evtimer_add(s->retry, &pause);
		return;
	}
	if (inference_verify(
		s->gw, s->owner, s->sandbox, s->given, on_verified, s, &e) < 0)
		give_up(s, &e);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct setting *s = arg;

	(void)fd;
	(void)what;
	if (s->call != NULL)
		try(s);
	else
		setting_free(s);
}

int
api_set_inference(struct call *call, void *params, struct error *e)
{
	const struct gateway_set_inference *given = params;
	struct setting *s, now = { .gw = call_ctx(call), .given = given };
	const char *id = sandbox_id(call, given->sandbox, &now.owner, e);

	if (id == NULL)
		return -1;
	now.sandbox = (char *)(uintptr_t)id;
	if (given->no_verify) {
		set(call, &now, NULL);
		return 0;
	}
	s = xmemdup(&now, sizeof(now));
	s->sandbox = xstrdup(id);
	s->call = call;
	call_on_end(call, on_call_end, s);
	try(s);
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
