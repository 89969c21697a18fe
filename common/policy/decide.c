/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide.c - allow or deny, and why: connections, addresses, requests.
 *
 * Everything starts denied.  A block speaks for a connection when one of its
 * endpoints has the host and the port and one of its binaries is the caller's;
 * blocks never combine.  Among the endpoints that speak for a request the one
 * with the most specific path is authoritative for allowing; a deny rule of
 * any of them denies.  Nothing here allocates.
 */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/http/authority.h"
#include "common/http/path.h"
#include "common/policy/match.h"

#define QUERY_MAX 16384 /* longer ones satisfy no allow rule and every deny */

static const char *const host_aliases[] = { "host.openshell.internal",
	"host.docker.internal", "host.containers.internal", NULL };

static const uint16_t control_ports[] = { 2375, 2376, 2379, 2380, 6443, 10250,
	10255, 0 };

static void
decision_init(struct decision *d, enum policy_layer layer)
{
	d->verdict = VERDICT_DENY;
	d->layer = layer;
	d->policy = NULL;
	d->endpoint = -1;
	d->rule = -1;
	d->inspection = INSPECT_AUTO;
	d->reason[0] = '\0';
}

__attribute__((format(printf, 2, 3))) static void
add_reason(struct decision *d, const char *fmt, ...)
{
	size_t used = strlen(d->reason);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(d->reason + used, sizeof(d->reason) - used, fmt, ap);
	va_end(ap);
}

bool
pattern_matches(const struct pattern *p, const char *text, size_t len)
{
	if (p->exact != NULL)
		return strlen(p->exact) == len &&
		       memcmp(p->exact, text, len) == 0;
	return glob_match(p->glob, text, len);
}

static bool
has_port(const struct endpoint *ep, uint16_t port)
{
	for (size_t i = 0; i < ep->n_ports; i++)
		if (ep->ports[i] == port)
			return true;
	return false;
}

static bool
endpoint_covers(
    const struct match_endpoint *ep, const char *host, uint16_t port)
{
	if (!has_port(ep->ep, port))
		return false;
	if (ep->host.exact != NULL && ep->host.exact[0] == '\0')
		return true;
	return pattern_matches(&ep->host, host, strlen(host));
}

/* Files that are not what their path says never match an entry. */
static bool
is_identity(const char *exe)
{
	static const char deleted[] = " (deleted)";
	size_t n;

	if (exe == NULL || exe[0] != '/')
		return false;
	n = strlen(exe);
	if (strncmp(exe, "/memfd:", 7) == 0 || strncmp(exe, "/proc/", 6) == 0)
		return false;
	return n < sizeof(deleted) - 1 ||
	       strcmp(exe + n - (sizeof(deleted) - 1), deleted) != 0;
}

static bool
binary_is(const struct match_binary *b, const char *exe)
{
	return is_identity(exe) &&
	       (pattern_matches(&b->path, exe, strlen(exe)) ||
		   (b->link != NULL && strcmp(b->link, exe) == 0));
}

static bool
block_admits(const struct match_block *block, const struct caller *caller)
{
	for (size_t i = 0; i < block->n_binaries; i++) {
		const struct match_binary *b = &block->binaries[i];

		if (binary_is(b, caller->exe))
			return true;
		/* Who hides what it is gains nothing from its parents. */
		if (!b->ancestors || !is_identity(caller->exe))
			continue;
		for (size_t j = 0; j < caller->n_ancestors; j++)
			if (binary_is(b, caller->ancestors[j]))
				return true;
	}
	return false;
}

static bool
block_covers(
    const struct match_block *block, const char *host, uint16_t port, int *ret)
{
	for (size_t i = 0; i < block->n_endpoints; i++) {
		if (endpoint_covers(&block->endpoints[i], host, port)) {
			*ret = (int)i;
			return true;
		}
	}
	return false;
}

const struct match_endpoint *
next_endpoint(struct cursor *c, const struct match_block **ret_block)
{
	for (; c->block < c->m->n_blocks; c->block++, c->endpoint = 0) {
		const struct match_block *block = &c->m->blocks[c->block];

		if (c->endpoint == 0)
			c->admitted = block_admits(block, c->caller);
		if (!c->admitted)
			continue;
		while (c->endpoint < block->n_endpoints) {
			const struct match_endpoint *ep =
			    &block->endpoints[c->endpoint++];

			if (!endpoint_covers(ep, c->host, c->port))
				continue;
			*ret_block = block;
			return ep;
		}
	}
	return NULL;
}

bool
canonical_host(const char *host, char ret[HTTP_HOST_MAX + 1])
{
	enum http_host_kind kind;
	struct error e;

	return http_host_parse((struct http_slice){ host, strlen(host) }, ret,
		   &kind, &e) == 0;
}

