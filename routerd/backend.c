/* SPDX-License-Identifier: Apache-2.0 */
/* backend.c - see backend.h. */
#include <string.h>

#include "routerd/backend.h"

#define BIT(p) (1u << PROTOCOL_##p)
#define OPENAI                                                                 \
	(BIT(CHAT) | BIT(COMPLETIONS) | BIT(RESPONSES) | BIT(EMBEDDINGS) |     \
	    BIT(MODELS))

static const char *const openai_pass[] = { "openai-organization",
	"openai-project", "x-model-id", NULL };
static const char *const model_pass[] = { "x-model-id", NULL };
static const char *const anthropic_pass[] = { "anthropic-version",
	"anthropic-beta", NULL };
static const char *const no_pass[] = { NULL };

/* What every backend gets. */
static const char *const common_pass[] = { "accept", "user-agent", NULL };

static const struct backend backends[] = {
	{ "openai", "https://api.openai.com/v1", AUTH_BEARER, OPENAI,
	    openai_pass, NULL, NULL, false, true },
	{ "anthropic", "https://api.anthropic.com/v1", AUTH_X_API_KEY,
	    BIT(MESSAGES) | BIT(COUNT) | BIT(MODELS), anthropic_pass,
	    "anthropic-version", "2023-06-01", false, false },
	{ "nvidia", "https://integrate.api.nvidia.com/v1", AUTH_BEARER, OPENAI,
	    model_pass, NULL, NULL, false, true },
	{ "deepinfra", "https://api.deepinfra.com/v1/openai", AUTH_BEARER,
	    OPENAI, model_pass, NULL, NULL, false, true },
	{ "google-vertex-ai", NULL, AUTH_BEARER, BIT(MESSAGES) | BIT(CHAT),
	    no_pass, NULL, NULL, true, true },
	{ "aws-bedrock", NULL, AUTH_SIGV4, BIT(INVOKE) | BIT(INVOKE_STREAM),
	    no_pass, NULL, NULL, false, false },
};

const struct backend *
backend_find(const char *type)
{
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (strcmp(backends[i].type, type) == 0)
			return &backends[i];
	return NULL;
}

bool
backend_offers(const struct backend *b, enum protocol p)
{
	return (b->protocols & 1u << p) != 0;
}

static bool
has(const char *const *names, struct http_slice name)
{
	for (; *names != NULL; names++)
		if (http_slice_is_nocase(name, *names))
			return true;
	return false;
}

bool
backend_passes(const struct backend *b, struct http_slice name)
{
	return has(common_pass, name) || has(b->pass, name);
}
