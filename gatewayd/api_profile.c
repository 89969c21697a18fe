/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_profile.c - types of providers: looked at, checked, added, replaced,
 * forgotten.
 *
 * Texts come from people's files; profile.c reads them.  Several of one call
 * are parsed before the first is written, and nobody else is served until
 * then: so they are bounded together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/policy/policy.h"
#include "common/wire/profile.h"
#include "common/wire/provider.h"
#include "common/xalloc.h"
#include "gatewayd/api.h"
#include "gatewayd/attachment.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inference.h"
#include "gatewayd/profile.h"
#include "gatewayd/profile_file.h"
#include "gatewayd/provider.h"

#define SHOWN_MAX 128 /* violations, and warnings, of all files of a call */

/* The files of one call, as they were read. */
struct reading {
	struct profile *profiles[PROFILE_TEXTS_MAX]; /* owned; or NULL */
	const char *ids[PROFILE_TEXTS_MAX + 1];
	size_t n;
	struct arena arena; /* of what is shown */
	struct gateway_profile_violation bad[SHOWN_MAX];
	size_t n_bad;
	struct gateway_profile_violation warnings[SHOWN_MAX];
	size_t n_warnings;
	bool more; /* than fit */
};

static void
describe_profile(
    const struct profile *p, struct arena *arena, struct gateway_profile *ret)
{
	const char **hosts =
	    arena_alloc(arena, p->n_endpoints + 1, sizeof(*hosts));

	for (size_t i = 0; i < p->n_endpoints; i++) {
		autofree char *host = xasprintf("%s:%lld", p->endpoints[i].host,
		    (long long)p->endpoints[i].port);

		hosts[i] = arena_strdup(arena, host);
	}
	*ret = (struct gateway_profile){
		.id = p->id,
		.aliases = p->aliases,
		.display_name = p->display_name,
		.description = p->description,
		.category = p->category,
		.built_in = p->is_built_in,
		.inference_capable = p->inference_capable,
		.env_vars = p->variables,
		.hosts = { hosts, p->n_endpoints },
	};
}

int
api_list_profiles(struct call *call, void *params, struct error *e)
{
	struct gateway *gw = call_ctx(call);
	struct gateway_profile *v = xcalloc(2 * PROFILES_MAX, sizeof(*v));
	struct gateway_profiles reply = { { v, 0 } };
	struct arena arena = { 0 };
	const struct profile *p;

	(void)params;
	(void)e;
	TAILQ_FOREACH(p, &gw->profiles, next)
	if (reply.profiles.n < (size_t)2 * PROFILES_MAX)
		describe_profile(p, &arena, &v[reply.profiles.n++]);
	call_reply(call, &reply);
	arena_clear(&arena);
	free(v);
	return 0;
}

int
api_export_profile(struct call *call, void *params, struct error *e)
{
	const struct gateway_profile_id *want = params;
	struct gateway *gw = call_ctx(call);
	const struct profile *p = profile_find(&gw->profiles, want->id);

	if (p == NULL)
		return error_set(
		    e, ERR_NOT_FOUND, "there is no profile '%s'", want->id);
	call_reply(call,
	    &(struct gateway_profile_file){ p->id, p->text, p->is_built_in });
	return 0;
}

/*
 * Reading.
 */

static void
show(struct reading *r, const char *file, struct violations *from,
    struct gateway_profile_violation *to, size_t *n)
{
	r->more = r->more || from->more || *n + from->n > SHOWN_MAX;
	for (size_t i = 0; i < from->n && *n < SHOWN_MAX; i++)
		to[(*n)++] = (struct gateway_profile_violation){ file,
			from->v[i].line, from->v[i].column,
			arena_strdup(&r->arena, from->v[i].path),
			arena_strdup(&r->arena, from->v[i].message) };
	violations_clear(from);
}

static void
read_text(struct reading *r, const struct gateway_profile_text *t)
{
	autofree struct violations *bad = xcalloc(1, sizeof(*bad));
	autofree struct violations *warnings = xcalloc(1, sizeof(*warnings));
	struct profile *p = NULL;

	if (profile_parse(t->text, strlen(t->text), &p, bad, warnings) == 0)
		r->ids[r->n] = p->id;
	r->profiles[r->n++] = p;
	show(r, t->file, bad, r->bad, &r->n_bad);
	show(r, t->file, warnings, r->warnings, &r->n_warnings);
}

/* A name that two of the files have. */
static void
check_twins(struct reading *r, const struct gateway_profile_text *v, size_t i)
{
	const struct profile *p = r->profiles[i];

	for (size_t k = 0; k < i && p != NULL; k++) {
		bool twin = r->profiles[k] != NULL &&
			    profile_is_called(r->profiles[k], p->id);

		for (size_t a = 0; a < p->aliases.n && !twin; a++)
			twin =
			    r->profiles[k] != NULL &&
			    profile_is_called(r->profiles[k], p->aliases.v[a]);
		if (twin && r->n_bad < SHOWN_MAX)
			r->bad[r->n_bad++] =
			    (struct gateway_profile_violation){ v[i].file,
				    p->line, p->column, "id",
				    "another file of these has this id or an "
				    "alias of the same name" };
	}
}

