/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - see table.h. */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/credential/injected.h"
#include "common/credential/redact.h"
#include "common/http/message.h"
#include "common/log.h"
#include "common/privacy/privacy.h"
#include "common/when.h"
#include "common/wire/router.h"
#include "common/xalloc.h"
#include "routerd/backend.h"
#include "routerd/table.h"

#define TIMEOUT_S 60

struct table {
	unsigned refs;
	size_t n;
	struct route *routes;
};

static char *
dup_or_null(const char *s)
{
	return s != NULL && *s != '\0' ? xstrdup(s) : NULL;
}

static void
route_clear(struct route *r)
{
	free(r->scope);
	free(r->name);
	free(r->provider);
	free(r->model);
	free(r->access_key);
	free(r->region);
	free(r->origin);
	free(r->host);
	free(r->base_path);
	redact_free(r->redact);
	privacy_matcher_free(r->privacy);
	free(r->reroute);
	free_secret(r->key);
	free_secret(r->session_token);
	for (size_t i = 0; r->fallbacks[i] != NULL; i++)
		free(r->fallbacks[i]);
}

static int
read_endpoint(struct route *r, const char *endpoint, struct error *e)
{
	struct http_slice text = { endpoint, 0 }, path;
	char authority[HTTP_AUTHORITY_SIZE];
	struct http_url url;

	if (endpoint == NULL)
		return error_set(e, ERR_INVALID, "it has no endpoint");
	text.n = strlen(endpoint);
	if (http_url_parse(text, &url, e) < 0)
		return -1;
	r->is_tls = http_slice_is_nocase(url.scheme, "https");
	r->is_mock = http_slice_is_nocase(url.scheme, "mock");
	if (!r->is_tls && !r->is_mock &&
	    !http_slice_is_nocase(url.scheme, "http"))
		return error_set(
		    e, ERR_INVALID, "'%s' is no http URL", endpoint);
	path = url.target;
	if (path.n > 0 && memchr(path.p, '?', path.n) != NULL)
		return error_set(e, ERR_INVALID, "'%s' has a query", endpoint);
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	r->authority = url.authority;
	if (r->authority.port == 0)
		r->authority.port = r->is_tls ? 443 : 80;
	r->origin = xasprintf("http%s://%s", r->is_tls ? "s" : "",
	    http_authority_format(&r->authority, 0, authority));
	r->host = xstrdup(http_authority_format(
	    &r->authority, r->is_tls ? 443 : 80, authority));
	r->base_path = xstrndup(path.n > 0 ? path.p : "", path.n);
	return 0;
}

static bool
is_value(const char *s)
{
	return s == NULL ||
	       http_is_field_value((struct http_slice){ s, strlen(s) });
}

/* An access key's id is no secret. */
static struct redact *
look_for_secrets(const struct route *r)
{
	const char *const secrets[] = { r->key, r->session_token };
	struct injected in = { 0 };
	struct redact *redact = NULL;

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (secrets[i] != NULL)
			(void)injected_add(
			    &in, "", secrets[i], strlen(secrets[i]));
	if (in.n > 0)
		redact = redact_new(&in);
	injected_clear(&in);
	return redact;
}

/* Those that are named, or all that its backend has. */
static int
read_protocols(struct route *r, const struct strings *names, struct error *e)
{
	r->protocols = names->n > 0 ? 0 : ~0u;
	for (size_t i = 0; i < names->n; i++) {
		enum protocol p;

		if (!api_protocol_find(names->v[i], &p))
			return error_set(e, ERR_INVALID,
			    "there is no protocol '%s'", names->v[i]);
		if (!backend_offers(r->backend, p))
			return error_set(e, ERR_INVALID,
			    "type '%s' doesn't speak protocol '%s'",
			    r->backend->type, names->v[i]);
		r->protocols |= 1u << p;
	}
	return 0;
}

bool
route_is_closed(const struct route *r)
{
	if (r->is_broken || r->expires_at_ms == 0)
		return r->is_broken;
	return when_now_ms() >= r->expires_at_ms;
}

