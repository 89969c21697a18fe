/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile.c - a validated policy made ready for decisions, so that those need
 * no memory and no parsing.
 */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/http/authority.h"
#include "common/policy/match.h"
#include "common/xalloc.h"

static void
compile_glob(const char *text, enum glob_separator separator, struct glob **ret)
{
	struct error e;

	/* It compiled when the policy was validated. */
	if (glob_compile(text, separator, ret, &e) < 0)
		abort();
}

static void
compile_pattern(const char *text, const char *specials,
    enum glob_separator separator, struct pattern *ret)
{
	if (strpbrk(text, specials) == NULL)
		ret->exact = xstrdup(text);
	else
		compile_glob(text, separator, &ret->glob);
}

/* Literals as the parser of connections spells them; no dot at the end. */
void
pattern_set_host(struct pattern *ret, const char *host)
{
	char canonical[HTTP_HOST_MAX + 1];
	enum http_host_kind kind;
	struct error e;

	if (host[0] == '\0') {
		ret->exact = xstrdup("");
	} else if (host_is_pattern(host)) {
		/* ** is one label or more, the rest of the way in dots. */
		autofree char *text =
		    xasprintf("%s%s", host[1] == '*' ? "*." : "", host);

		compile_glob(text, GLOB_HOST, &ret->glob);
	} else {
		if (http_host_parse((struct http_slice){ host, strlen(host) },
			canonical, &kind, &e) < 0)
			abort();
		ret->exact = xstrdup(canonical);
	}
}

void
pattern_set_path(struct pattern *ret, const char *path)
{
	compile_pattern(path, "*?[{", GLOB_PATH, ret);
}

static void
compile_rule(const struct rule *rule, struct match_rule *ret)
{
	ret->method = rule->method;
	pattern_set_path(&ret->path, rule->path);
	ret->query = xcalloc(rule->n_query, sizeof(*ret->query));
	ret->n_query = rule->n_query;
	for (size_t i = 0; i < rule->n_query; i++) {
		const struct query_rule *from = &rule->query[i];
		struct match_query *to = &ret->query[i];

		to->name = from->name;
		to->globs = xcalloc(from->globs.n, sizeof(struct glob *));
		for (; to->n < from->globs.n; to->n++)
			compile_glob(from->globs.v[to->n], GLOB_VALUE,
			    &to->globs[to->n]);
	}
}

static const char *const preset_methods[][9] = {
	[ACCESS_READ_ONLY] = { "GET", "HEAD", "OPTIONS", NULL },
	[ACCESS_READ_WRITE] = { "GET", "HEAD", "OPTIONS", "POST", "PUT",
	    "PATCH", NULL },
	[ACCESS_FULL] = { "*", NULL },
};

static void
compile_preset(int access, struct match_endpoint *ret)
{
	const char *const *methods = preset_methods[access];
	size_t n = 0;

	while (methods[n] != NULL)
		n++;
	ret->allow = xcalloc(n, sizeof(*ret->allow));
	for (; ret->n_allow < n; ret->n_allow++) {
		struct match_rule *rule = &ret->allow[ret->n_allow];

		rule->method = methods[ret->n_allow];
		compile_glob("**", GLOB_PATH, &rule->path.glob);
	}
}

static void
compile_endpoint(const struct endpoint *ep, struct match_endpoint *ret)
{
	const char *path = ep->path[0] != '\0' ? ep->path : "**";

	ret->ep = ep;
	pattern_set_host(&ret->host, ep->host);
	pattern_set_path(&ret->path, path);
	for (const char *p = ep->path; *p != '\0'; p++)
		ret->specificity += *p != '*';
	if (ep->access != ACCESS_NONE)
		compile_preset(ep->access, ret);
	else
		ret->allow = xcalloc(ep->rules.n, sizeof(*ret->allow));
	for (size_t i = 0; i < ep->rules.n; i++)
		compile_rule(&ep->rules.v[i], &ret->allow[ret->n_allow++]);
	ret->deny = xcalloc(ep->deny_rules.n, sizeof(*ret->deny));
	for (; ret->n_deny < ep->deny_rules.n; ret->n_deny++)
		compile_rule(
		    &ep->deny_rules.v[ret->n_deny], &ret->deny[ret->n_deny]);
	ret->allowed = xcalloc(ep->allowed_ips.n, sizeof(*ret->allowed));
	for (; ret->n_allowed < ep->allowed_ips.n; ret->n_allowed++)
		if (!cidr_parse(ep->allowed_ips.v[ret->n_allowed],
			&ret->allowed[ret->n_allowed]))
			abort();
}

