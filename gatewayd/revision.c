/* SPDX-License-Identifier: Apache-2.0 */
/* revision.c - see revision.h. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/policy/policy.h"
#include "common/varlink/client.h"
#include "common/varlink/server.h"
#include "common/when.h"
#include "common/wire/gateway.h"
#include "common/wire/proxy.h"
#include "common/wire/supervisor.h"
#include "common/xalloc.h"
#include "gatewayd/attachment.h"
#include "gatewayd/event_log.h"
#include "gatewayd/gateway.h"
#include "gatewayd/link.h"
#include "gatewayd/revision.h"
#include "gatewayd/sandbox.h"
#include "gatewayd/store.h"

struct revision_waiter {
	LIST_ENTRY(revision_waiter) next;
	struct call *call;
	int64_t version;
	struct event *timeout;
};

void
revision_clear(struct revision *r)
{
	free(r->policy);
	free(r->hash);
	free(r->status);
	free(r->error);
	memset(r, 0, sizeof(*r));
}

static char *
copy(const char *s)
{
	return s != NULL ? xstrdup(s) : NULL;
}

static void
copy_row(void *arg, const struct store_revision *row)
{
	*(struct revision *)arg = (struct revision){ row->version,
		copy(row->policy), copy(row->hash), copy(row->status),
		copy(row->error), row->created_at_ms, row->loaded_at_ms };
}

int
revision_get(
    struct sandbox *s, int64_t version, struct revision *ret, struct error *e)
{
	return store_revision_get(
	    s->gw->store, s->id, version, copy_row, ret, e);
}

int
revision_get_current(struct sandbox *s, struct revision *ret, struct error *e)
{
	if (revision_get(s, STORE_LOADED, ret, e) == 0)
		return 0;
	return e->code == ERR_NOT_FOUND ? revision_get(s, 0, ret, e) : -1;
}

void
revision_describe(const struct revision *r, int64_t active_version,
    struct gateway_revision *ret)
{
	*ret = (struct gateway_revision){
		.version = r->version,
		.active_version = active_version,
		.hash = r->hash,
		.status = r->status,
		.error = r->error,
		.created_at_ms = r->created_at_ms,
		.loaded_at_ms = r->loaded_at_ms,
		.policy = r->policy,
	};
}

int
revision_binaries(
    const char *text, struct strings *ret, struct policy **ret_policy)
{
	struct violations *bad = xcalloc(1, sizeof(*bad));
	int r = policy_parse_effective(text, strlen(text), ret_policy, bad);

	violations_clear(bad);
	free(bad);
	if (r == 0)
		ret->n = policy_binaries(*ret_policy, &ret->v);
	return r;
}

static void answer_waiters(struct sandbox *);

int
revision_set(struct sandbox *s, const struct policy *policy,
    int64_t *ret_version, char ret_hash[65], bool *ret_unchanged,
    struct error *e)
{
	const int64_t in_use[STORE_IN_USE_MAX] = { s->loaded_version,
		s->pushing, s->attaching };
	autofree char *json = policy_to_json(policy);
	struct revision newest = { 0 };
	struct store_revision row;
	int r = -1;

	policy_hash(policy, ret_hash);
	if (revision_get(s, 0, &newest, e) < 0)
		return -1;
	*ret_unchanged = strcmp(newest.hash, ret_hash) == 0 &&
			 strcmp(newest.status, "failed") != 0;
	*ret_version = newest.version + !*ret_unchanged;
	if (*ret_unchanged) {
		r = 0;
	} else {
		row = (struct store_revision){ .sandbox = s->id,
			.version = *ret_version,
			.policy = json,
			.hash = ret_hash,
			.status = "pending",
			.created_at_ms = when_now_ms() };
		r = store_revision_insert(s->gw->store, &row, in_use, e);
	}
	revision_clear(&newest);
	if (r == 0 && !*ret_unchanged) {
		/* Those who wait for one that this superseded. */
		answer_waiters(s);
		revision_push(s);
	}
	return r;
}

/* One revision on its way to proxyd. */
struct push {
	struct sandbox *s; /* a reference */
	struct revision revision;
};

static void
push_end(struct push *p)
{
	struct sandbox *s = p->s;

	s->pushing = 0;
	revision_clear(&p->revision);
	free(p);
	/* A newer one may have come meanwhile. */
	if (!s->gone)
		revision_push(s);
	sandbox_unref(s);
}

static void
on_pushed(void *arg, const struct varlink_result *r)
{
	struct push *p = arg;
	struct sandbox *s = p->s;

	/* proxyd went away: it stays pending and goes with the next attach. */
	if (r->error != NULL && r->error->code == ERR_UNAVAILABLE) {
		s->attached = false;
	} else if (!s->gone) {
		if (r->error == NULL)
			s->loaded_version = p->revision.version;
		if (strcmp(p->revision.status, "pending") == 0)
			revision_decided(s, p->revision.version, r->error);
	}
	push_end(p);
}