/* A broken one takes all: it has the place of one that did. */
bool
route_offers(const struct route *r, enum protocol p)
{
	return r->is_broken ||
	       ((r->protocols & 1u << p) != 0 && backend_offers(r->backend, p));
}

static int
read_privacy(struct route *r, const char *text, struct error *e)
{
	struct privacy *p;
	int result;

	if (text == NULL)
		return 0;
	if (privacy_parse(text, strlen(text), &p, e) < 0)
		return error_prefix(e, "privacy");
	r->reroute = dup_or_null(privacy_reroute(p));
	result = privacy_compile(p, &r->privacy, e);
	privacy_free(p);
	return result < 0 ? error_prefix(e, "privacy") : 0;
}

static int
route_init(struct route *r, const struct router_route *from, struct error *e)
{
	size_t n = from->fallbacks.n < TABLE_FALLBACKS_MAX
		       ? from->fallbacks.n
		       : TABLE_FALLBACKS_MAX;

	r->scope = xstrdup(from->scope);
	r->name = xstrdup(from->name);
	r->provider = xstrdup(from->provider);
	r->model = dup_or_null(from->model);
	r->key = dup_or_null(from->key);
	r->access_key = dup_or_null(from->access_key);
	r->session_token = dup_or_null(from->session_token);
	r->region = dup_or_null(from->region);
	r->expires_at_ms = from->expires_at_ms;
	r->timeout_ms =
	    (from->timeout_s > 0 ? from->timeout_s : TIMEOUT_S) * 1000;
	r->requests_per_minute = from->requests_per_minute;
	r->tokens_per_minute = from->tokens_per_minute;
	r->concurrent = from->concurrent;
	for (size_t i = 0; i < n; i++)
		r->fallbacks[i] = xstrdup(from->fallbacks.v[i]);
	if (!is_value(r->key) || !is_value(r->access_key) ||
	    !is_value(r->session_token) || !is_value(r->model))
		return error_set(e, ERR_INVALID,
		    "the key or the model can't be sent in a header");
	r->redact = look_for_secrets(r);
	r->backend = backend_find(from->type);
	if (r->backend == NULL)
		return error_set(e, ERR_INVALID,
		    "models can't be asked of type '%s'", from->type);
	if (read_protocols(r, &from->protocols, e) < 0 ||
	    read_endpoint(r, from->endpoint, e) < 0)
		return -1;
	return read_privacy(r, from->privacy, e);
}

static struct table *
table_empty(void)
{
	struct table *t = xcalloc(1, sizeof(*t));

	t->refs = 1;
	return t;
}

static int
add(struct table *t, const struct objects *routes, bool is_strict,
    struct error *e)
{
	const struct router_route *v = routes->v;
	size_t room = t->n + routes->n + 1;

	t->routes = xreallocarray(t->routes, room, sizeof(*t->routes));
	for (size_t i = 0; i < routes->n; i++) {
		struct route *r = &t->routes[t->n++];

		*r = (struct route){ 0 };
		r->is_broken = route_init(r, &v[i], e) < 0;
		if (r->is_broken && is_strict)
			return error_prefix(e, "route '%s'", r->name);
		if (r->is_broken)
			log_warnx("a route can't be asked name=%s provider=%s: "
				  "%s",
			    r->name, r->provider, e->text);
	}
	return 0;
}

int
table_new(const struct router_set_routes *from, bool is_strict,
    struct table **ret, struct error *e)
{
	struct table *t = table_empty();

	if (add(t, &from->routes, is_strict, e) < 0) {
		table_unref(t);
		return -1;
	}
	*ret = t;
	return 0;
}