/* Which way of treating the bytes wins where several endpoints speak. */
static enum inspection
stricter(enum inspection now, const struct endpoint *ep, bool first)
{
	enum inspection mine = INSPECT_AUTO;

	if (ep->tls == TLS_SKIP || ep->protocol == PROTOCOL_TCP)
		mine = INSPECT_NONE;
	else if (ep->protocol == PROTOCOL_REST)
		mine = INSPECT_REST;
	if (first || mine == INSPECT_REST)
		return mine;
	return now == INSPECT_NONE ? mine : now;
}

static void
explain_binary(struct decision *d, const struct match_block *block,
    const struct caller *caller)
{
	if (d->reason[0] != '\0')
		add_reason(d, "; ");
	add_reason(d, "binary '%.200s' not allowed in policy '%.80s'",
	    caller->exe != NULL ? caller->exe : "unknown", block->block->key);
	if (caller->n_ancestors == 0)
		return;
	add_reason(d, " (ancestors: [");
	for (size_t i = 0; i < caller->n_ancestors; i++)
		add_reason(
		    d, "%s%.80s", i > 0 ? " -> " : "", caller->ancestors[i]);
	add_reason(d, "])");
}

static void
explain_denial(const struct matcher *m, const char *host, uint16_t port,
    const struct caller *caller, struct decision *d)
{
	int index;

	if (m->n_blocks == 0) {
		add_reason(d, "network connections not allowed by policy");
		return;
	}
	for (size_t i = 0; i < m->n_blocks; i++) {
		if (!block_covers(&m->blocks[i], host, port, &index))
			continue;
		if (d->policy == NULL) {
			d->policy = m->blocks[i].block->key;
			d->endpoint = index;
		}
		explain_binary(d, &m->blocks[i], caller);
	}
	if (d->policy == NULL)
		add_reason(d, "endpoint %.253s:%u is not allowed by any policy",
		    host, port);
}

void
matcher_connect(const struct matcher *m, const char *host, uint16_t port,
    const struct caller *caller, struct decision *ret)
{
	char name[HTTP_HOST_MAX + 1];
	struct cursor c = { m, name, port, caller, 0, 0, false };
	const struct match_block *block;
	const struct match_endpoint *ep;
	bool first = true;

	decision_init(ret, LAYER_L4);
	if (!canonical_host(host, name)) {
		add_reason(
		    ret, "'%.100s' is neither a DNS name nor an address", host);
		return;
	}
	while ((ep = next_endpoint(&c, &block)) != NULL) {
		if (first) {
			ret->verdict = VERDICT_ALLOW;
			ret->policy = block->block->key;
			ret->endpoint = (int)(ep - block->endpoints);
		}
		ret->inspection = stricter(ret->inspection, ep->ep, first);
		first = false;
	}
	if (first)
		explain_denial(m, name, port, caller, ret);
}

static bool
method_matches(const char *rule, const char *method)
{
	return strcmp(rule, "*") == 0 || strcasecmp(rule, method) == 0 ||
	       (strcmp(rule, "GET") == 0 && strcasecmp(method, "HEAD") == 0);
}

static bool
value_matches(const struct match_query *q, const char *value, size_t n)
{
	for (size_t i = 0; i < q->n; i++)
		if (glob_match(q->globs[i], value, n))
			return true;
	return false;
}

/* How many occurrences of the parameter there are, and how many match. */
static void
count_parameter(const struct match_query *q, const char *query, size_t *present,
    size_t *matching)
{
	struct http_slice rest = { query, strlen(query) };
	struct http_slice name, value;
	char text[QUERY_MAX];

	*present = *matching = 0;
	while (http_query_next(&rest, &name, &value)) {
		size_t n = http_query_decode(name, text);

		if (n != strlen(q->name) || memcmp(text, q->name, n) != 0)
			continue;
		++*present;
		n = value.p != NULL ? http_query_decode(value, text) : 0;
		if (value_matches(q, text, n))
			++*matching;
	}
}

/* An allow rule wants every occurrence to match, a deny rule one. */
static bool
query_matches(const struct match_rule *rule, const char *query, bool deny)
{
	if (rule->n_query == 0)
		return true;
	if (query == NULL)
		return false;
	if (strlen(query) > QUERY_MAX)
		return deny;
	for (size_t i = 0; i < rule->n_query; i++) {
		size_t present, matching;

		count_parameter(&rule->query[i], query, &present, &matching);
		if (deny ? matching == 0 : present == 0 || matching != present)
			return false;
	}
	return true;
}

