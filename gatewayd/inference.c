/* SPDX-License-Identifier: Apache-2.0 */
/* inference.c - see inference.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/http/message.h"
#include "common/log.h"
#include "common/privacy/privacy.h"
#include "common/varlink/client.h"
#include "common/varlink/codec.h"
#include "common/wire/limits.h"
#include "common/wire/proxy.h"
#include "common/xalloc.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inference.h"
#include "gatewayd/link.h"
#include "gatewayd/models.h"
#include "gatewayd/provider.h"
#include "gatewayd/store.h"

#define CHANNELS_MAX 16
#define PRIVACY_PER_OWNER_MAX (1u << 20) /* bytes of all sections */

void
inference_scope(uid_t owner, char ret[INFERENCE_SCOPE_SIZE])
{
	(void)snprintf(ret, INFERENCE_SCOPE_SIZE, "uid:%lld", (long long)owner);
}

/*
 * Routes.
 */

static void
route_free(struct inference_route *r)
{
	arena_clear(&r->arena);
	free(r->sandbox);
	free(r->name);
	free(r->reroute);
	free(r);
}

void
inference_free(struct gateway *gw)
{
	struct inference_route *r, *next;

	for (r = TAILQ_FIRST(&gw->routes); r != NULL; r = next) {
		next = TAILQ_NEXT(r, next);
		route_free(r);
	}
}

/* Whom a section reroutes to; owned, NULL for nobody. */
static char *
read_reroute(const char *name, const char *section)
{
	struct privacy *p;
	struct error e;
	char *to;

	if (section == NULL)
		return NULL;
	if (privacy_parse(section, strlen(section), &p, &e) < 0) {
		/* routerd refuses it too. */
		log_warnx("a privacy section can't be read name=%s: %s", name,
		    e.text);
		return NULL;
	}
	to = privacy_reroute(p) != NULL ? xstrdup(privacy_reroute(p)) : NULL;
	privacy_free(p);
	return to;
}

/* What another version has written, say.  The route keeps its place, so that no
 * other takes it, and isn't asked. */
static const struct gateway_set_inference unreadable = { .provider = "",
	.model = "" };

static void
load_route(void *arg, const struct store_route *row)
{
	const struct method *m = &gateway_set_inference_method;
	struct gateway *gw = arg;
	struct inference_route *r = xcalloc(1, sizeof(*r));
	struct bad_field bad;

	r->spec = codec_decode_text(
	    row->spec, m->params, m->params_size, &r->arena, &bad);
	if (r->spec == NULL) {
		log_warnx("an inference route can't be read name=%s field=%s",
		    row->name, bad.path);
		r->spec = &unreadable;
	}
	r->owner = (uid_t)row->owner_uid;
	r->sandbox = xstrdup(row->sandbox);
	r->name = xstrdup(row->name);
	r->version = row->version;
	r->reroute = read_reroute(row->name, r->spec->privacy);
	TAILQ_INSERT_TAIL(&gw->routes, r, next);
}

int
inference_load(struct gateway *gw, struct error *e)
{
	return store_route_each(gw->store, load_route, gw, e);
}

struct inference_route *
inference_find(
    struct gateway *gw, uid_t owner, const char *sandbox, const char *name)
{
	struct inference_route *r;

	TAILQ_FOREACH(r, &gw->routes, next)
	if (r->owner == owner && strcmp(r->sandbox, sandbox) == 0 &&
	    strcmp(r->name, name) == 0)
		return r;
	return NULL;
}

bool
inference_uses(const struct provider *p)
{
	const struct inference_route *r;

	TAILQ_FOREACH(r, &p->gw->routes, next)
	if (r->owner == p->owner && strcmp(r->spec->provider, p->name) == 0)
		return true;
	return false;
}

static bool
has(const struct strings *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], name) == 0)
			return true;
	return false;
}

