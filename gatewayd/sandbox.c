/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.c - see sandbox.h. */
#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/varlink/client.h"
#include "common/varlink/codec.h"
#include "common/varlink/server.h"
#include "common/wire/gateway.h"
#include "common/wire/limits.h"
#include "common/wire/supervisor.h"
#include "common/xalloc.h"
#include "gatewayd/driver.h"
#include "gatewayd/event_log.h"
#include "gatewayd/gateway.h"
#include "gatewayd/sandbox.h"
#include "gatewayd/store.h"

#define BIT(n) (1u << (n))

#define P(member) offsetof(struct sandbox_spec, member)
const struct field sandbox_spec_fields[] = {
	{ "env", FIELD_MAP, OPTIONAL, P(env), WIRE_ENV_MAX },
	{ "labels", FIELD_MAP, OPTIONAL, P(labels), WIRE_LABELS_MAX },
	{ "memory_max", FIELD_INT, OPTIONAL, P(memory_max) },
	{ "pids_max", FIELD_INT, OPTIONAL, P(pids_max) },
	{ "shown", FIELD_STRS, OPTIONAL, P(shown), WIRE_SHOWN_MAX },
	{ 0 },
};
#undef P

static const struct {
	const char *name;
	unsigned to; /* phases it may go to */
} phases[PHASE_MAX_] = {
	[PHASE_PROVISIONING] = { "Provisioning",
	    BIT(PHASE_READY) | BIT(PHASE_STOPPED) | BIT(PHASE_ERROR) |
		BIT(PHASE_DELETING) },
	[PHASE_READY] = { "Ready",
	    BIT(PHASE_STOPPED) | BIT(PHASE_ERROR) | BIT(PHASE_DELETING) },
	[PHASE_STOPPED] = { "Stopped",
	    BIT(PHASE_PROVISIONING) | BIT(PHASE_DELETING) },
	[PHASE_ERROR] = { "Error", BIT(PHASE_PROVISIONING) |
				       BIT(PHASE_STOPPED) |
				       BIT(PHASE_DELETING) },
	[PHASE_DELETING] = { "Deleting", 0 },
};

struct waiter {
	LIST_ENTRY(waiter) next;
	struct call *call;
	waiter_fn *answer;
};

const char *
phase_name(enum phase phase)
{
	return phases[phase].name;
}

static enum phase
phase_from_name(const char *name)
{
	for (int i = 0; i < PHASE_MAX_; i++)
		if (strcmp(phases[i].name, name) == 0)
			return (enum phase)i;
	return PHASE_ERROR;
}

struct sandbox *
sandbox_new(struct gateway *gw, const struct store_sandbox *row)
{
	struct sandbox *s = xcalloc(1, sizeof(*s));
	struct bad_field bad;

	s->spec = codec_decode_text(row->spec, sandbox_spec_fields,
	    sizeof(*s->spec), &s->spec_arena, &bad);
	if (s->spec == NULL) {
		log_warnx("sandbox has an unreadable spec id=%s field=%s",
		    row->id, bad.path);
		arena_clear(&s->spec_arena);
		free(s);
		return NULL;
	}
	s->gw = gw;
	s->references = 1;
	(void)strncpy(s->id, row->id, sizeof(s->id) - 1);
	s->name = xstrdup(row->name);
	s->owner = (uid_t)row->owner_uid;
	s->phase = phase_from_name(row->phase);
	s->reason = row->reason != NULL ? xstrdup(row->reason) : NULL;
	s->created_at_ms = row->created_at_ms;
	s->uid_block = row->uid_block;
	s->ca_cert = xstrdup(row->ca_cert);
	s->ca_key = xmemdup(row->ca_key, row->ca_key_len);
	s->ca_key_len = row->ca_key_len;
	LIST_INIT(&s->waiters);
	LIST_INIT(&s->revision_waiters);
	TAILQ_INSERT_TAIL(&gw->sandboxes->list, s, next);
	return s;
}

static void
sandbox_free(struct sandbox *s)
{
	if (s->deadline != NULL)
		event_free(s->deadline);
	instance_free(s->instance);
	varlink_client_free(s->control);
	arena_clear(&s->spec_arena);
	arena_clear(&s->facts_arena);
	free(s->name);
	free(s->reason);
	free(s->ca_cert);
	free(s->providers);
	free(s->provider_names);
	free(s->ca_key);
	free(s);
}

struct sandbox *
sandbox_ref(struct sandbox *s)
{
	s->references++;
	return s;
}

void
sandbox_unref(struct sandbox *s)
{
	if (--s->references == 0)
		sandbox_free(s);
}

void
sandbox_unlist(struct sandbox *s)
{
	TAILQ_REMOVE(&s->gw->sandboxes->list, s, next);
	s->gone = true;
	sandbox_unref(s);
}

