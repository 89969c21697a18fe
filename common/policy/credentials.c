/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials.c - what a policy says of credentials, for one request or one
 * connection.
 *
 * As with %2F, the endpoint with the most specific path is authoritative;
 * those that are equally specific agree, or the policy was refused.
 */
#include <string.h>

#include "common/policy/match.h"

static void
take(struct policy_credentials *to, const struct endpoint *ep)
{
	if (to->provider == NULL)
		to->provider = ep->provider;
	if (to->signing == POLICY_NO_SIGNING) {
		to->signing = (enum policy_signing)ep->signing;
		to->service = ep->signing_service;
		to->region = ep->signing_region;
	}
	to->rewrite_body |= ep->rewrite_body && ep->protocol == PROTOCOL_REST;
}

void
matcher_credentials(const struct matcher *m, const char *host, uint16_t port,
    const struct caller *caller, const char *path,
    struct policy_credentials *ret)
{
	char name[HTTP_HOST_MAX + 1];
	struct cursor c = { m, name, port, caller, 0, 0, false };
	const struct match_block *block;
	const struct match_endpoint *ep;
	size_t best = 0;
	bool found = false;

	*ret = (struct policy_credentials){ 0 };
	if (!canonical_host(host, name))
		return;
	while ((ep = next_endpoint(&c, &block)) != NULL) {
		if (!pattern_matches(&ep->path, path, strlen(path)) ||
		    (found && ep->specificity < best))
			continue;
		if (!found || ep->specificity > best)
			*ret = (struct policy_credentials){ 0 };
		found = true;
		best = ep->specificity;
		take(ret, ep->ep);
	}
}

const char *
matcher_bound_provider(const struct matcher *m, const char *host, uint16_t port,
    const struct caller *caller, size_t i)
{
	char name[HTTP_HOST_MAX + 1];
	struct cursor c = { m, name, port, caller, 0, 0, false };
	const struct match_block *block;
	const struct match_endpoint *ep;

	if (!canonical_host(host, name))
		return NULL;
	while ((ep = next_endpoint(&c, &block)) != NULL)
		if (ep->ep->provider != NULL && i-- == 0)
			return ep->ep->provider;
	return NULL;
}

bool
matcher_allows_uninspected(const struct matcher *m, const char *host,
    uint16_t port, const struct caller *caller)
{
	char name[HTTP_HOST_MAX + 1];
	struct cursor c = { m, name, port, caller, 0, 0, false };
	const struct match_block *block;
	const struct match_endpoint *ep;
	bool found = false;

	if (!canonical_host(host, name))
		return false;
	while ((ep = next_endpoint(&c, &block)) != NULL) {
		if (!ep->ep->allow_uninspected)
			return false;
		found = true;
	}
	return found;
}
