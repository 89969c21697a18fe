/* SPDX-License-Identifier: Apache-2.0 */
/* environment.c - see environment.h. */
#include <stdlib.h>
#include <string.h>

#include "common/wire/supervisor.h"
#include "common/xalloc.h"
#include "supervisord/environment.h"
#include "supervisord/plan.h"

#define PROXY "http://127.0.0.1:3128"
#define NOT_PROXIED "127.0.0.1,localhost,::1"

static const struct pair fixed[] = {
	{ "HOME", AGENT_HOME },
	{ "USER", "sandbox" },
	{ "LOGNAME", "sandbox" },
	{ "SHELL", "/bin/bash" },
	{ "PATH", SUPERVISOR_PATH },
	{ "LANG", "C.UTF-8" },
	{ "TMPDIR", "/tmp" },
	{ "OPENSHELL_SANDBOX", "1" },

	{ "HTTP_PROXY", PROXY },
	{ "HTTPS_PROXY", PROXY },
	{ "ALL_PROXY", PROXY },
	{ "NO_PROXY", NOT_PROXIED },
	{ "http_proxy", PROXY },
	{ "https_proxy", PROXY },
	{ "all_proxy", PROXY },
	{ "no_proxy", NOT_PROXIED },
	{ "grpc_proxy", PROXY },
	{ "NODE_USE_ENV_PROXY", "1" },

	/* These are added to what a program trusts ... */
	{ "NODE_EXTRA_CA_CERTS", CA_FILE },
	{ "DENO_CERT", CA_FILE },
	/* ... and these replace it. */
	{ "SSL_CERT_FILE", CA_BUNDLE_FILE },
	{ "REQUESTS_CA_BUNDLE", CA_BUNDLE_FILE },
	{ "CURL_CA_BUNDLE", CA_BUNDLE_FILE },
	{ "GIT_SSL_CAINFO", CA_BUNDLE_FILE },
	{ "CARGO_HTTP_CAINFO", CA_BUNDLE_FILE },
	{ "PIP_CERT", CA_BUNDLE_FILE },
};

static void
put(char **env, size_t *n, const char *name, const char *value)
{
	size_t len = strlen(name), i = 0;

	while (
	    i < *n && (strncmp(env[i], name, len) != 0 || env[i][len] != '='))
		i++;
	if (i < *n)
		free(env[i]);
	else
		++*n;
	env[i] = xasprintf("%s=%s", name, value);
}

char **
environment_make(
    const char *sandbox, const struct pairs *added, const char *term)
{
	const size_t n_fixed = sizeof(fixed) / sizeof(fixed[0]);
	char **env = xcalloc(n_fixed + added->n + 3, sizeof(*env));
	size_t n = 0;

	for (size_t i = 0; i < n_fixed; i++)
		put(env, &n, fixed[i].name, fixed[i].value);
	put(env, &n, "OPENSHELL_SANDBOX_NAME", sandbox);
	if (term != NULL)
		put(env, &n, "TERM", term);
	for (size_t i = 0; i < added->n; i++)
		put(env, &n, added->v[i].name, added->v[i].value);
	return env;
}

void
environment_free(char **env)
{
	for (size_t i = 0; env != NULL && env[i] != NULL; i++)
		free(env[i]);
	free(env);
}
