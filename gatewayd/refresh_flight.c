/* SPDX-License-Identifier: Apache-2.0 */
/* refresh_flight.c - see refresh_flight.h. */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/when.h"
#include "common/xalloc.h"
#include "gatewayd/fetch.h"
#include "gatewayd/gateway.h"
#include "gatewayd/provider.h"
#include "gatewayd/refresh_flight.h"
#include "gatewayd/refresh_record.h"
#include "gatewayd/refresh_schedule.h"
#include "gatewayd/refresh_strategy.h"

static void sweep(struct refreshes *);

/*
 * What comes of a try.
 */

/* Its values go; they are void, or their time is over. */
static char *const nothing[REFRESH_OUTPUTS_MAX] = { (char[]){ "" },
	(char[]){ "" }, (char[]){ "" } };

static bool
has_value(const struct refresh *r)
{
	const char *own = r->key;
	const char *first = refresh_outputs(r->strategy, &own).v[0];
	const struct credential *c = provider_credential(r->provider, first);

	return c != NULL && !credential_is_empty(c);
}

static int64_t
next_ms(const struct refresh *r, int64_t in_s)
{
	return refresh_slot_pace_ms(
	    &r->slot, when_now_ms() + (in_s > 0 ? in_s : 1) * 1000);
}

/* The last thing that a try does: whoever waits is told. */
static void
fail(struct refresh *r, bool refused, int64_t retry_s, const struct error *why)
{
	struct refresh_state next = r->state;
	bool takes = refused && has_value(r);
	struct error e, told = *why;

	if (retry_s < 0)
		retry_s = refused ? REFRESH_REFUSED_S : REFRESH_RETRY_S;
	refresh_state_set(&next, REFRESH_IS_ERROR, why->text);
	next.next_ms = next_ms(r, retry_s);
	if (refused)
		next.expires_at_ms = 0;
	log_warnx("cannot refresh a credential provider=%s key=%s: %s",
	    r->provider->name, r->key, why->text);
	if (refresh_record_commit(r, &next, takes ? nothing : NULL, false, &e) <
	    0) {
		log_warnx("cannot keep that: %s", e.text);
		r->state.next_ms = next.next_ms;
		refresh_state_set(&r->state, REFRESH_IS_ERROR, why->text);
		r->is_unsaved = true;
		/* Each sweep tries to take it away, until that can be kept. */
		if (takes)
			r->state.expires_at_ms = 1;
	}
	(void)error_prefix(&told, "credential '%s' of provider '%s'", r->key,
	    r->provider->name);
	refresh_record_tell(r, r, &told);
}

/* A new refresh token takes the old one's place. */
static int
keep_token(struct refresh *r, const char *token, struct refresh_state *next,
    struct error *e)
{
	struct arena arena = { 0 };
	struct pairs material;
	int result = refresh_record_open(r, &arena, &material, e);

	for (size_t i = 0; result == 0 && i < material.n; i++)
		if (strcmp(material.v[i].name, "refresh_token") == 0)
			material.v[i].value = token;
	if (result == 0)
		refresh_record_seal(r, &material, next);
	arena_clear(&arena);
	return result;
}