/* What an update may take away. */
static int
check_clear(const struct strings *clear, struct error *e)
{
	static const char *names[] = { "timeout_s", "fallbacks",
		"requests_per_minute", "tokens_per_minute", "concurrent",
		"privacy" };
	static const struct strings known = { names,
		sizeof(names) / sizeof(names[0]) };

	for (size_t i = 0; i < clear->n; i++)
		if (!has(&known, clear->v[i]))
			return error_set(e, ERR_INVALID,
			    "'%s' can't be cleared (what can: timeout_s, "
			    "fallbacks, requests_per_minute, "
			    "tokens_per_minute, concurrent, privacy)",
			    clear->v[i]);
	return 0;
}

/* What isn't given in an update stays. */
static void
stay(struct gateway_set_inference *spec,
    const struct gateway_set_inference *was, const struct field *f)
{
	void *to = (char *)spec + f->offset;
	const void *from = (const char *)was + f->offset;

	if (f->type == FIELD_STR && *(const char **)to == NULL)
		*(const char **)to = *(const char *const *)from;
	if (f->type == FIELD_INT && *(int64_t *)to == 0)
		*(int64_t *)to = *(const int64_t *)from;
	if (f->type == FIELD_STRS && ((struct strings *)to)->n == 0)
		*(struct strings *)to = *(const struct strings *)from;
}

static struct gateway_set_inference
merge(const struct gateway_set_inference *given,
    const struct inference_route *old)
{
	const struct field *f = gateway_set_inference_method.params;
	struct gateway_set_inference spec = *given;

	spec.sandbox = spec.name = NULL;
	spec.update = spec.no_verify = false;
	spec.clear = (struct strings){ 0 };
	for (; given->update && old != NULL && f->name != NULL; f++)
		if (!has(&given->clear, f->name))
			stay(&spec, old->spec, f);
	return spec;
}

/*
 * Privacy sections, and the routes that they name.
 */

/* As routerd looks for it: a sandbox's route has its sandbox's own before its
 * owner's. */
static struct inference_route *
rerouted_to(
    struct gateway *gw, uid_t owner, const char *sandbox, const char *name)
{
	struct inference_route *r = inference_find(gw, owner, sandbox, name);

	return r != NULL || *sandbox == '\0'
		   ? r
		   : inference_find(gw, owner, "", name);
}

/* Of a route that isn't there yet, or as it was: may it reroute there? */
static int
check_reroute(struct gateway *gw, uid_t owner, const char *sandbox,
    const char *name, const char *to, struct error *e)
{
	const struct inference_route *r;
	const char *from = sandbox;

	if (to != NULL && strcmp(to, ROUTER_SYSTEM) == 0)
		return error_set(e, ERR_INVALID,
		    "privacy: reroute: '%s' is the sandboxes' own", to);
	for (unsigned hops = 0; to != NULL && hops <= ROUTER_ROUTES_MAX;
	     hops++) {
		if (strcmp(from, sandbox) == 0 && strcmp(to, name) == 0)
			return error_set(e, ERR_INVALID,
			    "privacy: reroute: it leads back to route '%s'",
			    name);
		r = rerouted_to(gw, owner, from, to);
		if (r == NULL)
			return error_set(e, ERR_PRECONDITION,
			    "privacy: reroute: there is no route '%s'; make "
			    "it first with: openshell inference set --name %s",
			    to, to);
		from = r->sandbox;
		to = r->reroute;
	}
	return 0;
}

static size_t
privacy_bytes(
    struct gateway *gw, uid_t owner, const struct inference_route *but)
{
	const struct inference_route *r;
	size_t n = 0;

	TAILQ_FOREACH(r, &gw->routes, next)
	if (r->owner == owner && r != but && r->spec->privacy != NULL)
		n += strlen(r->spec->privacy);
	return n;
}

/* The section in its canonical form, owned, and the route that it names: would
 * routerd take it? */
static int
read_privacy(
    const char *section, char **ret, char **ret_reroute, struct error *e)
{
	struct privacy_matcher *matcher = NULL;
	struct privacy *p;
	int r;

	if (privacy_parse(section, strlen(section), &p, e) < 0)
		return error_prefix(e, "privacy");
	r = privacy_compile(p, &matcher, e);
	if (r < 0)
		(void)error_prefix(e, "privacy");
	privacy_matcher_free(matcher);
	*ret = privacy_to_json(p);
	*ret_reroute =
	    privacy_reroute(p) != NULL ? xstrdup(privacy_reroute(p)) : NULL;
	privacy_free(p);
	return r;
}

