/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.h - the credentials of the tests of injection. */
#ifndef TESTS_SECRETS_H
#define TESTS_SECRETS_H

#include "common/wire/proxy.h"
#include "proxyd/inject.h"

#define HANDLE                                                                 \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PH "openshell:resolve:env:"
#define ALIAS "x-OPENSHELL-RESOLVE-ENV-"
#define MARKER PH "TOKEN"

/* TOKEN, SLASH and OTHER; at api.example.com:443, the last elsewhere. */
static inline struct credentials *
secrets_new(void)
{
	static struct proxy_credential_endpoint here[] = { { "api.example.com",
	    443, NULL } };
	static struct proxy_credential_endpoint there[] = { { "www.example.com",
	    443, NULL } };
	static struct proxy_credential rows[] = {
		{ "TOKEN", "s3c:r\"et", "p", 1, 1, HANDLE, 0, false,
		    { here, 1 } },
		{ "SLASH", "a/b+c d", "p", 1, 1, HANDLE, 0, false,
		    { here, 1 } },
		{ "OTHER", "other", "p", 1, 1, HANDLE, 0, false, { there, 1 } },
		{ "NESTED", MARKER, "p", 1, 1, HANDLE, 0, false, { here, 1 } },
	};
	const struct objects all = { rows, sizeof(rows) / sizeof(rows[0]) };
	struct credentials *c = NULL;
	struct error e;

	(void)credentials_new(&all, &c, &e);
	return c;
}

static inline struct inject
inject_with(const struct credentials *c, struct injected *used)
{
	return (struct inject){ .credentials = c,
		.to = { "api.example.com", 443, "/", NULL, 0 },
		.used = used };
}

#endif