int
table_take(struct table **coming, struct table **live,
    const struct router_set_routes *piece, struct error *e)
{
	struct table *t = steal_ptr(coming);

	if (piece->from == 0) {
		table_unref(t);
		t = table_empty();
	}
	if (t == NULL || (size_t)piece->from != t->n ||
	    t->n + piece->routes.n > (size_t)piece->total) {
		table_unref(t);
		return error_set(e, ERR_PROTOCOL,
		    "routes from %lld of %lld don't follow those that came",
		    (long long)piece->from, (long long)piece->total);
	}
	(void)add(t, &piece->routes, false, e);
	if (t->n < (size_t)piece->total) {
		*coming = t;
		return 0;
	}
	table_unref(*live);
	*live = t;
	return 0;
}

struct table *
table_ref(struct table *t)
{
	t->refs++;
	return t;
}

void
table_unref(struct table *t)
{
	if (t == NULL || --t->refs > 0)
		return;
	for (size_t i = 0; i < t->n; i++)
		route_clear(&t->routes[i]);
	free(t->routes);
	free(t);
}

const struct route *
table_first(const struct table *t)
{
	return &t->routes[0];
}

static bool
has_name(const struct route *r, struct http_slice name, bool or_provider)
{
	return http_slice_is(name, r->name) ||
	       (or_provider && http_slice_is(name, r->provider));
}

/*
 * The first route of that name that offers the protocol.  *met: there was one
 * of that name.  What the supervisor asks for itself isn't the agent's.
 */
static const struct route *
find(const struct table *t, const struct scopes *scopes, struct http_slice name,
    bool or_provider, enum protocol protocol, bool *met)
{
	const char *const order[] = { scopes->sandbox, scopes->owner };

	for (size_t s = 0; s < sizeof(order) / sizeof(order[0]); s++) {
		for (size_t i = 0; i < t->n; i++) {
			const struct route *r = &t->routes[i];

			if (strcmp(r->scope, order[s]) != 0 ||
			    strcmp(r->name, ROUTER_SYSTEM) == 0 ||
			    !has_name(r, name, or_provider))
				continue;
			*met = true;
			if (route_offers(r, protocol))
				return r;
		}
		/* What is said for a sandbox is said instead of what its
		 * owner says, privacy and all. */
		if (*met)
			break;
	}
	return NULL;
}

enum choice
table_choose(const struct table *t, const struct scopes *scopes,
    const struct api_request *request, const char *model,
    const struct route **ret)
{
	struct http_slice name = { ROUTER_DEFAULT, strlen(ROUTER_DEFAULT) };
	bool met = false, met_alias = false;

	*ret = NULL;
	if (request->prefix.p != NULL) {
		name = request->prefix;
		*ret = find(t, scopes, name, true, request->protocol, &met);
		return *ret != NULL ? CHOICE_OK
		       : met        ? CHOICE_INCOMPATIBLE
				    : CHOICE_NONE;
	}
	if (model != NULL)
		*ret =
		    find(t, scopes, (struct http_slice){ model, strlen(model) },
			false, request->protocol, &met_alias);
	if (*ret == NULL)
		*ret = find(t, scopes, name, false, request->protocol, &met);
	return *ret != NULL       ? CHOICE_OK
	       : met || met_alias ? CHOICE_INCOMPATIBLE
				  : CHOICE_NONE;
}

const struct route *
table_fallback(const struct table *t, const struct scopes *scopes,
    const struct route *route, enum protocol protocol, size_t n)
{
	for (size_t i = 0; route->fallbacks[i] != NULL; i++) {
		bool met = false;
		const struct route *r = find(t, scopes,
		    (struct http_slice){
			route->fallbacks[i], strlen(route->fallbacks[i]) },
		    false, protocol, &met);

		if (r != NULL && r != route && !route_is_closed(r) && n-- == 0)
			return r;
	}
	return NULL;
}

const struct route *
table_reroute(const struct table *t, const struct scopes *scopes,
    const struct route *route)
{
	const char *const order[] = { route->scope, scopes->owner };

	for (size_t s = 0; s < sizeof(order) / sizeof(order[0]); s++)
		for (size_t i = 0; i < t->n; i++)
			if (strcmp(t->routes[i].scope, order[s]) == 0 &&
			    strcmp(t->routes[i].name, route->reroute) == 0)
				return &t->routes[i];
	return NULL;
}