static int
check_privacy(struct gateway *gw, uid_t owner, const char *sandbox,
    const char *name, const char *section, char **ret, struct error *e)
{
	const struct inference_route *old =
	    inference_find(gw, owner, sandbox, name);
	autofree char *reroute = NULL;
	autofree char *json = NULL;

	if (section == NULL)
		return 0;
	if (read_privacy(section, &json, &reroute, e) < 0 ||
	    check_reroute(gw, owner, sandbox, name, reroute, e) < 0)
		return -1;
	if (strlen(json) > ROUTER_PRIVACY_MAX)
		return error_set(e, ERR_LIMIT,
		    "privacy: it is longer than %d bytes", ROUTER_PRIVACY_MAX);
	if (privacy_bytes(gw, owner, old) + strlen(json) >
	    PRIVACY_PER_OWNER_MAX)
		return error_set(e, ERR_LIMIT,
		    "privacy: with that of route '%s' the sections of your "
		    "routes are longer than %u bytes",
		    name, PRIVACY_PER_OWNER_MAX);
	*ret = steal_ptr(&json);
	return 0;
}

/* One that reroutes to it. */
static const struct inference_route *
rerouting(struct gateway *gw, const struct inference_route *to)
{
	const struct inference_route *r;

	TAILQ_FOREACH(r, &gw->routes, next)
	if (r->owner == to->owner && r->reroute != NULL &&
	    rerouted_to(gw, r->owner, r->sandbox, r->reroute) == to)
		return r;
	return NULL;
}

/*
 * Setting and deleting.
 */

static int
check_name(const char *name, struct error *e)
{
	size_t n = strlen(name);

	if (strcmp(name, ROUTER_DEFAULT) == 0 ||
	    (n > 0 && n <= WIRE_NAME_MAX &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "0123456789-_.") == n))
		return 0;
	return error_set(e, ERR_INVALID,
	    "route name '%.*s' may have up to %d letters, digits, '-', '_' "
	    "and '.'",
	    WIRE_NAME_MAX, name, WIRE_NAME_MAX);
}

static int
check(struct gateway *gw, uid_t owner, const char *name,
    const struct gateway_set_inference *spec, struct error *e)
{
	_cleanup_(models_clear) struct models m = { 0 };
	const struct provider *p;

	if (check_name(name, e) < 0)
		return -1;
	for (size_t i = 0; i < spec->fallbacks.n; i++)
		if (check_name(spec->fallbacks.v[i], e) < 0)
			return error_prefix(e, "fallback");
	if (spec->provider == NULL || *spec->provider == '\0')
		return error_set(e, ERR_INVALID, "a route needs a provider");
	if (spec->model == NULL || *spec->model == '\0')
		return error_set(e, ERR_INVALID, "a route needs a model");
	if (!http_is_field_value(
		(struct http_slice){ spec->model, strlen(spec->model) }))
		return error_set(e, ERR_INVALID,
		    "a model's name has no line breaks and the like");
	p = provider_of(gw, owner, spec->provider);
	if (p == NULL)
		return error_set(e, ERR_PRECONDITION,
		    "provider '%s' not found; create it with: openshell "
		    "provider create --name %s --type TYPE --from-existing",
		    spec->provider, spec->provider);
	return models_find(p, &m, e);
}

/* Nobody is to lose a privacy section by choosing another model. */
static int
check_loss(const char *name, const struct inference_route *old, struct error *e)
{
	if (old != NULL && old->spec == &unreadable)
		return error_set(e, ERR_PRECONDITION,
		    "route '%s' can't be read and may have a privacy section: "
		    "give it with --privacy FILE, or none with --clear privacy",
		    name);
	if (old != NULL && old->spec->privacy != NULL)
		return error_set(e, ERR_PRECONDITION,
		    "route '%s' has a privacy section: give it again with "
		    "--privacy FILE, take it away with --clear privacy, or "
		    "change the rest with: openshell inference update",
		    name);
	return 0;
}

