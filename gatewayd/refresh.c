/* SPDX-License-Identifier: Apache-2.0 */
/* refresh.c - see refresh.h. */
#include <event2/event.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/varlink/codec.h"
#include "common/xalloc.h"
#include "gatewayd/fetch.h"
#include "gatewayd/gateway.h"
#include "gatewayd/provider.h"
#include "gatewayd/refresh.h"
#include "gatewayd/refresh_strategy.h"
#include "gatewayd/refresh_wanted.h"
#include "gatewayd/seal.h"
#include "gatewayd/store.h"

static const char *const status_names[] = { "configured", "refreshed",
	"rotation_requested", "error" };
enum status {
	CONFIGURED,
	REFRESHED,
	ROTATION_REQUESTED,
	ERROR,
	STATUS_MAX_,
};

/* What the store has of one, and what changes. */
struct state {
	enum status status;
	uint8_t *material; /* sealed */
	size_t material_len;
	int64_t version; /* of the material; its label has it */
	int64_t expires_at_ms;
	int64_t next_ms;
	int64_t last_ms;
	char error[ERROR_TEXT_MAX];
};

TAILQ_HEAD(waits, refresh_wait);

struct refresh {
	TAILQ_ENTRY(refresh) next;
	struct gateway *gw;
	struct provider *provider;
	char *key;
	const struct refresh_strategy *strategy;
	char *token_url; /* not expanded */
	struct state state;
	bool is_unsaved;     /* the store has an older one */
	struct fetch *fetch; /* under way, or NULL */
	struct waits waits;
};

TAILQ_HEAD(refresh_list, refresh);
struct refreshes {
	struct refresh_list list;
	struct fetcher *fetcher;
	struct event *timer;
	size_t flights;
};

/* Material as it is sealed. */
struct sealed_material {
	struct pairs material;
};
static const struct field sealed_fields[] = {
	{ "material", FIELD_MAP, REQUIRED,
	    offsetof(struct sealed_material, material), REFRESH_MATERIAL_MAX,
	    .is_secret = true },
	{ 0 },
};

static void sweep(struct refreshes *);

/*
 * Material.
 */

static char *
label_of(const struct refresh *r, int64_t version)
{
	return xasprintf(
	    "refresh/%s/%s/%lld", r->provider->id, r->key, (long long)version);
}

static void
seal_material(struct refresh *r, const struct pairs *material, struct state *to)
{
	const struct sealed_material what = { *material };
	_cleanup_(buf_wipe) struct buf json = BUF_INIT;
	autofree char *label = label_of(r, ++to->version);

	(void)codec_encode(&json, sealed_fields, &what, NULL);
	to->material_len = json.len + SEAL_OVERHEAD;
	to->material = xmalloc(to->material_len);
	seal_lock(r->gw->seal, label, buf_data(&json), json.len, to->material);
}

int
refreshes_renew(struct gateway *gw, struct error *e)
{
	struct refresh *r;

	TAILQ_FOREACH(r, &gw->refreshes->list, next)
	{
		autofree char *label = label_of(r, r->state.version);

		if (seal_renew(gw->seal, label, r->state.material,
			r->state.material_len, e) < 0)
			return -1;
	}
	return 0;
}

/* Dies with the arena, which wipes it. */
static int
open_material(const struct refresh *r, struct arena *arena, struct pairs *ret,
    struct error *e)
{
	autofree char *label = label_of(r, r->state.version);
	const struct sealed_material *what;
	struct bad_field bad;
	char *json;

	if (seal_unlock(r->gw->seal, label, r->state.material,
		r->state.material_len, &json, e) < 0)
		return error_prefix(e, "material of credential '%s' of '%s'",
		    r->key, r->provider->name);
	what =
	    codec_decode_text(json, sealed_fields, sizeof(*what), arena, &bad);
	OPENSSL_cleanse(json, strlen(json));
	free(json);
	if (what == NULL)
		return error_set(e, ERR_INVALID,
		    "the material of credential '%s' can't be read", r->key);
	*ret = what->material;
	return 0;
}

/*
 * The list.
 */

static void
wake(struct refresh *r, struct refresh *said, const struct error *e)
{
	struct refresh_wait *w;

	while ((w = TAILQ_FIRST(&r->waits)) != NULL) {
		refresh_cancel(w);
		w->done(w->arg, said, e);
	}
}

static void
stop_fetch(struct refresh *r)
{
	if (r->fetch == NULL)
		return;
	fetch_cancel(steal_ptr(&r->fetch));
	r->gw->refreshes->flights--;
}

