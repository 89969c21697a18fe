/* SPDX-License-Identifier: Apache-2.0 */
/*
 * models.h - how the models of a provider are asked: in which language, where,
 * and with which of its credentials.
 *
 * Types that routerd knows by name are in a table.  Their key is the credential
 * of the type's own name; a server of one's own (`<TYPE>_BASE_URL`) may also
 * have it under another, if it is the only one.  Any other type has models if
 * its profile says `inference_capable: true`; then its first credential is the
 * key, and how that is sent says whose language it is:
 *
 *	auth_style: bearer, or nothing              OpenAI's
 *	auth_style: header, header_name: x-api-key  Anthropic's
 *
 * and nobody is asked whose profile wants it another way.  The base URL is the
 * provider's config `<TYPE>_BASE_URL` (`-` becomes `_`), else the profile's
 * first endpoint: its host and port, and of a path that is a pattern what is
 * before its first wildcard (/openai/v1), else /v1.
 */
#ifndef GATEWAYD_MODELS_H
#define GATEWAYD_MODELS_H

#include "common/error.h"

struct credential;
struct provider;

/* Zero it; models_clear() frees it.  Borrows of the provider. */
struct models {
	const char *speaks;           /* the type that routerd knows it by */
	const struct credential *key; /* NULL: none is sent */
	char *endpoint;
	const char *region; /* NULL: it has none */
};

/* ERR_PRECONDITION, ERR_INVALID and ERR_LIMIT say what the operator is to
 * change; ret is to be cleared all the same. */
int models_find(const struct provider *, struct models *ret, struct error *);
void models_clear(struct models *);

#endif