/* ret->privacy is *ret_privacy, owned, if there is any. */
static int
prepare(struct gateway *gw, uid_t owner, const char *sandbox,
    const struct gateway_set_inference *given,
    struct gateway_set_inference *ret, char **ret_privacy, struct error *e)
{
	const char *name = given->name != NULL ? given->name : ROUTER_DEFAULT;
	const struct inference_route *old =
	    inference_find(gw, owner, sandbox, name);

	if (given->update && old == NULL)
		return error_set(e, ERR_NOT_FOUND,
		    "there is no inference route '%s' to update", name);
	if (given->update && old->spec == &unreadable)
		return error_set(e, ERR_PRECONDITION,
		    "route '%s' can't be read: set it anew with: openshell "
		    "inference set",
		    name);
	if (check_clear(&given->clear, e) < 0)
		return -1;
	*ret = merge(given, old);
	if ((ret->privacy == NULL && !has(&given->clear, "privacy") &&
		check_loss(name, old, e) < 0) ||
	    check(gw, owner, name, ret, e) < 0 ||
	    check_privacy(
		gw, owner, sandbox, name, ret->privacy, ret_privacy, e) < 0)
		return -1;
	ret->privacy = *ret_privacy;
	return 0;
}

/* routerd takes so many, and one that it doesn't get would be as if it weren't
 * there. */
static int
check_count(const struct gateway *gw, uid_t owner, struct error *e)
{
	const struct inference_route *r;
	size_t n = 0, own = 0;

	TAILQ_FOREACH(r, &gw->routes, next)
	{
		n++;
		own += r->owner == owner;
	}
	if (own >= INFERENCE_PER_OWNER_MAX)
		return error_set(e, ERR_LIMIT,
		    "one owner has at most %d inference routes",
		    INFERENCE_PER_OWNER_MAX);
	return n < ROUTER_ROUTES_MAX
		   ? 0
		   : error_set(e, ERR_LIMIT,
			 "there are %d inference routes, and no more are "
			 "possible",
			 ROUTER_ROUTES_MAX);
}

int
inference_set(struct gateway *gw, uid_t owner, const char *sandbox,
    const struct gateway_set_inference *given, struct inference_route **ret,
    struct error *e)
{
	const struct method *m = &gateway_set_inference_method;
	const char *name = given->name != NULL ? given->name : ROUTER_DEFAULT;
	struct inference_route *old = inference_find(gw, owner, sandbox, name);
	struct gateway_set_inference spec;
	_cleanup_(buf_free) struct buf json = BUF_INIT;
	autofree char *privacy = NULL;
	struct store_route row = { owner, sandbox, name, NULL,
		old != NULL ? old->version + 1 : 1 };

	if (prepare(gw, owner, sandbox, given, &spec, &privacy, e) < 0 ||
	    (old == NULL && check_count(gw, owner, e) < 0))
		return -1;
	(void)codec_encode(&json, m->params, &spec, NULL);
	row.spec = buf_str(&json);
	if (store_route_put(gw->store, &row, e) < 0)
		return -1;
	load_route(gw, &row);
	if (old != NULL) {
		TAILQ_REMOVE(&gw->routes, old, next);
		route_free(old);
	}
	*ret = TAILQ_LAST(&gw->routes, inference_routes);
	inference_push(gw);
	return 0;
}

int
inference_delete(struct gateway *gw, uid_t owner, const char *sandbox,
    const char *name, bool *ret_deleted, struct error *e)
{
	struct inference_route *r = inference_find(gw, owner, sandbox, name);
	const struct inference_route *user =
	    r != NULL ? rerouting(gw, r) : NULL;

	*ret_deleted = r != NULL;
	if (r == NULL)
		return 0;
	if (user != NULL)
		return error_set(e, ERR_PRECONDITION,
		    "the privacy section of route '%s' reroutes to '%s'; "
		    "change that first with: openshell inference update",
		    user->name, name);
	if (store_route_delete(gw->store, owner, sandbox, name, e) < 0)
		return -1;
	TAILQ_REMOVE(&gw->routes, r, next);
	route_free(r);
	inference_push(gw);
	return 0;
}