static void
refresh_free(struct refresh *r)
{
	struct error e;

	stop_fetch(r);
	(void)error_set(&e, ERR_NOT_FOUND,
	    "credential '%s' is no longer refreshed", r->key);
	wake(r, NULL, &e);
	free(r->key);
	free(r->token_url);
	free(r->state.material);
	free(r);
}

static void
drop(struct refresh *r)
{
	TAILQ_REMOVE(&r->gw->refreshes->list, r, next);
	refresh_free(r);
}

void
refreshes_free(struct refreshes *all)
{
	struct refresh *r, *next;

	if (all == NULL)
		return;
	for (r = TAILQ_FIRST(&all->list); r != NULL; r = next) {
		next = TAILQ_NEXT(r, next);
		drop(r);
	}
	event_free(all->timer);
	fetcher_free(all->fetcher);
	free(all);
}

struct refresh *
refresh_next(const struct provider *p, struct refresh *r)
{
	r = r != NULL ? TAILQ_NEXT(r, next)
		      : TAILQ_FIRST(&p->gw->refreshes->list);
	while (r != NULL && r->provider != p)
		r = TAILQ_NEXT(r, next);
	return r;
}

struct refresh *
refresh_find(const struct provider *p, const char *key, struct error *e)
{
	struct refresh *r = NULL;

	while ((r = refresh_next(p, r)) != NULL)
		if (strcmp(r->key, key) == 0)
			return r;
	(void)error_set(e, ERR_NOT_FOUND,
	    "no refresh is configured for credential '%s' of provider '%s'; "
	    "openshell provider refresh configure does that",
	    key, p->name);
	return NULL;
}

/* The credentials that it gives together. */
static struct strings
outputs_of(const struct refresh_strategy *s, const char **key)
{
	struct strings all = refresh_strategy_outputs(s);

	return all.n > 0 ? all : (struct strings){ key, 1 };
}

static bool
gives(const struct refresh *r, const char *key)
{
	const char *own = r->key;
	struct strings all = outputs_of(r->strategy, &own);

	for (size_t i = 0; i < all.n; i++)
		if (strcmp(all.v[i], key) == 0)
			return true;
	return false;
}

bool
refresh_gives(const struct provider *p, const char *key)
{
	struct refresh *r = NULL;

	while ((r = refresh_next(p, r)) != NULL)
		if (gives(r, key))
			return true;
	return false;
}

void
refresh_forget(const struct provider *p)
{
	struct refresh *r, *next;

	for (r = refresh_next(p, NULL); r != NULL; r = next) {
		next = refresh_next(p, r);
		drop(r);
	}
}

void
refresh_describe(const struct refresh *r, struct gateway_refresh *ret)
{
	*ret = (struct gateway_refresh){
		.provider = r->provider->name,
		.credential_key = r->key,
		.strategy = refresh_strategy_name(r->strategy),
		.token_url = r->token_url,
		.status = status_names[r->state.status],
		.expires_at_ms = r->state.expires_at_ms,
		.next_refresh_ms = r->state.next_ms,
		.last_refresh_ms = r->state.last_ms,
		.last_error = *r->state.error != '\0' ? r->state.error : NULL,
	};
}

/*
 * Changing: first in the store, then here.
 */

/* New values, NULL for those that stay; none at all if values is NULL. */
static int
commit(struct refresh *r, const struct state *next, char *const *values,
    bool new_epoch, struct error *e)
{
	const char *key = r->key;
	struct strings outputs = outputs_of(r->strategy, &key);
	struct provider_value v[REFRESH_OUTPUTS_MAX];
	const struct store_refresh row = { r->provider->id, r->key,
		refresh_strategy_name(r->strategy), r->token_url,
		next->material, next->material_len, next->version,
		status_names[next->status], next->expires_at_ms, next->next_ms,
		next->last_ms, next->error };

	for (size_t i = 0; i < outputs.n; i++)
		v[i] = (struct provider_value){ outputs.v[i],
			values != NULL ? values[i] : NULL,
			next->expires_at_ms };
	if (values != NULL || new_epoch) {
		if (provider_put_values(
			r->provider, v, outputs.n, new_epoch, &row, e) < 0)
			return -1;
	} else if (store_refresh_put(r->gw->store, &row, e) < 0) {
		return -1;
	}
	if (next->material != r->state.material)
		free(r->state.material);
	r->state = *next;
	r->is_unsaved = false;
	return 0;
}

static void
set_error(struct state *s, enum status status, const char *text)
{
	s->status = status;
	(void)snprintf(s->error, sizeof(s->error), "%s", text);
}

