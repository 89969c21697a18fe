/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - see table.h. */
#include <stdlib.h>
#include <string.h>

#include "common/credential/placeholder.h"
#include "common/credential/table.h"
#include "common/policy/selector.h"
#include "common/wire/proxy.h"
#include "common/xalloc.h"

struct row {
	char *key;
	char *value;
	char *provider;
	char handle[PLACEHOLDER_HANDLE_LEN + 1];
	int64_t revision;
	int64_t oldest;
	int64_t expires_at_ms;
	bool is_bound;
	struct selector **endpoints;
	size_t n_endpoints;
};

struct credentials {
	struct row *v;
	size_t n;
};

static bool
is_handle(const char *s)
{
	return strlen(s) == PLACEHOLDER_HANDLE_LEN &&
	       strspn(s, "0123456789abcdef") == PLACEHOLDER_HANDLE_LEN;
}

static int
take_row(struct row *to, const struct proxy_credential *from, struct error *e)
{
	const struct proxy_credential_endpoint *v = from->endpoints.v;

	to->key = xstrdup(from->key);
	to->value = xstrdup(from->value);
	to->provider = xstrdup(from->provider);
	to->revision = from->revision;
	to->oldest = from->oldest;
	if (to->oldest < to->revision - CREDENTIAL_GENERATIONS)
		to->oldest = to->revision - CREDENTIAL_GENERATIONS;
	to->expires_at_ms = from->expires_at_ms;
	to->is_bound = from->is_bound;
	if (!placeholder_is_key(from->key))
		return error_set(e, ERR_INVALID, "is no name of a credential");
	if (!is_handle(from->handle))
		return error_set(
		    e, ERR_INVALID, "the handle must be 64 hex digits");
	memcpy(to->handle, from->handle, sizeof(to->handle));
	to->endpoints = xcalloc(from->endpoints.n, sizeof(*to->endpoints));
	for (; to->n_endpoints < from->endpoints.n; v++, to->n_endpoints++)
		if (selector_new(v->host, (uint16_t)v->port, v->path,
			&to->endpoints[to->n_endpoints], e) < 0)
			return -1;
	return 0;
}

int
credentials_new(
    const struct objects *from, struct credentials **ret, struct error *e)
{
	const struct proxy_credential *v = from->v;
	struct credentials *c = xcalloc(1, sizeof(*c));

	c->v = xcalloc(from->n, sizeof(*c->v));
	for (size_t i = 0; i < from->n; i++) {
		if (take_row(&c->v[c->n++], &v[i], e) < 0) {
			credentials_free(c);
			return error_prefix(e, "credential '%.80s'", v[i].key);
		}
	}
	*ret = c;
	return 0;
}

void
credentials_free(struct credentials *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n; i++) {
		struct row *row = &c->v[i];

		for (size_t j = 0; j < row->n_endpoints; j++)
			selector_free(row->endpoints[j]);
		free(row->endpoints);
		free_secret(row->value);
		free(row->key);
		free(row->provider);
	}
	free(c->v);
	free(c);
}

static bool
goes_to(const struct row *row, const char *host, uint16_t port,
    const char *path, const char *provider)
{
	if (provider != NULL && strcmp(provider, row->provider) == 0)
		return true;
	for (size_t i = 0; i < row->n_endpoints; i++)
		if (selector_matches(row->endpoints[i], host, port, path))
			return true;
	return false;
}

static bool
has_key(const struct row *row, const char *key, size_t n)
{
	return strlen(row->key) == n && memcmp(row->key, key, n) == 0;
}

/* Is this the credential that the placeholder means?  The value is always the
 * newest: processes that began before a rotation go on working. */
static bool
is_meant(const struct row *row, const struct placeholder *p)
{
	if (!has_key(row, p->key, p->key_len))
		return false;
	switch (p->identity) {
	case PLACEHOLDER_PLAIN:
		return true;
	case PLACEHOLDER_REVISION:
		return p->revision >= row->oldest &&
		       p->revision <= row->revision;
	case PLACEHOLDER_HANDLE:
		return memcmp(p->handle, row->handle, PLACEHOLDER_HANDLE_LEN) ==
		       0;
	}
	return false;
}

static enum credential_result
judge(const struct row *row, const struct credential_target *to,
    struct credential *ret)
{
	if (!goes_to(row, to->host, to->port, to->path, to->provider))
		return CREDENTIAL_MISMATCH;
	if (row->expires_at_ms != 0 && row->expires_at_ms <= to->now_ms)
		return CREDENTIAL_EXPIRED;
	if (row->value[0] == '\0' || strpbrk(row->value, "\r\n") != NULL)
		return CREDENTIAL_UNUSABLE;
	*ret = (struct credential){ row->key, row->value, strlen(row->value) };
	return CREDENTIAL_FOUND;
}

enum credential_result
credentials_resolve(const struct credentials *c, const struct placeholder *p,
    const struct credential_target *to, struct credential *ret)
{
	enum credential_result best = CREDENTIAL_UNKNOWN;

	for (size_t i = 0; i < c->n && best != CREDENTIAL_FOUND; i++) {
		const struct row *row = &c->v[i];
		enum credential_result r;

		if (!is_meant(row, p))
			continue;
		/* A name alone could be that of another account's secret that
		 * took this one's place. */
		if (row->is_bound && p->identity == PLACEHOLDER_PLAIN)
			r = CREDENTIAL_MISMATCH;
		else
			r = judge(row, to, ret);
		if (r > best)
			best = r;
	}
	return best;
}

enum credential_result
credentials_find(const struct credentials *c, const char *key,
    const struct credential_target *to, struct credential *ret)
{
	enum credential_result best = CREDENTIAL_UNKNOWN;

	for (size_t i = 0; i < c->n && best != CREDENTIAL_FOUND; i++) {
		enum credential_result r;

		if (strcmp(c->v[i].key, key) != 0)
			continue;
		r = judge(&c->v[i], to, ret);
		if (r > best)
			best = r;
	}
	return best;
}

bool
credentials_concern(const struct credentials *c, const char *host,
    uint16_t port, const char *path, const char *provider)
{
	for (size_t i = 0; i < c->n; i++)
		if (goes_to(&c->v[i], host, port, path, provider))
			return true;
	return false;
}