void
inference_forget_sandbox(struct gateway *gw, const char *id)
{
	struct inference_route *r, *next;
	bool changed = false;

	for (r = TAILQ_FIRST(&gw->routes); r != NULL; r = next) {
		next = TAILQ_NEXT(r, next);
		if (strcmp(r->sandbox, id) != 0)
			continue;
		TAILQ_REMOVE(&gw->routes, r, next);
		route_free(r);
		changed = true;
	}
	if (changed)
		inference_push(gw);
}

/*
 * What routerd gets.
 */

char *
inference_endpoint(struct gateway *gw, const struct inference_route *r)
{
	const struct provider *p = provider_of(gw, r->owner, r->spec->provider);
	_cleanup_(models_clear) struct models m = { 0 };
	struct error e;

	return p != NULL && models_find(p, &m, &e) == 0 ? steal_ptr(&m.endpoint)
							: NULL;
}

/* A route as routerd gets it, with what it owns. */
struct pushed {
	char scope[INFERENCE_SCOPE_SIZE];
	char *endpoint;
	const char *region; /* the provider's */
	char *key;
	char *access_key;
	char *session_token;
	int64_t expires_at_ms; /* the first of them; 0: never */
};

static void
pushed_clear(struct pushed *p)
{
	free(p->endpoint);
	free_secret(p->key);
	free_secret(p->access_key);
	free_secret(p->session_token);
}

/* NULL: there is none, and none is sent. */
static int
open_secret(const struct provider *p, const struct credential *c,
    struct pushed *own, char **ret, struct error *e)
{
	if (c == NULL)
		return 0;
	if (credential_is_empty(c))
		return error_set(e, ERR_PRECONDITION,
		    "provider '%s' waits for a new %s", p->name, c->key);
	if (c->expires_at_ms > 0 &&
	    (own->expires_at_ms == 0 || c->expires_at_ms < own->expires_at_ms))
		own->expires_at_ms = c->expires_at_ms;
	return provider_secret(p, c, ret, e);
}

/* Endpoint and secrets. */
static int
fill_access(const struct inference_route *r, const struct provider *p,
    struct models *m, struct pushed *own, struct error *e)
{
	if (r->spec == &unreadable)
		return error_set(e, ERR_PRECONDITION, "it can't be read");
	if (p == NULL)
		return error_set(e, ERR_NOT_FOUND, "provider '%s' is gone",
		    r->spec->provider);
	if (models_find(p, m, e) < 0 ||
	    open_secret(p, m->key, own, &own->key, e) < 0)
		return -1;
	if (strcmp(m->speaks, "aws-bedrock") == 0 &&
	    (open_secret(p, provider_credential(p, "AWS_ACCESS_KEY_ID"), own,
		 &own->access_key, e) < 0 ||
		open_secret(p, provider_credential(p, "AWS_SESSION_TOKEN"), own,
		    &own->session_token, e) < 0))
		return -1;
	own->endpoint = steal_ptr(&m->endpoint);
	own->region = m->region;
	return 0;
}

/* -1: it can't be asked; to is filled all the same, without an endpoint. */
static int
fill(struct gateway *gw, const struct inference_route *r, struct pushed *own,
    struct router_route *to, struct error *e)
{
	const struct gateway_set_inference *spec = r->spec;
	const struct provider *p = provider_of(gw, r->owner, spec->provider);
	_cleanup_(models_clear) struct models m = { 0 };
	int result = fill_access(r, p, &m, own, e);

	inference_scope(r->owner, own->scope);
	*to = (struct router_route){
		.scope = *r->sandbox != '\0' ? r->sandbox : own->scope,
		.name = r->name,
		.provider = spec->provider,
		.type = m.speaks != NULL ? m.speaks : "",
		.endpoint = own->endpoint,
		.model = spec->model,
		.key = own->key,
		.access_key = own->access_key,
		.session_token = own->session_token,
		.region = own->region,
		.expires_at_ms = own->expires_at_ms,
		.timeout_s = spec->timeout_s,
		.fallbacks = spec->fallbacks,
		.requests_per_minute = spec->requests_per_minute,
		.tokens_per_minute = spec->tokens_per_minute,
		.concurrent = spec->concurrent,
		.privacy = spec->privacy,
	};
	return result;
}