/* Its values go; they are void, or their time is over. */
static char *const nothing[REFRESH_OUTPUTS_MAX] = { (char[]){ "" },
	(char[]){ "" }, (char[]){ "" } };

static bool
has_value(const struct refresh *r)
{
	const char *own = r->key;
	const char *first = outputs_of(r->strategy, &own).v[0];
	const struct credential *c = provider_credential(r->provider, first);

	return c != NULL && !credential_is_empty(c);
}

/* The last thing that a try does: whoever waits is told. */
static void
fail(struct refresh *r, bool refused, int64_t retry_s, const struct error *why)
{
	struct state next = r->state;
	bool takes = refused && has_value(r);
	struct error e, told = *why;

	if (retry_s < 0)
		retry_s = refused ? REFRESH_REFUSED_S : REFRESH_RETRY_S;
	set_error(&next, ERROR, why->text);
	next.next_ms = now_ms() + (retry_s > 0 ? retry_s : 1) * 1000;
	if (refused)
		next.expires_at_ms = 0;
	log_warnx("cannot refresh a credential provider=%s key=%s: %s",
	    r->provider->name, r->key, why->text);
	if (commit(r, &next, takes ? nothing : NULL, false, &e) < 0) {
		log_warnx("cannot keep that: %s", e.text);
		r->state.next_ms = next.next_ms;
		set_error(&r->state, ERROR, why->text);
		r->is_unsaved = true;
		/* Each sweep tries to take it away, until that can be kept. */
		if (takes)
			r->state.expires_at_ms = 1;
	}
	(void)error_prefix(&told, "credential '%s' of provider '%s'", r->key,
	    r->provider->name);
	wake(r, r, &told);
}

/* A new refresh token takes the old one's place. */
static int
keep_token(
    struct refresh *r, const char *token, struct state *next, struct error *e)
{
	struct arena arena = { 0 };
	struct pairs material;
	int result = open_material(r, &arena, &material, e);

	for (size_t i = 0; result == 0 && i < material.n; i++)
		if (strcmp(material.v[i].name, "refresh_token") == 0)
			material.v[i].value = token;
	if (result == 0)
		seal_material(r, &material, next);
	arena_clear(&arena);
	return result;
}

/* From now, for a value that lives so long. */
static int64_t
next_try_s(int64_t lifetime_s)
{
	int64_t ahead = lifetime_s > (int64_t)2 * REFRESH_AHEAD_S
			    ? REFRESH_AHEAD_S
			    : lifetime_s / 2;
	int64_t in = lifetime_s - ahead;

	return in > 1 ? in : 1;
}

static void
succeed(struct refresh *r, const struct refresh_answer *a)
{
	struct state next = r->state;
	struct error e;

	next.status = REFRESHED;
	next.last_ms = now_ms();
	next.expires_at_ms = next.last_ms + a->lifetime_s * 1000;
	next.next_ms = next.last_ms + next_try_s(a->lifetime_s) * 1000;
	next.error[0] = '\0';
	if (a->refresh_token != NULL &&
	    keep_token(r, a->refresh_token, &next, &e) < 0) {
		fail(r, false, -1, &e);
		return;
	}
	if (commit(r, &next, a->values, false, &e) == 0) {
		log_info("refreshed a credential provider=%s key=%s",
		    r->provider->name, r->key);
		wake(r, r, NULL);
		return;
	}
	/* The value isn't used, but the old token may be spent already. */
	if (next.material != r->state.material) {
		free(r->state.material);
		r->state.material = next.material;
		r->state.material_len = next.material_len;
		r->state.version = next.version;
	}
	fail(r, false, -1, &e);
}

/*
 * Trying.
 */

static void
on_answer(void *arg, const struct fetch_answer *a, const struct error *why)
{
	struct refresh *r = arg;
	struct refreshes *all = r->gw->refreshes;
	struct refresh_answer got = { 0 };
	enum refresh_outcome outcome = REFRESH_FAILED;
	int64_t retry_s = a != NULL ? a->retry_after_s : -1;
	struct error e;

	r->fetch = NULL;
	all->flights--;
	if (a != NULL)
		outcome = refresh_read(
		    r->strategy, a->status, a->body, now_ms() / 1000, &got, &e);
	else
		(void)error_set(
		    &e, why->code, "the token endpoint: %s", why->text);
	if (outcome == REFRESH_GRANTED)
		succeed(r, &got);
	else
		fail(r, outcome == REFRESH_REFUSED, retry_s, &e);
	refresh_answer_clear(&got);
	sweep(all);
}

