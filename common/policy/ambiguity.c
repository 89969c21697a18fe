/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ambiguity.c - endpoints that one connection may meet must agree.
 *
 * Two endpoints meet when one host name fits both and they share a port,
 * whatever their blocks and binaries.  How the connection's bytes are treated
 * can then only be one thing, so they must agree on it.  Rules needn't: they
 * add up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/policy/glob.h"
#include "common/policy/model.h"
#include "common/xalloc.h"

struct candidate {
	const struct block *block;
	const struct endpoint *ep;
	size_t index;
	struct glob *host;
	struct glob *path;
	size_t specificity;
};

static bool
share_port(const struct endpoint *a, const struct endpoint *b)
{
	for (size_t i = 0; i < a->n_ports; i++)
		for (size_t j = 0; j < b->n_ports; j++)
			if (a->ports[i] == b->ports[j])
				return true;
	return false;
}

static bool
hosts_meet(const struct candidate *a, const struct candidate *b)
{
	if (a->ep->host[0] == '\0' || b->ep->host[0] == '\0')
		return true;
	if (!host_is_pattern(a->ep->host) && !host_is_pattern(b->ep->host))
		return strcmp(a->ep->host, b->ep->host) == 0;
	return glob_intersects(a->host, b->host);
}

static bool
list_has(const struct string_list *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], s) == 0)
			return true;
	return false;
}

static bool
same_set(const struct string_list *a, const struct string_list *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!list_has(b, a->v[i]))
			return false;
	for (size_t i = 0; i < b->n; i++)
		if (!list_has(a, b->v[i]))
			return false;
	return true;
}

/* What isn't there is as what is empty. */
static bool
same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool
paths_compete(const struct candidate *a, const struct candidate *b)
{
	return a->ep->protocol == PROTOCOL_REST &&
	       b->ep->protocol == PROTOCOL_REST &&
	       a->specificity == b->specificity &&
	       glob_intersects(a->path, b->path);
}

static void
compare(struct report *r, const struct candidate *a, const struct candidate *b)
{
	bool l7 = paths_compete(a, b);
	const struct {
		const char *field;
		bool differs;
	} fields[] = {
		{ "protocol tcp", (a->ep->protocol == PROTOCOL_TCP) !=
				      (b->ep->protocol == PROTOCOL_TCP) },
		{ "tls", a->ep->tls != b->ep->tls },
		{ "allowed_ips",
		    !same_set(&a->ep->allowed_ips, &b->ep->allowed_ips) },
		{ "enforcement",
		    l7 && a->ep->enforcement != b->ep->enforcement },
		{ "allow_encoded_slash", l7 && a->ep->allow_encoded_slash !=
						   b->ep->allow_encoded_slash },
		{ "request_body_credential_rewrite",
		    l7 && a->ep->rewrite_body != b->ep->rewrite_body },
		{ "credential_signing",
		    l7 && a->ep->signing != b->ep->signing },
		{ "signing_service", l7 && !same_text(a->ep->signing_service,
					       b->ep->signing_service) },
		{ "signing_region", l7 && !same_text(a->ep->signing_region,
					      b->ep->signing_region) },
		{ "credential_binding",
		    l7 && !same_text(a->ep->provider, b->ep->provider) },
	};
	char list[256] = "";

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t used = strlen(list);

		if (fields[i].differs)
			(void)snprintf(list + used, sizeof(list) - used, "%s%s",
			    used == 0 ? "" : ", ", fields[i].field);
	}
	if (list[0] != '\0')
		report_bad(r, a->ep->place,
		    "network endpoint ambiguity validation failed: '%.80s' "
		    "endpoint %zu and '%.80s' endpoint %zu can meet and "
		    "differ in %s",
		    a->block->key, a->index, b->block->key, b->index, list);
}

static size_t
count_specific(const char *path)
{
	size_t n = 0;

	for (; *path != '\0'; path++)
		n += *path != '*';
	return n;
}

static size_t
collect(const struct policy *p, struct candidate *out)
{
	size_t n = 0;
	struct error e;

	for (size_t i = 0; i < p->n_blocks; i++) {
		const struct block *block = &p->blocks[i];

		for (size_t j = 0; j < block->n_endpoints; j++) {
			const struct endpoint *ep = &block->endpoints[j];
			struct candidate *c = &out[n++];

			*c = (struct candidate){ block, ep, j, NULL, NULL,
				count_specific(ep->path) };
			/* They compiled when they were validated. */
			if (glob_compile(ep->host, GLOB_HOST, &c->host, &e) <
				0 ||
			    glob_compile(ep->path[0] != '\0' ? ep->path : "**",
				GLOB_PATH, &c->path, &e) < 0)
				abort();
		}
	}
	return n;
}

void
policy_check_ambiguity(const struct policy *p, struct report *r)
{
	size_t total = 0, n;
	autofree struct candidate *all = NULL;
	size_t section;

	for (size_t i = 0; i < p->n_blocks; i++)
		total += p->blocks[i].n_endpoints;
	all = xcalloc(total, sizeof(*all));
	n = collect(p, all);
	section = report_enter(r, "network_policies");
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (share_port(all[i].ep, all[j].ep) &&
			    hosts_meet(&all[i], &all[j]))
				compare(r, &all[i], &all[j]);
	report_leave(r, section);
	for (size_t i = 0; i < n; i++) {
		glob_free(all[i].host);
		glob_free(all[i].path);
	}
}