int
inference_verify(struct gateway *gw, uid_t owner, const char *sandbox,
    const struct gateway_set_inference *given, verify_done_fn *done, void *arg,
    struct error *e)
{
	struct gateway_set_inference spec;
	struct inference_route r = { .owner = owner,
		.sandbox = (char *)(uintptr_t)sandbox,
		.name = (char *)(uintptr_t)ROUTER_DEFAULT,
		.spec = &spec };
	struct router_route route;
	struct pushed own = { 0 };
	autofree char *privacy = NULL;
	int result = prepare(gw, owner, sandbox, given, &spec, &privacy, e);

	if (result == 0)
		result = fill(gw, &r, &own, &route, e);
	if (result == 0)
		verify_start(gw, &route, done, arg);
	pushed_clear(&own);
	return result;
}

void
inference_push(struct gateway *gw)
{
	struct router_route *routes;
	struct inference_route *r;
	struct pushed *own;
	struct error e;
	size_t n = 0;

	if (!route_push_begin(gw))
		return;
	TAILQ_FOREACH(r, &gw->routes, next)
	n++;
	routes = xcalloc(n + 1, sizeof(*routes));
	own = xcalloc(n + 1, sizeof(*own));
	n = 0;
	TAILQ_FOREACH(r, &gw->routes, next)
	{
		if (n < ROUTER_ROUTES_MAX &&
		    fill(gw, r, &own[n], &routes[n], &e) < 0)
			log_warnx("an inference route can't be asked name=%s: "
				  "%s",
			    r->name, e.text);
		n++;
	}
	route_push_send(
	    gw, routes, n < ROUTER_ROUTES_MAX ? n : ROUTER_ROUTES_MAX);
	while (n > 0)
		pushed_clear(&own[--n]);
	free(own);
	free(routes);
}

static void
close_all(int *fds, size_t n)
{
	while (n > 0)
		(void)close(fds[--n]);
}

static void
on_connected(void *arg, const struct varlink_result *r)
{
	(void)arg;
	if (r->error != NULL)
		log_warnx("inference.local isn't there: %s", r->error->text);
}

void
inference_connect(struct gateway *gw)
{
	int ours[CHANNELS_MAX], theirs[CHANNELS_MAX];
	size_t workers, n;

	if (gw->proxy == NULL || gw->router == NULL || !link_is_up(gw->proxy) ||
	    !link_is_up(gw->router))
		return;
	workers = link_workers(gw->router);
	for (n = 0; n < workers && n < CHANNELS_MAX; n++) {
		int pair[2];

		if (socketpair(
			AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			break;
		ours[n] = pair[0];
		theirs[n] = pair[1];
	}
	/* In this order: what proxyd sends somebody must read. */
	link_call(gw->router, &router_serve_method,
	    &(struct router_serve){ { ours, n } }, on_connected, NULL);
	link_call(gw->proxy, &proxy_set_router_method,
	    &(struct proxy_router){ { theirs, n } }, on_connected, NULL);
	close_all(ours, n);
	close_all(theirs, n);
}

static const char *
field(const struct log_event *event, const char *name)
{
	for (size_t i = 0; i < event->fields.n; i++)
		if (strcmp(event->fields.v[i].name, name) == 0)
			return event->fields.v[i].value;
	return NULL;
}

static int64_t
number(const struct log_event *event, const char *name)
{
	const char *value = field(event, name);

	return value != NULL ? strtoll(value, NULL, 10) : 0;
}

bool
inference_count(struct gateway *gw, const struct log_event *event)
{
	struct error e;

	if (strcmp(event->message, ROUTER_USAGE) != 0)
		return false;
	if (store_usage_add(gw->store,
		&(struct store_usage){
		    .sandbox = event->sandbox,
		    .route = field(event, "route"),
		    .provider = field(event, "provider"),
		    .model = field(event, "model"),
		    .requests = number(event, "requests"),
		    .failures = number(event, "failures"),
		    .input_tokens = number(event, "input_tokens"),
		    .output_tokens = number(event, "output_tokens"),
		},
		&e) < 0)
		log_warnx("cannot count usage: %s", e.text);
	return true;
}
