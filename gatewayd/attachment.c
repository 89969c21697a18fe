/* SPDX-License-Identifier: Apache-2.0 */
/* attachment.c - see attachment.h. */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/policy/policy.h"
#include "common/varlink/client.h"
#include "common/wire/limits.h"
#include "common/wire/proxy.h"
#include "common/xalloc.h"
#include "gatewayd/attachment.h"
#include "gatewayd/gateway.h"
#include "gatewayd/link.h"
#include "gatewayd/profile.h"
#include "gatewayd/provider.h"
#include "gatewayd/revision.h"
#include "gatewayd/sandbox.h"
#include "gatewayd/store.h"

static size_t
index_of(const struct sandbox *s, const struct provider *p)
{
	size_t i = 0;

	while (i < s->n_providers && s->providers[i] != p)
		i++;
	return i;
}

static void
keep(struct sandbox *s, struct provider *p)
{
	s->providers = xreallocarray(
	    s->providers, s->n_providers + 1, sizeof(*s->providers));
	s->provider_names = xreallocarray(
	    s->provider_names, s->n_providers + 1, sizeof(*s->provider_names));
	s->providers[s->n_providers] = p;
	s->provider_names[s->n_providers++] = p->name;
}

static void
load_row(void *arg, const char *sandbox, const char *provider)
{
	struct gateway *gw = arg;
	struct sandbox *s;
	struct provider *p;

	TAILQ_FOREACH(s, &gw->sandboxes->list, next)
	if (strcmp(s->id, sandbox) == 0)
		break;
	TAILQ_FOREACH(p, &gw->providers->list, next)
	if (strcmp(p->id, provider) == 0)
		break;
	if (s != NULL && p != NULL)
		keep(s, p);
}

int
attachments_load(struct gateway *gw, struct error *e)
{
	return store_attachment_each(gw->store, load_row, gw, e);
}

/*
 * Changing.
 */

static int
check_pair(const struct provider *a, const struct provider *b, struct error *e)
{
	for (size_t i = 0; i < a->n_credentials; i++)
		if (provider_credential(b, a->credentials[i].key) != NULL)
			return error_set(e, ERR_PRECONDITION,
			    "providers '%s' and '%s' both have a credential "
			    "'%s': a sandbox can have only one of them",
			    a->name, b->name, a->credentials[i].key);
	return 0;
}

int
attachment_check(struct provider *const *v, size_t n, struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (v[i] == v[k])
				return error_set(e, ERR_EXISTS,
				    "provider '%s' is named twice", v[i]->name);
			if (check_pair(v[k], v[i], e) < 0)
				return -1;
		}
	}
	return 0;
}

int
attachment_check_key(const struct provider *p, const char *key, struct error *e)
{
	const struct sandbox *s;

	TAILQ_FOREACH(s, &p->gw->sandboxes->list, next)
	{
		if (index_of(s, p) == s->n_providers)
			continue;
		for (size_t i = 0; i < s->n_providers; i++)
			if (s->providers[i] != p &&
			    provider_credential(s->providers[i], key) != NULL)
				return error_set(e, ERR_PRECONDITION,
				    "provider '%s', which sandbox '%s' has "
				    "too, has a credential '%s'; detach one "
				    "of them",
				    s->providers[i]->name, s->name, key);
	}
	return 0;
}

static void
on_set(void *arg, const struct varlink_result *r)
{
	(void)arg;
	if (r->error != NULL)
		log_warnx(
		    "proxyd doesn't take credentials: %s", r->error->text);
}

void
attachment_push(struct sandbox *s)
{
	struct proxy_credentials params = { s->id, { NULL, 0 } };

	/* Else it is for the end of the attach that is under way, or to come.
	 */
	if (!s->secrets_outdated || !s->attached || !link_is_up(s->gw->proxy))
		return;
	s->secrets_outdated = false;
	attachment_secrets(s, &params.credentials);
	link_call(
	    s->gw->proxy, &proxy_set_credentials_method, &params, on_set, NULL);
	attachment_secrets_clear(&params.credentials);
}

static void
change(struct sandbox *s)
{
	s->secrets_outdated = true;
	attachment_push(s);
}

int
attachment_add(struct sandbox *s, struct provider *p, struct error *e)
{
	if (index_of(s, p) < s->n_providers)
		return error_set(e, ERR_EXISTS,
		    "provider '%s' is attached to sandbox '%s' already",
		    p->name, s->name);
	if (s->n_providers == WIRE_PROVIDERS_MAX)
		return error_set(e, ERR_LIMIT,
		    "a sandbox has at most %d providers", WIRE_PROVIDERS_MAX);
	for (size_t i = 0; i < s->n_providers; i++)
		if (check_pair(s->providers[i], p, e) < 0)
			return -1;
	if (store_attachment_add(s->gw->store, s->id, p->id, e) < 0)
		return -1;
	keep(s, p);
	change(s);
	revision_refresh(s);
	return 0;
}

int
attachment_remove(struct sandbox *s, struct provider *p, struct error *e)
{
	size_t i = index_of(s, p);

	if (i == s->n_providers)
		return error_set(e, ERR_NOT_FOUND,
		    "provider '%s' is not attached to sandbox '%s'", p->name,
		    s->name);
	if (store_attachment_remove(s->gw->store, s->id, p->id, e) < 0)
		return -1;
	s->n_providers--;
	for (; i < s->n_providers; i++) {
		s->providers[i] = s->providers[i + 1];
		s->provider_names[i] = s->provider_names[i + 1];
	}
	change(s);
	revision_refresh(s);
	return 0;
}

const char *
attachment_of(const struct provider *p)
{
	const struct sandbox *s;

	TAILQ_FOREACH(s, &p->gw->sandboxes->list, next)
	if (index_of(s, p) < s->n_providers)
		return s->name;
	return NULL;
}

