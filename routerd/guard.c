/* SPDX-License-Identifier: Apache-2.0 */
/* guard.c - see guard.h. */
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/field.h"
#include "common/log.h"
#include "common/privacy/map.h"
#include "common/privacy/privacy.h"
#include "routerd/ask.h"
#include "routerd/backend.h"
#include "routerd/guard.h"
#include "routerd/refusal.h"
#include "routerd/table.h"
#include "routerd/worker.h"

#define TOLD_PATHS 4
#define TOLD_NAMES 16

void
guard_init(struct guard *g, struct worker *w, const struct scopes *scopes)
{
	*g = (struct guard){ .worker = w, .scopes = scopes };
}

static void
drop_maps(struct guard *g, size_t keep)
{
	while (g->n_maps > keep)
		privacy_map_free(g->maps[--g->n_maps]);
}

static void
drop_own(struct guard *g)
{
	drop_maps(g, g->n_common);
	buf_wipe(&g->own);
	g->has_own = false;
}

void
guard_clear(struct guard *g)
{
	g->n_common = 0;
	drop_own(g);
}

/*
 * What is told of findings: names, counts and places.
 */

/* Is there one of the same name before it? */
static bool
is_repeated(const struct privacy_result *r, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(r->findings[k].name, r->findings[i].name) == 0)
			return true;
	return false;
}

static size_t
count(const struct privacy_result *r, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_findings; i++)
		n += strcmp(r->findings[i].name, name) == 0;
	return n;
}

/* "email=2 iban=1" */
static void
put_names(struct buf *b, const struct privacy_result *r)
{
	size_t told = 0;

	for (size_t i = 0; i < r->n_findings && told < TOLD_NAMES; i++) {
		const char *name = r->findings[i].name;

		if (is_repeated(r, i))
			continue;
		(void)buf_printf(
		    b, "%s%s=%zu", told++ > 0 ? " " : "", name, count(r, name));
	}
}

static void
put_paths(struct buf *b, const struct privacy_result *r)
{
	size_t told = 0;

	for (size_t i = 0; i < r->n_findings && told < TOLD_PATHS; i++) {
		const char *path = r->findings[i].path;

		if (i > 0 && strcmp(r->findings[i - 1].path, path) == 0)
			continue;
		(void)buf_printf(b, "%s%s", told++ > 0 ? " " : "", path);
	}
}

static void
tell(struct guard *g, const struct route *route, const struct privacy_result *r)
{
	bool is_denial = r->action == PRIVACY_BLOCK;
	_cleanup_(buf_free) struct buf names = BUF_INIT;
	_cleanup_(buf_free) struct buf paths = BUF_INIT;

	if (!events_wants(g->worker->events, &g->worker->quota, is_denial))
		return;
	put_names(&names, r);
	put_paths(&paths, r);
	const struct pair pairs[] = {
		{ "action", privacy_action_name(r->action) },
		{ "detectors", buf_str(&names) },
		{ "paths", buf_str(&paths) },
		{ "more", r->has_more ? "true" : NULL },
		{ "route", route->name },
		{ "provider", route->provider },
		{ "reroute",
		    r->action == PRIVACY_REROUTE ? route->reroute : NULL },
	};
	events_add(g->worker->events, is_denial, g->scopes->sandbox, "PRIVACY",
	    pairs, sizeof(pairs) / sizeof(pairs[0]));
}

/*
 * What is done.
 */

static int
check(struct guard *g, const struct ask *a, const struct route *route,
    const struct buf *body, struct privacy_result *ret, struct error *e)
{
	uint8_t key[PRIVACY_KEY_LEN];
	int r;

	if (route->privacy == NULL || !a->api.has_body)
		return 0;
	worker_privacy_key(g->worker, g->scopes->sandbox, key);
	r = privacy_apply(route->privacy, (const char *)buf_data(body),
	    body->len, key, ret, e);
	OPENSSL_cleanse(key, sizeof(key));
	if (r == 0 && ret->n_findings > 0)
		tell(g, route, ret);
	return r;
}

