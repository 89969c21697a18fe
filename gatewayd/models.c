/* SPDX-License-Identifier: Apache-2.0 */
/* models.c - see models.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/http/authority.h"
#include "common/wire/limits.h"
#include "common/xalloc.h"
#include "gatewayd/gateway.h"
#include "gatewayd/models.h"
#include "gatewayd/profile.h"
#include "gatewayd/provider.h"

#define KEYS_MAX 4

/* Which of a provider's values decide, of the types that routerd knows. */
static const struct kind {
	const char *type;
	const char *keys[KEYS_MAX]; /* preferred credentials, in order */
	bool only_preferred;        /* else see key_of() */
	const char *url_config;     /* overrides the endpoint */
	const char *endpoint;       /* NULL: see vendor_endpoint() */
	const char *region_config;  /* NULL: it has no regions */
	const char *region;         /* if that isn't set */
} kinds[] = {
	{ .type = "openai",
	    .keys = { "OPENAI_API_KEY" },
	    .url_config = "OPENAI_BASE_URL",
	    .endpoint = "https://api.openai.com/v1" },
	{ .type = "anthropic",
	    .keys = { "ANTHROPIC_API_KEY" },
	    .url_config = "ANTHROPIC_BASE_URL",
	    .endpoint = "https://api.anthropic.com/v1" },
	{ .type = "nvidia",
	    .keys = { "NVIDIA_API_KEY" },
	    .url_config = "NVIDIA_BASE_URL",
	    .endpoint = "https://integrate.api.nvidia.com/v1" },
	{ .type = "deepinfra",
	    .keys = { "DEEPINFRA_API_KEY" },
	    .url_config = "DEEPINFRA_BASE_URL",
	    .endpoint = "https://api.deepinfra.com/v1/openai" },
	{ .type = "google-vertex-ai",
	    .keys = { "GOOGLE_VERTEX_AI_SERVICE_ACCOUNT_TOKEN",
		"VERTEX_AI_SERVICE_ACCOUNT_TOKEN", "GOOGLE_VERTEX_AI_TOKEN",
		"VERTEX_AI_TOKEN" },
	    .only_preferred = true,
	    .url_config = "VERTEX_AI_BASE_URL",
	    .region_config = "VERTEX_AI_REGION",
	    .region = "us-central1" },
	{ .type = "aws-bedrock",
	    .keys = { "AWS_SECRET_ACCESS_KEY" },
	    .only_preferred = true,
	    .url_config = "BEDROCK_BASE_URL",
	    .region_config = "AWS_REGION",
	    .region = "us-east-1" },
};

/* How a profile's key is sent, and who speaks like that. */
static const struct manner {
	const char *auth_style;
	const char *header_name;
	const char *speaks;
} manners[] = {
	{ "bearer", NULL, "openai" },
	{ "header", "x-api-key", "anthropic" },
};

static const struct kind *
kind_of(const char *type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].type, type) == 0)
			return &kinds[i];
	return NULL;
}

void
models_clear(struct models *m)
{
	free(m->endpoint);
	memset(m, 0, sizeof(*m));
}

/*
 * Of whatever type: would routerd take it?
 */

static int
check_endpoint(const struct provider *p, const char *config,
    const char *endpoint, struct error *e)
{
	struct http_slice text = { endpoint, strlen(endpoint) };
	struct http_url url;

	if (text.n > WIRE_PATH_MAX)
		return error_set(e, ERR_LIMIT,
		    "the endpoint of provider '%s' is longer than %d bytes",
		    p->name, WIRE_PATH_MAX);
	if (http_url_parse(text, &url, e) < 0)
		return error_prefix(e, "%s of provider '%s'", config, p->name);
	if (memchr(text.p, '?', text.n) != NULL ||
	    (!http_slice_is_nocase(url.scheme, "https") &&
		!http_slice_is_nocase(url.scheme, "http") &&
		!http_slice_is_nocase(url.scheme, "mock")))
		return error_set(e, ERR_INVALID,
		    "%s of provider '%s' is no http or https URL without a "
		    "query: '%s'",
		    config, p->name, endpoint);
	return 0;
}

/*
 * Types that routerd knows.
 */

/* A server of one's own may have its key under any name, if it is the only one;
 * a vendor is never sent what may be somebody else's. */
static const struct credential *
key_of(const struct provider *p, const struct kind *k, bool is_own_server)
{
	for (size_t i = 0; i < KEYS_MAX && k->keys[i] != NULL; i++) {
		const struct credential *c = provider_credential(p, k->keys[i]);

		if (c != NULL)
			return c;
	}
	return is_own_server && !k->only_preferred && p->n_credentials == 1
		   ? &p->credentials[0]
		   : NULL;
}

static const char *
region_of(const struct provider *p, const struct kind *k)
{
	const char *set = k->region_config != NULL
			      ? provider_config(p, k->region_config)
			      : NULL;

	return set != NULL ? set : k->region;
}

/* It becomes part of a host's name. */
static int
check_region(const struct provider *p, const struct kind *k, const char *region,
    struct error *e)
{
	size_t n = region != NULL
		       ? strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-")
		       : 0;

	if (region == NULL ||
	    (n > 0 && n <= WIRE_NAME_MAX && region[n] == '\0'))
		return 0;
	return error_set(e, ERR_INVALID,
	    "%s of provider '%s' may have up to %d lower-case letters, digits "
	    "and '-'",
	    k->region_config, p->name, WIRE_NAME_MAX);
}

