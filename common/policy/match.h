/* SPDX-License-Identifier: Apache-2.0 */
/*
 * match.h - struct matcher from inside: what compile.c makes of a policy and
 * decide.c judges by.  For this folder only.
 */
#ifndef COMMON_POLICY_MATCH_H
#define COMMON_POLICY_MATCH_H

#include "common/http/authority.h"
#include "common/policy/glob.h"
#include "common/policy/model.h"

/* An exact text or, where there are wildcards, a glob. */
struct pattern {
	char *exact; /* NULL: glob decides */
	struct glob *glob;
};

struct match_query {
	const char *name;
	struct glob **globs;
	size_t n;
};

struct match_rule {
	const char *method; /* "*": any */
	struct pattern path;
	struct match_query *query;
	size_t n_query;
};

struct match_endpoint {
	const struct endpoint *ep;
	struct pattern host; /* exact "": any */
	struct pattern path;
	size_t specificity;
	struct match_rule *allow;
	size_t n_allow;
	struct match_rule *deny;
	size_t n_deny;
	struct cidr *allowed;
	size_t n_allowed;
};

struct match_binary {
	struct pattern path;
	const char *link; /* where the path leads, or NULL */
	bool ancestors;
};

struct match_block {
	const struct block *block;
	struct match_endpoint *endpoints;
	size_t n_endpoints;
	struct match_binary *binaries;
	size_t n_binaries;
};

struct matcher {
	struct policy *policy; /* a reference: strings are borrowed from it */
	struct match_block *blocks;
	size_t n_blocks;
	char **links;
	size_t n_links;
};

/* The endpoints that speak for a connection, one after the other; the host is
 * canonical. */
struct cursor {
	const struct matcher *m;
	const char *host;
	uint16_t port;
	const struct caller *caller;
	size_t block;
	size_t endpoint;
	bool admitted;
};
const struct match_endpoint *next_endpoint(
    struct cursor *, const struct match_block **ret_block);
bool canonical_host(const char *host, char ret[HTTP_HOST_MAX + 1]);

bool pattern_matches(const struct pattern *, const char *text, size_t len);
/* Of texts that were validated: a host in lower case, a path or a glob. */
void pattern_set_host(struct pattern *, const char *host);
void pattern_set_path(struct pattern *, const char *path);
void pattern_clear(struct pattern *);

#endif