static int
ask(struct refresh *r, const struct pairs *material, struct error *e)
{
	struct refreshes *all = r->gw->refreshes;
	struct refresh_request request = { 0 };
	struct http_url url;
	autofree char *text =
	    refresh_expand_url(r->strategy, r->token_url, material, e);
	int result = text != NULL ? fetch_check_url(text, &url, e) : -1;

	if (result == 0)
		result = refresh_build(r->strategy, text, &url, material,
		    now_ms() / 1000, &request, e);
	if (result == 0) {
		r->fetch = fetch_post(all->fetcher, &url, request.headers,
		    (struct http_slice){
			(char *)buf_data(&request.body), request.body.len },
		    on_answer, r);
		all->flights++;
	}
	refresh_request_clear(&request);
	return result;
}

static void
try(struct refresh *r)
{
	struct arena arena = { 0 };
	struct pairs material;
	struct error e;

	if (open_material(r, &arena, &material, &e) < 0 ||
	    ask(r, &material, &e) < 0)
		fail(r, false, -1, &e);
	arena_clear(&arena);
}

/* Its time is over and no other came. */
static void
expire(struct refresh *r)
{
	struct state next = r->state;
	struct error e;

	next.expires_at_ms = 0;
	if (commit(r, &next, nothing, false, &e) < 0)
		log_warnx("cannot take a credential away: %s", e.text);
	else
		log_warnx("a credential has expired provider=%s key=%s",
		    r->provider->name, r->key);
}

static bool
is_expired(const struct refresh *r, int64_t now)
{
	return r->state.expires_at_ms != 0 && r->state.expires_at_ms <= now &&
	       has_value(r);
}

/* Until then its material is in memory alone, and the one that the store has
 * may be spent. */
static void
save(struct refresh *r)
{
	const struct state now = r->state;
	struct error e;

	if (commit(r, &now, NULL, false, &e) < 0)
		log_debug("still cannot keep a refresh: %s", e.text);
}