static int
find_rule(const struct match_rule *rules, size_t n, const char *method,
    const char *path, const char *query, bool deny)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < n; i++)
		if (method_matches(rules[i].method, method) &&
		    pattern_matches(&rules[i].path, path, len) &&
		    query_matches(&rules[i], query, deny))
			return (int)i;
	return -1;
}

static enum verdict
denial_of(const struct endpoint *ep)
{
	return ep->enforcement == ENFORCEMENT_ENFORCE ? VERDICT_DENY
						      : VERDICT_AUDIT;
}

static void
set_where(struct decision *d, const struct match_block *block,
    const struct match_endpoint *ep, int rule)
{
	d->policy = block->block->key;
	d->endpoint = (int)(ep - block->endpoints);
	d->rule = rule;
}

/* Deny rules of every endpoint that has the path; true if one fired. */
static bool
judge_denials(struct cursor c, const char *method, const char *path,
    const char *query, struct decision *ret)
{
	const struct match_block *block;
	const struct match_endpoint *ep;
	bool fired = false;

	while ((ep = next_endpoint(&c, &block)) != NULL) {
		int rule;

		if (!pattern_matches(&ep->path, path, strlen(path)))
			continue;
		rule =
		    find_rule(ep->deny, ep->n_deny, method, path, query, true);
		/* One that enforces outweighs one that audits. */
		if (rule < 0 || (fired && denial_of(ep->ep) != VERDICT_DENY))
			continue;
		fired = true;
		ret->verdict = denial_of(ep->ep);
		set_where(ret, block, ep, rule);
		if (ret->verdict == VERDICT_DENY)
			break;
	}
	return fired;
}

/* The most specific path among those that match, and whether any endpoint
 * there has rules at all. */
static bool
find_governing(struct cursor c, const char *path, size_t *ret_specificity,
    bool *ret_judged)
{
	const struct match_block *block;
	const struct match_endpoint *ep;
	bool found = false;

	*ret_judged = false;
	*ret_specificity = 0;
	while ((ep = next_endpoint(&c, &block)) != NULL) {
		if (ep->ep->protocol != PROTOCOL_REST)
			continue;
		*ret_judged = true;
		if (!pattern_matches(&ep->path, path, strlen(path)))
			continue;
		if (!found || ep->specificity > *ret_specificity)
			*ret_specificity = ep->specificity;
		found = true;
	}
	return found;
}

static void
judge_allows(struct cursor c, size_t specificity, const char *method,
    const char *path, const char *query, struct decision *ret)
{
	const struct match_block *block;
	const struct match_endpoint *ep;

	ret->verdict = VERDICT_AUDIT;
	while ((ep = next_endpoint(&c, &block)) != NULL) {
		int rule;

		if (ep->ep->protocol != PROTOCOL_REST ||
		    ep->specificity != specificity ||
		    !pattern_matches(&ep->path, path, strlen(path)))
			continue;
		rule = find_rule(
		    ep->allow, ep->n_allow, method, path, query, false);
		if (rule >= 0) {
			ret->verdict = VERDICT_ALLOW;
			set_where(ret, block, ep, rule);
			return;
		}
		if (ret->policy == NULL ||
		    (ret->verdict == VERDICT_AUDIT &&
			denial_of(ep->ep) == VERDICT_DENY)) {
			set_where(ret, block, ep, -1);
			ret->verdict = denial_of(ep->ep);
		}
	}
}

void
matcher_request(const struct matcher *m, const char *host, uint16_t port,
    const struct caller *caller, const char *method, const char *path,
    const char *query, struct decision *ret)
{
	char name[HTTP_HOST_MAX + 1];
	struct cursor c = { m, name, port, caller, 0, 0, false };
	size_t specificity;
	bool judged;

	decision_init(ret, LAYER_L7);
	if (!canonical_host(host, name)) {
		add_reason(
		    ret, "'%.100s' is neither a DNS name nor an address", host);
		return;
	}
	if (judge_denials(c, method, path, query, ret)) {
		add_reason(
		    ret, "%.32s %.300s blocked by a deny rule", method, path);
		return;
	}
	if (!find_governing(c, path, &specificity, &judged)) {
		if (judged) {
			add_reason(ret, "no L7 endpoint path matched request");
			return;
		}
		/* No endpoint has rules: the connection's decision stands. */
		matcher_connect(m, host, port, caller, ret);
		ret->layer = LAYER_L7;
		return;
	}
	judge_allows(c, specificity, method, path, query, ret);
	if (ret->verdict != VERDICT_ALLOW)
		add_reason(
		    ret, "%.32s %.300s not permitted by policy", method, path);
}