static const char *
find_link(const struct matcher *m, const char *path)
{
	for (size_t i = 0; i < m->n_links; i += 2)
		if (strcmp(m->links[i], path) == 0)
			return m->links[i + 1];
	return NULL;
}

static void
compile_binary(
    const struct matcher *m, const struct binary *b, struct match_binary *ret)
{
	/* A star makes a glob; all else is as it stands. */
	compile_pattern(b->path, "*", GLOB_PATH, &ret->path);
	ret->ancestors = b->ancestors;
	ret->link = find_link(m, b->path);
}

static void
compile_block(
    const struct matcher *m, const struct block *block, struct match_block *ret)
{
	ret->block = block;
	ret->endpoints = xcalloc(block->n_endpoints, sizeof(*ret->endpoints));
	for (; ret->n_endpoints < block->n_endpoints; ret->n_endpoints++)
		compile_endpoint(&block->endpoints[ret->n_endpoints],
		    &ret->endpoints[ret->n_endpoints]);
	ret->binaries = xcalloc(block->n_binaries, sizeof(*ret->binaries));
	for (; ret->n_binaries < block->n_binaries; ret->n_binaries++)
		compile_binary(m, &block->binaries[ret->n_binaries],
		    &ret->binaries[ret->n_binaries]);
}

struct matcher *
policy_compile(const struct policy *p, const struct pair *links, size_t n_links)
{
	struct matcher *m = xcalloc(1, sizeof(*m));

	m->policy = policy_ref(p);
	m->links = xcalloc(n_links * 2, sizeof(*m->links));
	for (size_t i = 0; i < n_links; i++) {
		m->links[m->n_links++] = xstrdup(links[i].name);
		m->links[m->n_links++] = xstrdup(links[i].value);
	}
	m->blocks = xcalloc(p->n_blocks, sizeof(*m->blocks));
	for (; m->n_blocks < p->n_blocks; m->n_blocks++)
		compile_block(
		    m, &p->blocks[m->n_blocks], &m->blocks[m->n_blocks]);
	return m;
}

void
pattern_clear(struct pattern *p)
{
	free(p->exact);
	glob_free(p->glob);
}

static void
rules_clear(struct match_rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		pattern_clear(&rules[i].path);
		for (size_t j = 0; j < rules[i].n_query; j++) {
			for (size_t k = 0; k < rules[i].query[j].n; k++)
				glob_free(rules[i].query[j].globs[k]);
			free(rules[i].query[j].globs);
		}
		free(rules[i].query);
	}
	free(rules);
}

static void
block_clear(struct match_block *block)
{
	for (size_t i = 0; i < block->n_endpoints; i++) {
		struct match_endpoint *ep = &block->endpoints[i];

		pattern_clear(&ep->host);
		pattern_clear(&ep->path);
		rules_clear(ep->allow, ep->n_allow);
		rules_clear(ep->deny, ep->n_deny);
		free(ep->allowed);
	}
	for (size_t i = 0; i < block->n_binaries; i++)
		pattern_clear(&block->binaries[i].path);
	free(block->endpoints);
	free(block->binaries);
}

void
matcher_free(struct matcher *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n_blocks; i++)
		block_clear(&m->blocks[i]);
	for (size_t i = 0; i < m->n_links; i++)
		free(m->links[i]);
	free(m->links);
	free(m->blocks);
	policy_free(m->policy);
	free(m);
}