/* NULL and e: they are too long. */
static struct reading *
read_texts(const struct gateway_profile_text *v, size_t n, struct error *e)
{
	struct reading *r;
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(v[i].text);
	if (bytes > PROFILE_TEXTS_BYTES_MAX) {
		(void)error_set(e, ERR_LIMIT,
		    "these files have %zu bytes; at most %d at a time", bytes,
		    PROFILE_TEXTS_BYTES_MAX);
		return NULL;
	}
	r = xcalloc(1, sizeof(*r));
	for (size_t i = 0; i < n; i++) {
		read_text(r, &v[i]);
		check_twins(r, v, i);
	}
	return r;
}

static void
reading_free(struct reading *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		profile_free(r->profiles[i]);
	arena_clear(&r->arena);
	free(r);
}

static void
reading_freep(struct reading **r)
{
	reading_free(*r);
}

/* Answers if something is wrong with a file. */
static bool
is_refused(struct call *call, struct reading *r)
{
	char message[64];
	const struct gateway_profile_invalid reply = { message,
		{ r->bad, r->n_bad } };

	if (r->n_bad == 0)
		return false;
	(void)snprintf(message, sizeof(message),
	    "not a profile: %zu%s violation%s", r->n_bad,
	    r->more ? " or more" : "", r->n_bad == 1 ? "" : "s");
	call_error_with(
	    call, "ProfileInvalid", gateway_profile_invalid_fields, &reply);
	return true;
}

static void
answer(struct call *call, struct reading *r)
{
	call_reply(call, &(struct gateway_profiles_taken){ { r->ids, r->n },
			     { r->warnings, r->n_warnings } });
}

int
api_check_profiles(struct call *call, void *params, struct error *e)
{
	const struct gateway_profile_texts *given = params;
	_cleanup_(reading_freep) struct reading *r =
	    read_texts(given->profiles.v, given->profiles.n, e);

	if (r == NULL)
		return -1;
	if (!is_refused(call, r))
		answer(call, r);
	return 0;
}

/*
 * Changing.
 */

/* The first n of a call that can't go on: none of it happened. */
static void
take_back(struct gateway *gw, const struct reading *r, size_t n)
{
	struct error e;

	while (n-- > 0)
		if (profiles_remove(&gw->profiles, r->ids[n], &e) < 0)
			log_warnx("%s", e.text);
}

int
api_import_profiles(struct call *call, void *params, struct error *e)
{
	const struct gateway_profile_texts *given = params;
	struct gateway *gw = call_ctx(call);
	_cleanup_(reading_freep) struct reading *r =
	    read_texts(given->profiles.v, given->profiles.n, e);

	if (r == NULL)
		return -1;
	if (is_refused(call, r))
		return 0;
	for (size_t i = 0; i < r->n; i++) {
		if (profiles_add(&gw->profiles, gw->dirs.config, r->profiles[i],
			e) < 0) {
			take_back(gw, r, i);
			return -1;
		}
		r->profiles[i] = NULL;
	}
	/* Of providers whose profile couldn't be read before. */
	for (size_t i = 0; i < r->n; i++)
		attachment_type_changed(gw, r->ids[i]);
	inference_push(gw);
	answer(call, r);
	return 0;
}

int
api_update_profile(struct call *call, void *params, struct error *e)
{
	const struct gateway_update_profile *given = params;
	struct gateway *gw = call_ctx(call);
	_cleanup_(reading_freep) struct reading *r = read_texts(
	    &(struct gateway_profile_text){ given->file, given->text }, 1, e);

	if (r == NULL)
		return -1;
	if (is_refused(call, r))
		return 0;
	if (strcmp(r->ids[0], given->id) != 0)
		return error_set(e, ERR_INVALID,
		    "the file describes '%s', not '%s'", r->ids[0], given->id);
	if (profiles_replace(&gw->profiles, r->profiles[0], e) < 0)
		return -1;
	r->profiles[0] = NULL;
	attachment_type_changed(gw, given->id);
	inference_push(gw); /* it may say where models are, and how */
	answer(call, r);
	return 0;
}

int
api_delete_profile(struct call *call, void *params, struct error *e)
{
	const struct gateway_profile_id *want = params;
	struct gateway *gw = call_ctx(call);
	autofree char *users = provider_names_of_type(gw, want->id);

	if (users != NULL)
		return error_set(e, ERR_PRECONDITION,
		    "profile '%s' is in use: delete first its providers: %s",
		    want->id, users);
	if (profiles_remove(&gw->profiles, want->id, e) < 0)
		return -1;
	call_reply(call, NULL);
	return 0;
}