static void
look_at(struct refresh *r, int64_t now)
{
	if (r->is_unsaved)
		save(r);
	if (is_expired(r, now))
		expire(r);
	if (r->fetch == NULL && r->state.next_ms <= now &&
	    r->gw->refreshes->flights < REFRESH_FLIGHTS_MAX)
		try(r);
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Everything that is due; then the timer is set to the next that will be. */
static void
sweep(struct refreshes *all)
{
	int64_t now = now_ms();
	int64_t wake_ms = now + (int64_t)REFRESH_SWEEP_S * 1000, in_ms;
	struct refresh *r;
	struct timeval in;

	TAILQ_FOREACH(r, &all->list, next)
	look_at(r, now);
	TAILQ_FOREACH(r, &all->list, next)
	{
		if (r->is_unsaved)
			wake_ms = earlier(wake_ms, now + REFRESH_SAVE_MS);
		/* One that waits for its turn is woken by an answer. */
		if (r->fetch == NULL && r->state.next_ms > now)
			wake_ms = earlier(wake_ms, r->state.next_ms);
		if (r->state.expires_at_ms > now)
			wake_ms = earlier(wake_ms, r->state.expires_at_ms);
	}
	in_ms = wake_ms - now;
	in = (struct timeval){ in_ms / 1000, in_ms % 1000 * 1000 };
	(void)evtimer_add(all->timer, &in);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sweep(arg);
}

int
refresh_rotate(struct refresh *r, struct refresh_wait *w, struct error *e)
{
	struct state next = r->state;

	next.status = ROTATION_REQUESTED;
	next.next_ms = now_ms();
	if (commit(r, &next, NULL, false, e) < 0)
		return -1;
	TAILQ_INSERT_TAIL(&r->waits, w, next);
	w->refresh = r;
	/* From the loop: done isn't called before we have returned. */
	event_active(r->gw->refreshes->timer, EV_TIMEOUT, 0);
	return 0;
}

void
refresh_cancel(struct refresh_wait *w)
{
	if (w->refresh == NULL)
		return;
	TAILQ_REMOVE(&w->refresh->waits, w, next);
	w->refresh = NULL;
}

/*
 * Configuring.
 */

/* Which credentials it will give, and no other refresh does. */
static int
check_key(const struct provider *p, const struct refresh_strategy *s,
    const char *key, struct error *e)
{
	struct strings all = outputs_of(s, &key);
	struct refresh *r = NULL;

	if (naming_check_key(key, e) < 0)
		return -1;
	if (strcmp(all.v[0], key) != 0)
		return error_set(e, ERR_INVALID,
		    "strategy '%s' gives %s and what goes with it: "
		    "--credential-key %s",
		    refresh_strategy_name(s), all.v[0], all.v[0]);
	while ((r = refresh_next(p, r)) != NULL)
		for (size_t i = 0; i < all.n; i++)
			if (strcmp(r->key, key) != 0 && gives(r, all.v[i]))
				return error_set(e, ERR_PRECONDITION,
				    "credential '%s' is refreshed with '%s' "
				    "already",
				    all.v[i], r->key);
	return 0;
}

static struct refresh *
refresh_new(struct provider *p, const char *key,
    const struct refresh_strategy *strategy, const char *token_url)
{
	struct refresh *r = xcalloc(1, sizeof(*r));

	r->gw = p->gw;
	r->provider = p;
	r->key = xstrdup(key);
	r->strategy = strategy;
	r->token_url = xstrdup(token_url);
	TAILQ_INIT(&r->waits);
	return r;
}

static int64_t
first_try_ms(int64_t expires_at_ms)
{
	int64_t now = now_ms(), left_s = (expires_at_ms - now) / 1000;

	return left_s > 0 ? now + next_try_s(left_s) * 1000 : now;
}

int
refresh_configure(struct provider *p,
    const struct gateway_configure_refresh *given, struct refresh **ret,
    struct error *e)
{
	const char *key = given->credential_key;
	struct refresh_wanted w = { 0 };
	struct refresh *r, *old;
	struct state first = { .status = CONFIGURED,
		.expires_at_ms = given->expires_at_ms,
		.next_ms = first_try_ms(given->expires_at_ms) };
	struct error none;

	if (refresh_wanted_read(p, given, &w, e) < 0 ||
	    check_key(p, w.strategy, key, e) < 0)
		return -1;
	old = refresh_find(p, key, &none);
	r = refresh_new(p, key, w.strategy, w.token_url);
	first.version = old != NULL ? old->state.version : 0;
	seal_material(r, &w.material, &first);
	if (commit(r, &first, NULL, true, e) < 0) {
		free(first.material);
		refresh_free(r);
		return -1;
	}
	if (old != NULL)
		drop(old);
	TAILQ_INSERT_TAIL(&p->gw->refreshes->list, r, next);
	event_active(p->gw->refreshes->timer, EV_TIMEOUT, 0);
	*ret = r;
	return 0;
}

int
refresh_delete(struct refresh *r, struct error *e)
{
	if (store_refresh_delete(r->gw->store, r->provider->id, r->key, e) < 0)
		return -1;
	drop(r);
	return 0;
}

/*
 * From the store.
 */

struct loading {
	struct gateway *gw;
	struct error *e;
	int result;
};

static enum status
status_of(const char *name)
{
	enum status s = CONFIGURED;

	while (s < ERROR && strcmp(status_names[s], name) != 0)
		s++;
	return s;
}

static void
load_row(void *arg, const struct store_refresh *row)
{
	struct loading *l = arg;
	const struct refresh_strategy *strategy;
	struct arena arena = { 0 };
	struct pairs material;
	struct provider *p;
	struct refresh *r;
	struct error e;

	TAILQ_FOREACH(p, &l->gw->providers->list, next)
	if (strcmp(p->id, row->provider) == 0)
		break;
	strategy = refresh_strategy_find(row->strategy, &e);
	if (p == NULL || strategy == NULL || l->result < 0) {
		log_warnx("a refresh can't be read key=%s", row->key);
		return;
	}
	r = refresh_new(p, row->key, strategy, row->token_url);
	r->state = (struct state){
		.status = status_of(row->status),
		.material = xmemdup(row->material, row->material_len),
		.material_len = row->material_len,
		.version = row->version,
		.expires_at_ms = row->expires_at_ms,
		.next_ms = row->next_ms,
		.last_ms = row->last_ms,
	};
	set_error(&r->state, r->state.status, row->error);
	TAILQ_INSERT_TAIL(&l->gw->refreshes->list, r, next);
	/* Now, and not when it is needed. */
	l->result = open_material(r, &arena, &material, l->e);
	arena_clear(&arena);
}

int
refreshes_load(struct gateway *gw, struct error *e)
{
	struct loading l = { gw, e, 0 };
	struct refreshes *all = xcalloc(1, sizeof(*all));

	TAILQ_INIT(&all->list);
	all->fetcher = fetcher_new(gw->base, gw->upstream_ca);
	all->timer = evtimer_new(gw->base, on_timer, all);
	gw->refreshes = all;
	if (store_refresh_each(gw->store, load_row, &l, e) < 0)
		return -1;
	event_active(all->timer, EV_TIMEOUT, 0);
	return l.result;
}