void
attachment_changed(const struct provider *p)
{
	struct sandbox *s;

	TAILQ_FOREACH(s, &p->gw->sandboxes->list, next)
	if (index_of(s, p) < s->n_providers)
		change(s);
}

static bool
has_type(const struct sandbox *s, const char *type)
{
	for (size_t i = 0; i < s->n_providers; i++)
		if (strcmp(s->providers[i]->type, type) == 0)
			return true;
	return false;
}

void
attachment_type_changed(struct gateway *gw, const char *type)
{
	struct sandbox *s;

	TAILQ_FOREACH(s, &gw->sandboxes->list, next)
	{
		if (!has_type(s, type))
			continue;
		change(s);
		revision_refresh(s);
	}
}

/*
 * What programs see.
 */

void
attachment_env(const struct sandbox *s, struct pairs *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_providers; i++)
		n += s->providers[i]->n_credentials;
	*ret = (struct pairs){ xcalloc(n + 1, sizeof(*ret->v)), 0 };
	for (size_t i = 0; i < s->n_providers; i++) {
		const struct provider *p = s->providers[i];

		for (size_t k = 0; k < p->n_credentials; k++) {
			const struct credential *c = &p->credentials[k];

			ret->v[ret->n++] = (struct pair){ xstrdup(c->key),
				xasprintf("openshell:resolve:env:s%s_%s",
				    c->handle, c->key) };
		}
	}
}

void
attachment_env_clear(struct pairs *env)
{
	for (size_t i = 0; i < env->n; i++) {
		free((void *)(uintptr_t)env->v[i].name);
		free((void *)(uintptr_t)env->v[i].value);
	}
	free(env->v);
}

/*
 * What proxyd gets.
 */

static struct objects
endpoints_of(const struct provider *p)
{
	const struct profile *profile = profile_find(&p->gw->profiles, p->type);
	size_t n = profile != NULL ? profile->n_endpoints : 0;
	struct proxy_credential_endpoint *v = xcalloc(n + 1, sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = (struct proxy_credential_endpoint){
			profile->endpoints[i].host, profile->endpoints[i].port,
			profile->endpoints[i].path
		};
	return (struct objects){ v, n };
}

static void
add_secret(
    const struct provider *p, const struct credential *c, struct objects *ret)
{
	struct proxy_credential *v = ret->v;
	int64_t oldest = c->revision - PROVIDER_GENERATIONS;
	char *value;
	struct error e;

	if (oldest < c->epoch)
		oldest = c->epoch;
	if (provider_secret(p, c, &value, &e) < 0) {
		log_warnx("%s", e.text);
		return;
	}
	v[ret->n++] = (struct proxy_credential){
		.key = c->key,
		.value = value,
		.provider = p->name,
		.revision = c->revision,
		.oldest = oldest,
		.handle = c->handle,
		.expires_at_ms = c->expires_at_ms,
		.is_bound = true,
		.endpoints = endpoints_of(p),
	};
}

void
attachment_secrets(const struct sandbox *s, struct objects *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_providers; i++)
		n += s->providers[i]->n_credentials;
	*ret =
	    (struct objects){ xcalloc(n + 1, sizeof(struct proxy_credential)),
		    0 };
	for (size_t i = 0; i < s->n_providers; i++)
		for (size_t k = 0; k < s->providers[i]->n_credentials; k++)
			add_secret(s->providers[i],
			    &s->providers[i]->credentials[k], ret);
}

void
attachment_secrets_clear(struct objects *secrets)
{
	struct proxy_credential *v = secrets->v;

	for (size_t i = 0; i < secrets->n; i++) {
		free_secret((char *)(uintptr_t)v[i].value);
		free(v[i].endpoints.v);
	}
	free(v);
}

/*
 * The rules.
 */

/* A provider's name as a block's: it may have characters that those don't. */
static char *
block_name(const struct provider *p)
{
	char *name = xasprintf(POLICY_PROVIDER_PREFIX "%s", p->name);

	for (char *c = name; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	return name;
}

/* With one block more; NULL if that is no valid policy. */
static char *
with_block(const char *policy, const char *name, const char *block)
{
	cJSON *tree = cJSON_Parse(policy);
	cJSON *blocks = cJSON_GetObjectItem(tree, "network_policies");
	struct violations *bad = xcalloc(1, sizeof(*bad));
	struct policy *parsed = NULL;
	char *text, *json = NULL;

	if (blocks == NULL)
		blocks = cJSON_AddObjectToObject(tree, "network_policies");
	cJSON_AddItemToObject(blocks, name, cJSON_Parse(block));
	text = cJSON_PrintUnformatted(tree);
	cJSON_Delete(tree);
	if (policy_parse_effective(text, strlen(text), &parsed, bad) == 0)
		json = policy_to_json(parsed);
	else
		log_warnx("the rules of block %s don't go with the policy: %s",
		    name, bad->v[0].message);
	if (json != NULL && strlen(json) > WIRE_POLICY_MAX) {
		free(json);
		json = NULL;
	}
	policy_free(parsed);
	violations_clear(bad);
	free(bad);
	free(text);
	return json;
}

char *
attachment_policy(const struct sandbox *s, const char *policy)
{
	char *effective = xstrdup(policy);

	for (size_t i = 0; i < s->n_providers; i++) {
		const struct provider *p = s->providers[i];
		const struct profile *profile =
		    profile_find(&s->gw->profiles, p->type);
		autofree char *name = block_name(p);
		char *next;

		if (profile == NULL || profile->block == NULL)
			continue;
		next = with_block(effective, name, profile->block);
		if (next == NULL)
			continue;
		free(effective);
		effective = next;
	}
	return effective;
}