static char *
vendor_endpoint(
    const struct provider *p, const struct kind *k, const char *region)
{
	const char *project = provider_config(p, "VERTEX_AI_PROJECT_ID");

	if (k->endpoint != NULL)
		return xstrdup(k->endpoint);
	if (strcmp(k->type, "aws-bedrock") == 0)
		return xasprintf(
		    "https://bedrock-runtime.%s.amazonaws.com", region);
	return project != NULL
		   ? xasprintf("https://%s-aiplatform.googleapis.com/v1/"
			       "projects/%s/locations/%s",
			 region, project, region)
		   : NULL;
}

static int
find_known(const struct provider *p, const struct kind *k, struct models *ret,
    struct error *e)
{
	const char *set = provider_config(p, k->url_config);

	ret->speaks = k->type;
	ret->key = key_of(p, k, set != NULL);
	ret->region = region_of(p, k);
	ret->endpoint =
	    set != NULL ? xstrdup(set) : vendor_endpoint(p, k, ret->region);
	if (ret->endpoint == NULL)
		return error_set(e, ERR_PRECONDITION,
		    "provider '%s' says no endpoint: set its config "
		    "VERTEX_AI_PROJECT_ID or %s",
		    p->name, k->url_config);
	if (ret->key == NULL && set == NULL)
		return error_set(e, ERR_PRECONDITION,
		    "provider '%s' has no %s: give it with openshell provider "
		    "update, or set its config %s to a server that wants none",
		    p->name, k->keys[0], k->url_config);
	if (check_region(p, k, ret->region, e) < 0)
		return -1;
	return check_endpoint(p, k->url_config, ret->endpoint, e);
}

/*
 * Types that a profile describes.
 */

/* NULL: routerd sends no key like that. */
static const char *
speaks_like(const struct profile_credential *c)
{
	if (c == NULL || c->auth_style == NULL)
		return "openai";
	for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
		const struct manner *m = &manners[i];

		if (strcmp(c->auth_style, m->auth_style) == 0 &&
		    (m->header_name == NULL ||
			strcasecmp(c->header_name, m->header_name) == 0))
			return m->speaks;
	}
	return NULL;
}

/* Under the first of its names that the provider has; another credential
 * isn't the key. */
static const struct credential *
key_like(const struct provider *p, const struct profile_credential *c)
{
	const struct credential *found = NULL;

	for (size_t i = 0; c != NULL && i < c->variables.n && found == NULL;
	     i++)
		found = provider_credential(p, c->variables.v[i]);
	return found;
}

static char *
url_config_of(const char *type)
{
	char *name = xasprintf("%s_BASE_URL", type);

	for (char *c = name; *c != '\0'; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
	return name;
}

/* The directory of a pattern's first wildcard; 0: it is no pattern. */
static int
base_length(const char *path)
{
	size_t n = strcspn(path, "*?[{");

	if (path[n] == '\0')
		return 0;
	while (n > 0 && path[n - 1] != '/')
		n--;
	return n > 0 ? (int)n - 1 : 0;
}

static char *
base_url_of(const struct profile *profile)
{
	const struct profile_endpoint *first = profile->endpoints;
	bool is_v6;
	int n;

	if (profile->n_endpoints == 0 || strchr(first->host, '*') != NULL)
		return NULL;
	is_v6 = strchr(first->host, ':') != NULL;
	n = first->path != NULL ? base_length(first->path) : 0;
	return xasprintf("https://%s%s%s:%lld%.*s", is_v6 ? "[" : "",
	    first->host, is_v6 ? "]" : "", (long long)first->port,
	    n > 0 ? n : 3, n > 0 ? first->path : "/v1");
}

static int
find_described(const struct provider *p, const struct profile *profile,
    struct models *ret, struct error *e)
{
	const struct profile_credential *c =
	    profile->n_credentials > 0 ? &profile->credentials[0] : NULL;
	autofree char *config = url_config_of(profile->id);
	const char *set = provider_config(p, config);

	ret->speaks = speaks_like(c);
	if (ret->speaks == NULL)
		return error_set(e, ERR_PRECONDITION,
		    "provider '%s' is of type '%s', whose key isn't sent as "
		    "models want it (auth_style bearer, or header with "
		    "header_name x-api-key)",
		    p->name, p->type);
	ret->key = key_like(p, c);
	ret->endpoint = set != NULL ? xstrdup(set) : base_url_of(profile);
	if (ret->endpoint == NULL)
		return error_set(e, ERR_PRECONDITION,
		    "provider '%s' says no endpoint: set its config %s",
		    p->name, config);
	return check_endpoint(p, config, ret->endpoint, e);
}

int
models_find(const struct provider *p, struct models *ret, struct error *e)
{
	const struct kind *k = kind_of(p->type);
	const struct profile *profile;

	if (p->unread != NULL)
		return error_set(e, ERR_PRECONDITION,
		    "the config of provider '%s' can't be read: give it anew "
		    "with openshell provider update --config KEY=VALUE",
		    p->name);
	if (k != NULL)
		return find_known(p, k, ret, e);
	profile = profile_find(&p->gw->profiles, p->type);
	if (profile != NULL && profile->inference_capable)
		return find_described(p, profile, ret, e);
	return error_set(e, ERR_PRECONDITION,
	    "provider '%s' is of type '%s', which has no models (those that "
	    "have: openai, anthropic, nvidia, deepinfra, google-vertex-ai, "
	    "aws-bedrock, and whose profile is inference_capable)",
	    p->name, p->type);
}