static void
on_links(void *arg, const struct varlink_result *r)
{
	struct push *p = arg;
	struct sandbox *s = p->s;
	const struct supervisor_resolved *resolved = r->reply;

	if (r->error != NULL || !link_is_up(s->gw->proxy)) {
		s->attached = false;
		push_end(p);
		return;
	}
	struct proxy_policy params = { s->id, p->revision.policy,
		p->revision.version, resolved->links };

	link_call(
	    s->gw->proxy, &proxy_set_policy_method, &params, on_pushed, p);
}

/* The newest if it is pending, else the one in force if it is outdated. */
static bool
get_due(struct sandbox *s, struct revision *ret)
{
	struct error e;

	if (revision_get(s, 0, ret, &e) < 0)
		return false;
	if (strcmp(ret->status, "pending") == 0)
		return true;
	revision_clear(ret);
	return s->outdated && revision_get_current(s, ret, &e) == 0;
}

void
revision_complete(const struct sandbox *s, struct revision *r)
{
	char *effective = attachment_policy(s, r->policy);

	free(r->policy);
	r->policy = effective;
}

void
revision_refresh(struct sandbox *s)
{
	s->outdated = true;
	revision_push(s);
}

void
revision_push(struct sandbox *s)
{
	struct supervisor_resolve params = { { NULL, 0 } };
	struct policy *policy = NULL;
	struct push *p;

	if (s->pushing != 0 || !s->attached || s->control == NULL)
		return;
	p = xcalloc(1, sizeof(*p));
	if (!get_due(s, &p->revision)) {
		free(p);
		return;
	}
	s->outdated = false;
	revision_complete(s, &p->revision);
	if (revision_binaries(p->revision.policy, &params.paths, &policy) < 0) {
		revision_clear(&p->revision);
		free(p);
		return;
	}
	p->s = sandbox_ref(s);
	s->pushing = p->revision.version;
	varlink_client_call(s->control, &supervisor_resolve_method, &params,
	    false, on_links, p);
	free(params.paths.v);
	policy_free(policy);
}

static void
waiter_free(void *arg)
{
	struct revision_waiter *w = arg;

	LIST_REMOVE(w, next);
	event_free(w->timeout);
	free(w);
}

static void
answer(struct call *call, struct sandbox *s, const struct revision *r)
{
	struct gateway_revision reply;

	revision_describe(r, s->loaded_version, &reply);
	reply.policy = NULL;
	call_reply(call, &reply);
}

static void
answer_waiters(struct sandbox *s)
{
	struct revision_waiter *w, *next;

	for (w = LIST_FIRST(&s->revision_waiters); w != NULL; w = next) {
		struct revision r = { 0 };
		struct call *call = w->call;
		struct error e;

		next = LIST_NEXT(w, next);
		if (revision_get(s, w->version, &r, &e) < 0) {
			call_error(call, &e); /* frees w */
			continue;
		}
		if (strcmp(r.status, "pending") != 0)
			answer(call, s, &r); /* frees w */
		revision_clear(&r);
	}
}

void
revision_decided(
    struct sandbox *s, int64_t version, const struct error *refusal)
{
	const char *status = refusal == NULL ? "loaded" : "failed";
	char text[32];
	struct error e;

	if (store_revision_decide(s->gw->store, s->id, version, status,
		refusal != NULL ? refusal->text : NULL, when_now_ms(), &e) < 0)
		log_warnx("policy revision not written down id=%s: %s", s->id,
		    e.text);
	(void)snprintf(text, sizeof(text), "%lld", (long long)version);
	event_log_note(s->gw->events, s->id, refusal == NULL ? "info" : "error",
	    "policy", refusal == NULL ? "POLICY_LOADED" : "POLICY_FAILED",
	    "version", text, "reason", refusal != NULL ? refusal->text : NULL,
	    NULL);
	answer_waiters(s);
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct revision_waiter *w = arg;
	struct error e;

	(void)fd;
	(void)what;
	(void)error_set(&e, ERR_TIMEOUT,
	    "timeout waiting for policy version %lld to load",
	    (long long)w->version);
	call_error(w->call, &e); /* frees w */
}

int
revision_wait(struct sandbox *s, int64_t version, int64_t timeout_ms,
    struct call *call, struct error *e)
{
	struct timeval tv = { timeout_ms / 1000, (timeout_ms % 1000) * 1000 };
	struct revision r = { 0 };
	struct revision_waiter *w;

	if (revision_get(s, version, &r, e) < 0)
		return -1;
	if (strcmp(r.status, "pending") != 0) {
		answer(call, s, &r);
		revision_clear(&r);
		return 0;
	}
	w = xcalloc(1, sizeof(*w));
	w->call = call;
	w->version = r.version;
	revision_clear(&r);
	w->timeout = evtimer_new(s->gw->base, on_timeout, w);
	if (w->timeout == NULL || evtimer_add(w->timeout, &tv) < 0)
		fatalx("cannot set a timer");
	LIST_INSERT_HEAD(&s->revision_waiters, w, next);
	call_on_end(call, waiter_free, w);
	return 0;
}