static void
load_row(void *arg, const struct store_sandbox *row)
{
	(void)sandbox_new(arg, row);
}

int
sandboxes_load(struct gateway *gw, struct error *e)
{
	gw->sandboxes = xcalloc(1, sizeof(*gw->sandboxes));
	TAILQ_INIT(&gw->sandboxes->list);
	return store_sandbox_each(gw->store, load_row, gw, e);
}

void
sandboxes_free(struct sandboxes *all)
{
	struct sandbox *s;

	if (all == NULL)
		return;
	while ((s = TAILQ_FIRST(&all->list)) != NULL) {
		TAILQ_REMOVE(&all->list, s, next);
		sandbox_free(s);
	}
	free(all);
}

bool
sandbox_is_visible(const struct sandbox *s, const struct peer *peer)
{
	return peer->uid == s->owner || peer->uid == 0 ||
	       peer->uid == geteuid();
}

struct sandbox *
sandbox_find(struct gateway *gw, const char *name, const struct peer *peer,
    struct error *e)
{
	struct sandbox *s, *other = NULL;

	/* One's own comes before somebody else's of that name. */
	TAILQ_FOREACH(s, &gw->sandboxes->list, next)
	{
		if (strcmp(s->name, name) != 0)
			continue;
		if (s->owner == peer->uid)
			return s;
		if (other == NULL && sandbox_is_visible(s, peer))
			other = s;
	}
	if (other == NULL)
		(void)error_set(
		    e, ERR_NOT_FOUND, "sandbox '%s' not found", log_safe(name));
	return other;
}

bool
sandbox_is_up(const struct sandbox *s)
{
	return !s->gone && s->instance != NULL && !s->stopping &&
	       !s->winding_up &&
	       (s->phase == PHASE_PROVISIONING || s->phase == PHASE_READY);
}

size_t
sandbox_count(const struct gateway *gw, uid_t owner)
{
	const struct sandbox *s;
	size_t n = 0;

	TAILQ_FOREACH(s, &gw->sandboxes->list, next)
	n += s->owner == owner;
	return n;
}

int
sandbox_set_phase(
    struct sandbox *s, enum phase to, const char *reason, struct error *e)
{
	bool bad = to == PHASE_ERROR;

	assert(to == s->phase || (phases[s->phase].to & BIT(to)) != 0);
	if (store_sandbox_set_phase(s->gw->store, s->id, phases[to].name,
		reason, s->gw->boot_id, e) < 0)
		return -1;
	log_debug("sandbox phase id=%s from=%s to=%s", s->id,
	    phases[s->phase].name, phases[to].name);
	s->phase = to;
	free(s->reason);
	s->reason = reason != NULL ? xstrdup(reason) : NULL;
	event_log_note(s->gw->events, s->id, bad ? "error" : "info",
	    "lifecycle", "PHASE", "phase", phases[to].name, "reason", reason,
	    NULL);
	return 0;
}

void
sandbox_describe(const struct sandbox *s, struct gateway_sandbox *ret)
{
	*ret = (struct gateway_sandbox){
		.id = s->id,
		.name = s->name,
		.phase = phases[s->phase].name,
		.reason = s->reason,
		.created_at_ms = s->created_at_ms,
		.policy_version = s->loaded_version,
		.owner_uid = s->owner,
		.labels = s->spec->labels,
		.facts = s->facts,
		.providers = { s->provider_names, s->n_providers },
	};
}

char *
sandbox_socket_path(const struct sandbox *s)
{
	return xasprintf("%s/sandboxes/%s.sock", s->gw->dirs.runtime, s->id);
}

char *
sandbox_state_dir(const struct sandbox *s)
{
	return xasprintf("%s/sandboxes/%s", s->gw->dirs.state, s->id);
}

char *
sandbox_home_dir(const struct sandbox *s)
{
	return xasprintf("%s/sandboxes/%s/home", s->gw->dirs.state, s->id);
}

static void
waiter_free(void *arg)
{
	struct waiter *w = arg;

	LIST_REMOVE(w, next);
	free(w);
}

void
sandbox_wait(struct sandbox *s, struct call *call, waiter_fn *answer)
{
	struct waiter *w = xcalloc(1, sizeof(*w));

	w->call = call;
	w->answer = answer;
	LIST_INSERT_HEAD(&s->waiters, w, next);
	call_on_end(call, waiter_free, w);
}

void
sandbox_answer_waiters(struct sandbox *s, const struct error *e)
{
	struct waiter *w;

	while ((w = LIST_FIRST(&s->waiters)) != NULL) {
		struct call *call = w->call;
		waiter_fn *answer = w->answer;

		call_on_end(call, NULL, NULL);
		waiter_free(w);
		answer(call, s, e);
	}
}