static void
succeed(struct refresh *r, const struct refresh_answer *a)
{
	struct refresh_state next = r->state;
	struct error e;

	refresh_state_set(&next, REFRESH_IS_REFRESHED, "");
	next.last_ms = when_now_ms();
	next.expires_at_ms = next.last_ms + a->lifetime_s * 1000;
	next.next_ms = next_ms(r, refresh_wait_s(a->lifetime_s));
	if (a->refresh_token != NULL &&
	    keep_token(r, a->refresh_token, &next, &e) < 0) {
		fail(r, false, -1, &e);
		return;
	}
	if (refresh_record_commit(r, &next, a->values, false, &e) == 0) {
		log_info("refreshed a credential provider=%s key=%s",
		    r->provider->name, r->key);
		refresh_record_tell(r, r, NULL);
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
land(struct refresh *r)
{
	r->fetch = NULL;
	refresh_schedule_land(r->gw->refreshes->schedule, &r->slot);
}

static void
on_answer(void *arg, const struct fetch_answer *a, const struct error *why)
{
	struct refresh *r = arg;
	struct refreshes *all = r->gw->refreshes;
	struct refresh_answer got = { 0 };
	enum refresh_outcome outcome = REFRESH_FAILED;
	int64_t retry_s = a != NULL ? a->retry_after_s : -1;
	struct error e;

	land(r);
	if (a != NULL)
		outcome = refresh_read(r->strategy, a->status, a->body,
		    when_now_ms() / 1000, &got, &e);
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
	struct refresh_request request = { 0 };
	struct http_url url;
	autofree char *text =
	    refresh_expand_url(r->strategy, r->token_url, material, e);
	int result = text != NULL ? fetch_check_url(text, &url, e) : -1;

	if (result == 0)
		result = refresh_build(r->strategy, text, &url, material,
		    when_now_ms() / 1000, &request, e);
	if (result == 0)
		r->fetch =
		    fetch_post(r->gw->refreshes->fetcher, &url, request.headers,
			(struct http_slice){
			    (char *)buf_data(&request.body), request.body.len },
			on_answer, r);
	refresh_request_clear(&request);
	return result;
}

static void
try(struct refresh *r)
{
	struct arena arena = { 0 };
	struct pairs material;
	struct error e;

	if (refresh_record_open(r, &arena, &material, &e) < 0 ||
	    ask(r, &material, &e) < 0) {
		land(r);
		fail(r, false, -1, &e);
	}
	arena_clear(&arena);
}

/*
 * Looking at all of them.
 */

/* Its time is over and no other came. */
static void
expire(struct refresh *r)
{
	struct refresh_state next = r->state;
	struct error e;

	next.expires_at_ms = 0;
	if (refresh_record_commit(r, &next, nothing, false, &e) < 0)
		log_warnx("cannot take a credential away: %s", e.text);
	else
		log_warnx("a credential has expired provider=%s key=%s",
		    r->provider->name, r->key);
}

/* Until then its material is in memory alone, and the one that the store has
 * may be spent. */
static void
save(struct refresh *r)
{
	const struct refresh_state now = r->state;
	struct error e;

	if (refresh_record_commit(r, &now, NULL, false, &e) < 0)
		log_debug("still cannot keep a refresh: %s", e.text);
}

static void
look_at(struct refresh *r, int64_t now)
{
	if (r->is_unsaved)
		save(r);
	if (r->state.expires_at_ms != 0 && r->state.expires_at_ms <= now &&
	    has_value(r))
		expire(r);
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When something will be to do, if no answer comes before: one that waits for
 * its turn is woken by an answer. */
static int64_t
wake_ms(const struct refreshes *all, int64_t now)
{
	int64_t at = earlier(now + (int64_t)REFRESH_SWEEP_S * 1000,
	    refresh_schedule_next_ms(all->schedule, now));
	const struct refresh *r;

	TAILQ_FOREACH(r, &all->list, next)
	{
		if (r->is_unsaved)
			at = earlier(at, now + REFRESH_SAVE_MS);
		if (r->state.expires_at_ms > now)
			at = earlier(at, r->state.expires_at_ms);
	}
	return at;
}

static void
sweep(struct refreshes *all)
{
	int64_t now = when_now_ms(), in_ms;
	struct refresh_slot *slot;
	struct refresh *r;
	struct timeval in;

	TAILQ_FOREACH(r, &all->list, next)
	look_at(r, now);
	while ((slot = refresh_schedule_take(all->schedule, now)) != NULL)
		try(slot->refresh);
	in_ms = wake_ms(all, now) - now;
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

void
refresh_flights_look(struct refreshes *all)
{
	event_active(all->timer, EV_TIMEOUT, 0);
}

void
refresh_flight_begin(struct refresh *r)
{
	struct refreshes *all = r->gw->refreshes;

	TAILQ_INSERT_TAIL(&all->list, r, next);
	refresh_schedule_add(all->schedule, &r->slot, r->provider->owner);
	refresh_flights_look(all);
}

void
refresh_flight_end(struct refresh *r)
{
	struct refreshes *all = r->gw->refreshes;

	TAILQ_REMOVE(&all->list, r, next);
	refresh_schedule_remove(all->schedule, &r->slot);
	fetch_cancel(steal_ptr(&r->fetch));
	/* Another may go in its stead. */
	refresh_flights_look(all);
}

struct refreshes *
refresh_flights_new(struct gateway *gw)
{
	struct refreshes *all = xcalloc(1, sizeof(*all));

	TAILQ_INIT(&all->list);
	all->fetcher = fetcher_new(gw->base, gw->upstream_ca);
	all->timer = evtimer_new(gw->base, on_timer, all);
	all->schedule = refresh_schedule_new();
	return all;
}

void
refresh_flights_free(struct refreshes *all)
{
	event_free(all->timer);
	fetcher_free(all->fetcher);
	refresh_schedule_free(all->schedule);
	free(all);
}
