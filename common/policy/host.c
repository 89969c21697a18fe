/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - hosts in a policy: names, address literals and patterns.
 *
 * A pattern has its stars as a whole or partial first label, as a whole
 * middle label, or ** as the whole first label; at least two labels after it
 * are exact, so that nobody allows a whole top-level domain.
 */
#include <stdio.h>
#include <string.h>

#include "common/http/authority.h"
#include "common/policy/model.h"

bool
host_is_pattern(const char *host)
{
	return strchr(host, '*') != NULL;
}

static const char *
exact_error(const char *host)
{
	char canonical[HTTP_HOST_MAX + 1];
	enum http_host_kind kind;
	struct error e;

	if (http_host_parse((struct http_slice){ host, strlen(host) },
		canonical, &kind, &e) < 0)
		return "is neither a DNS name nor an IP address";
	return NULL;
}

/* What may stand where in a pattern's labels. */
static const char *
label_error(const char *label, size_t len, unsigned index, bool last)
{
	const char *star = memchr(label, '*', len);

	if (star == NULL)
		return NULL;
	if (last)
		return "may not have a wildcard in the last label";
	if (len == 2 && memcmp(label, "**", 2) == 0)
		return index == 0 ? NULL
				  : "may have ** as the whole first label only";
	if (memmem(label, len, "**", 2) != NULL)
		return "may have ** as the whole first label only";
	if (index > 0 && len > 1)
		return "may not have a partial wildcard but in the first label";
	return NULL;
}

const char *
host_pattern_error(const char *host)
{
	char plain[HTTP_HOST_MAX + 1];
	const char *label = host;
	unsigned index = 0;
	size_t n = strlen(host);

	if (!host_is_pattern(host))
		return exact_error(host);
	if (n > HTTP_HOST_MAX)
		return "is longer than a DNS name";
	/* Names of any grammar but for the stars. */
	for (size_t i = 0; i <= n; i++)
		plain[i] = host[i] == '*' ? 'a' : host[i];
	if (exact_error(plain) != NULL || host[n - 1] == '.')
		return "is no DNS name with wildcards";
	for (;; index++) {
		const char *dot = strchr(label, '.');
		size_t len =
		    dot != NULL ? (size_t)(dot - label) : strlen(label);
		const char *wrong = label_error(label, len, index, dot == NULL);

		if (wrong != NULL)
			return wrong;
		if (dot == NULL)
			break;
		label = dot + 1;
	}
	if (index < 2)
		return "would match a whole top-level domain";
	return NULL;
}
