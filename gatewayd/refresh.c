/* SPDX-License-Identifier: Apache-2.0 */
/* refresh.c - see refresh.h. */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/when.h"
#include "gatewayd/gateway.h"
#include "gatewayd/provider.h"
#include "gatewayd/refresh.h"
#include "gatewayd/refresh_flight.h"
#include "gatewayd/refresh_record.h"
#include "gatewayd/refresh_schedule.h"
#include "gatewayd/refresh_strategy.h"
#include "gatewayd/refresh_wanted.h"
#include "gatewayd/store.h"

/*
 * The list.
 */

static void
drop(struct refresh *r)
{
	struct error e;

	refresh_flight_end(r);
	(void)error_set(&e, ERR_NOT_FOUND,
	    "credential '%s' is no longer refreshed", r->key);
	refresh_record_tell(r, NULL, &e);
	refresh_record_free(r);
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
	refresh_flights_free(all);
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

static bool
gives(const struct refresh *r, const char *key)
{
	const char *own = r->key;
	struct strings all = refresh_outputs(r->strategy, &own);

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
		.status = refresh_status_name(r->state.status),
		.expires_at_ms = r->state.expires_at_ms,
		.next_refresh_ms = r->state.next_ms,
		.last_refresh_ms = r->state.last_ms,
		.last_error = *r->state.error != '\0' ? r->state.error : NULL,
	};
}

int
refresh_rotate(struct refresh *r, struct refresh_wait *w, struct error *e)
{
	struct refresh_state next = r->state;

	next.status = REFRESH_IS_REQUESTED;
	next.next_ms = when_now_ms();
	if (refresh_record_commit(r, &next, NULL, false, e) < 0)
		return -1;
	TAILQ_INSERT_TAIL(&r->waits, w, next);
	w->refresh = r;
	/* From the loop: done isn't called before we have returned. */
	refresh_flights_look(r->gw->refreshes);
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
	struct strings all = refresh_outputs(s, &key);
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

static int64_t
first_try_ms(int64_t expires_at_ms)
{
	int64_t now = when_now_ms(), left_s = (expires_at_ms - now) / 1000;

	return left_s > 0 ? now + refresh_wait_s(left_s) * 1000 : now;
}

int
refresh_configure(struct provider *p,
    const struct gateway_configure_refresh *given, struct refresh **ret,
    struct error *e)
{
	const char *key = given->credential_key;
	struct refresh_wanted w = { 0 };
	struct refresh *r, *old;
	struct refresh_state first = { .status = REFRESH_IS_CONFIGURED,
		.expires_at_ms = given->expires_at_ms,
		.next_ms = first_try_ms(given->expires_at_ms) };
	struct error none;

	if (refresh_wanted_read(p, given, &w, e) < 0 ||
	    check_key(p, w.strategy, key, e) < 0)
		return -1;
	old = refresh_find(p, key, &none);
	r = refresh_record_new(p, key, w.strategy, w.token_url);
	first.version = old != NULL ? old->state.version : 0;
	refresh_record_seal(r, &w.material, &first);
	if (refresh_record_commit(r, &first, NULL, true, e) < 0) {
		free(first.material);
		refresh_record_free(r);
		return -1;
	}
	if (old != NULL) {
		r->slot.paced_ms = old->slot.paced_ms;
		drop(old);
	}
	refresh_flight_begin(r);
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
 * From the store, and with another key.
 */

struct loading {
	struct gateway *gw;
	struct error *e;
	int result;
};

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
	r = refresh_record_of(p, strategy, row);
	refresh_flight_begin(r);
	/* Now, and not when it is needed. */
	l->result = refresh_record_open(r, &arena, &material, l->e);
	arena_clear(&arena);
}

int
refreshes_renew(struct gateway *gw, struct error *e)
{
	struct refresh *r;

	TAILQ_FOREACH(r, &gw->refreshes->list, next)
	if (refresh_record_renew(r, e) < 0)
		return -1;
	return 0;
}

int
refreshes_load(struct gateway *gw, struct error *e)
{
	struct loading l = { gw, e, 0 };

	gw->refreshes = refresh_flights_new(gw);
	if (store_refresh_each(gw->store, load_row, &l, e) < 0)
		return -1;
	return l.result;
}