bool
matcher_allows_encoded_slash(const struct matcher *m, const char *host,
    uint16_t port, const struct caller *caller, const char *path)
{
	char name[HTTP_HOST_MAX + 1];
	struct cursor c = { m, name, port, caller, 0, 0, false };
	const struct match_block *block;
	const struct match_endpoint *ep;
	size_t best = 0;
	bool allowed = false, found = false;

	if (!canonical_host(host, name))
		return false;
	while ((ep = next_endpoint(&c, &block)) != NULL) {
		if (!pattern_matches(&ep->path, path, strlen(path)) ||
		    (found && ep->specificity < best))
			continue;
		if (!found || ep->specificity > best)
			allowed = false;
		found = true;
		best = ep->specificity;
		allowed = allowed || ep->ep->allow_encoded_slash;
	}
	return allowed;
}

/* What the guard goes by: the endpoints' say about addresses. */
struct address_rules {
	const struct match_endpoint *allow_list; /* has allowed_ips */
	bool exact; /* the host is named as it is */
};

static struct address_rules
find_address_rules(struct cursor c, struct decision *d)
{
	struct address_rules rules = { NULL, false };
	const struct match_block *block;
	const struct match_endpoint *ep;

	while ((ep = next_endpoint(&c, &block)) != NULL) {
		if (d->policy == NULL)
			set_where(d, block, ep, -1);
		if (ep->n_allowed > 0 && rules.allow_list == NULL)
			rules.allow_list = ep;
		if (ep->host.exact != NULL && ep->host.exact[0] != '\0')
			rules.exact = true;
	}
	return rules;
}

static bool
is_listed(const struct match_endpoint *ep, const struct address *a)
{
	for (size_t i = 0; i < ep->n_allowed; i++)
		if (cidr_contains(&ep->allowed[i], a))
			return true;
	return false;
}

bool
policy_is_host_alias(const char *host)
{
	for (size_t i = 0; host_aliases[i] != NULL; i++)
		if (strcmp(host_aliases[i], host) == 0)
			return true;
	return false;
}

/* One address; NULL if it may be dialled, else what may be told. */
static const char *
judge_address(const char *host, const struct address_rules *rules,
    const struct address *a)
{
	enum address_class class = address_classify(a);
	struct address literal;

	if (policy_is_host_alias(host) && rules->exact)
		return address_is_loopback(a) ? NULL
					      : "trusted-gateway check failed";
	if (rules->allow_list != NULL)
		return class != ADDRESS_BLOCKED &&
			       is_listed(rules->allow_list, a)
			   ? NULL
			   : "allowed_ips check failed";
	if (address_parse(host, &literal) && class != ADDRESS_BLOCKED)
		return address_equal(&literal, a) ? NULL : "internal address";
	if (rules->exact)
		return class != ADDRESS_BLOCKED
			   ? NULL
			   : "declared endpoint check failed";
	return class == ADDRESS_PUBLIC ? NULL : "internal address";
}

static bool
is_control_port(uint16_t port)
{
	for (size_t i = 0; control_ports[i] != 0; i++)
		if (control_ports[i] == port)
			return true;
	return false;
}

static void
show_address(const struct address *a, char text[INET6_ADDRSTRLEN])
{
	if (inet_ntop(AF_INET6, a->bytes, text, INET6_ADDRSTRLEN) == NULL)
		text[0] = '\0';
}

void
matcher_addresses(const struct matcher *m, const char *host, uint16_t port,
    const struct caller *caller, const struct sockaddr_storage *addresses,
    size_t n, struct decision *ret, const char **detail)
{
	char name[HTTP_HOST_MAX + 1], shown[INET6_ADDRSTRLEN];
	struct cursor c = { m, name, port, caller, 0, 0, false };
	struct address_rules rules;

	decision_init(ret, LAYER_SSRF);
	*detail = "internal address";
	if (!canonical_host(host, name)) {
		add_reason(
		    ret, "'%.100s' is neither a DNS name nor an address", host);
		return;
	}
	rules = find_address_rules(c, ret);
	if (is_control_port(port)) {
		add_reason(ret, "port %u is a control plane's", port);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct address a;
		const char *wrong = "internal address";

		memset(&a, 0, sizeof(a));
		if (address_from_sockaddr(&addresses[i], &a))
			wrong = judge_address(name, &rules, &a);
		if (wrong == NULL)
			continue;
		show_address(&a, shown);
		add_reason(
		    ret, "%.253s resolves to %s: %s", name, shown, wrong);
		*detail = wrong;
		return;
	}
	if (n == 0) {
		add_reason(ret, "%.253s has no address", name);
		return;
	}
	*detail = NULL;
	ret->verdict = VERDICT_ALLOW;
}