static int refuse(struct refusal *ret, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int
refuse(struct refusal *ret, const char *fmt, ...)
{
	va_list ap;

	(void)refusal_set(ret, 403, "privacy_blocked");
	va_start(ap, fmt);
	(void)vsnprintf(ret->detail, sizeof(ret->detail), fmt, ap);
	va_end(ap);
	return -1;
}

static int
refuse_unchecked(struct refusal *ret, const struct error *e)
{
	(void)refusal_set(
	    ret, e->code == ERR_LIMIT ? 413 : 400, "privacy_unchecked");
	(void)snprintf(ret->detail, sizeof(ret->detail), "%s", e->text);
	return -1;
}

/* "us-ssn at messages[0].content; ..." */
static int
refuse_blocked(struct refusal *ret, const struct privacy_result *r)
{
	_cleanup_(buf_free) struct buf text = BUF_INIT;
	size_t told = 0;

	for (size_t i = 0; i < r->n_findings && told < TOLD_PATHS; i++) {
		const struct privacy_finding *f = &r->findings[i];

		if (f->action != PRIVACY_BLOCK)
			continue;
		(void)buf_printf(&text, "%s%s at %s", told++ > 0 ? "; " : "",
		    f->name, *f->path != '\0' ? f->path : "the top");
	}
	return refuse(ret, "%s", buf_str(&text));
}

/* Of the result: what is left of the body, and what is to be put back. */
static void
keep(struct guard *g, struct privacy_result *r, struct buf *body)
{
	if (r->is_changed) {
		buf_wipe(body);
		*body = r->body;
		r->body = (struct buf)BUF_INIT;
	}
	if (r->map != NULL)
		g->maps[g->n_maps++] = steal_ptr(&r->map);
}

/* To whom a->route's section reroutes. */
static int
reroute(const struct guard *g, const struct table *t, struct ask *a,
    struct refusal *ret)
{
	const char *name = a->route->reroute;
	const struct route *to = table_reroute(t, g->scopes, a->route);

	if (to == NULL)
		return refuse(ret, "there is no route '%s' to ask", name);
	if (route_is_closed(to))
		return refuse(ret, "route '%s' can't be asked", name);
	if (!route_offers(to, a->api.protocol))
		return refuse(ret, "route '%s' doesn't speak %s", name,
		    api_protocol_name(a->api.protocol));
	a->first = a->route = to;
	return 0;
}

/* One route's say.  *ret_reroutes: another's is to follow. */
static int
pass(struct guard *g, struct ask *a, struct buf *body, bool *ret_reroutes,
    struct refusal *ret)
{
	struct privacy_result r = { 0 };
	struct error e;
	int result = 0;

	*ret_reroutes = false;
	if (check(g, a, a->route, body, &r, &e) < 0)
		return refuse_unchecked(ret, &e);
	if (r.action == PRIVACY_BLOCK)
		result = refuse_blocked(ret, &r);
	else
		keep(g, &r, body);
	*ret_reroutes = r.action == PRIVACY_REROUTE;
	privacy_result_clear(&r);
	return result;
}

int
guard_request(struct guard *g, const struct table *t, struct ask *a,
    struct buf *body, struct refusal *ret)
{
	bool reroutes;

	if (pass(g, a, body, &reroutes, ret) < 0)
		return -1;
	if (reroutes) {
		if (reroute(g, t, a, ret) < 0 ||
		    pass(g, a, body, &reroutes, ret) < 0)
			return -1;
		if (reroutes)
			return refuse(ret,
			    "route '%s' would have it rerouted once more",
			    a->route->name);
	}
	g->n_common = g->n_maps;
	return 0;
}

bool
guard_fallback(struct guard *g, const struct ask *a, const struct route *route,
    const struct buf *body)
{
	struct privacy_result r = { 0 };
	struct error e;
	bool may = true;

	if (check(g, a, route, body, &r, &e) < 0) {
		log_info("a fallback can't be asked route=%s: %s", route->name,
		    e.text);
		return false;
	}
	may = r.action < PRIVACY_REROUTE;
	if (may) {
		drop_own(g);
		g->has_own = r.is_changed;
		keep(g, &r, &g->own);
	}
	privacy_result_clear(&r);
	return may;
}

const struct buf *
guard_body(const struct guard *g, const struct buf *body)
{
	return g->has_own ? &g->own : body;
}
