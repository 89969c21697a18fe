/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate.c - what the schema's tables can't say about one object.
 *
 * Two kinds of finding: a violation refuses the policy; a warning is for what
 * is allowed and likely not meant.
 */
#include <stdlib.h>
#include <string.h>

#include "common/credential/sigv4.h"
#include "common/http/authority.h"
#include "common/policy/glob.h"
#include "common/policy/model.h"

#define SHORT_PREFIX 16 /* allowed_ips wider than this are worth a warning */
#define ID_MAX 4294967294ul
#define SHOWN_PATH 77

static bool
has_parent_component(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")) != NULL; p += 2)
		if ((p == path || p[-1] == '/') &&
		    (p[2] == '\0' || p[2] == '/'))
			return true;
	return false;
}

static void
check_path(struct report *r, struct place at, const char *path, bool writable)
{
	if (strlen(path) > POLICY_PATH_MAX) {
		int shown = SHOWN_PATH;

		/* Never half of a character. */
		while (shown > 0 && ((unsigned char)path[shown] & 0xc0) == 0x80)
			shown--;
		report_bad(r, at, "'%.*s...' is longer than %d bytes", shown,
		    path, POLICY_PATH_MAX);
		return;
	}
	if (path[0] != '/')
		report_bad(r, at, "'%s' must be absolute", path);
	if (has_parent_component(path))
		report_bad(r, at, "'%s' may not contain '..'", path);
	if (writable && path[0] == '/' && path[strspn(path, "/")] == '\0')
		report_bad(r, at,
		    "'%s' is overly broad: the root directory can't be "
		    "writable",
		    path);
}

static void
check_paths(struct report *r, const char *name, const struct string_list *list,
    bool writable)
{
	size_t section = report_enter(r, name);

	for (size_t i = 0; i < list->n; i++) {
		size_t before = report_enter_index(r, i);

		check_path(r, list->at[i], list->v[i], writable);
		report_leave(r, before);
	}
	report_leave(r, section);
}

static void
check_filesystem(struct report *r, const struct policy *p)
{
	size_t section = report_enter(r, "filesystem_policy");

	check_paths(r, "read_only", &p->read_only, false);
	check_paths(r, "read_write", &p->read_write, true);
	if (p->read_only.n + p->read_write.n > POLICY_PATHS_MAX)
		report_bad(r, p->filesystem_at,
		    "has %zu paths; at most %d are allowed",
		    p->read_only.n + p->read_write.n, POLICY_PATHS_MAX);
	report_leave(r, section);
}

static bool
is_identity(const char *s)
{
	size_t digits = strspn(s, "0123456789");
	unsigned long id;

	if (strcmp(s, "sandbox") == 0 || s[0] == '\0')
		return true;
	if (digits == 0 || digits > 10 || s[digits] != '\0')
		return false;
	id = strtoul(s, NULL, 10);
	return id >= 1 && id <= ID_MAX;
}

static void
check_identity(
    struct report *r, struct place at, const char *name, const char *value)
{
	size_t section = report_enter(r, "process");
	size_t before = report_enter(r, name);

	if (value != NULL && !is_identity(value))
		report_bad(r, at,
		    "must be 'sandbox' or a numeric UID/GID in range [1, "
		    "%lu], not '%.80s'",
		    ID_MAX, value);
	report_leave(r, before);
	report_leave(r, section);
}

static void
check_glob(struct report *r, struct place place, const char *what,
    const char *pattern, enum glob_separator separator)
{
	struct glob *glob = NULL;
	struct error e;

	if (glob_compile(pattern, separator, &glob, &e) < 0)
		report_bad(r, place, "%s '%.120s': %s", what, pattern, e.text);
	glob_free(glob);
}

static bool
is_selector(const char *path)
{
	return path[0] == '/' || strcmp(path, "**") == 0;
}

static bool
is_token(const char *s)
{
	return s[0] != '\0' && s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789!#$%&'+-.^_`|~")] == '\0';
}

static void
check_method(struct report *r, const struct rule *rule)
{
	static const char *const known[] = { "GET", "HEAD", "POST", "PUT",
		"PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "*", NULL };

	if (strcmp(rule->method, "*") != 0 && !is_token(rule->method)) {
		report_bad(r, rule->place, "method '%.40s' is no HTTP method",
		    rule->method);
		return;
	}
	for (size_t i = 0; known[i] != NULL; i++)
		if (strcmp(known[i], rule->method) == 0)
			return;
	report_warn(r, rule->place, "method '%.40s' is not a registered one",
	    rule->method);
}

static void
check_rule(struct report *r, const struct rule *rule)
{
	check_method(r, rule);
	if (!is_selector(rule->path) && strncmp(rule->path, "**/", 3) != 0)
		report_bad(r, rule->place,
		    "path '%.120s' must start with '/' or be '**'", rule->path);
	check_glob(r, rule->place, "path", rule->path, GLOB_PATH);
	if (strchr(rule->path, '?') != NULL)
		report_warn(r, rule->place,
		    "'?' in a path is a wildcard for one character; the query "
		    "has a key of its own");
	for (size_t i = 0; i < rule->n_query; i++)
		for (size_t j = 0; j < rule->query[i].globs.n; j++)
			check_glob(r, rule->place, "query value",
			    rule->query[i].globs.v[j], GLOB_VALUE);
}

static void
check_rules(struct report *r, const char *name, const struct rule_list *list)
{
	size_t section = report_enter(r, name);

	for (size_t i = 0; i < list->n; i++) {
		size_t before = report_enter_index(r, i);

		check_rule(r, &list->v[i]);
		report_leave(r, before);
	}
	report_leave(r, section);
}

static void
check_host(struct report *r, const struct endpoint *ep)
{
	const char *wrong;

	if (ep->host[0] == '\0') {
		if (ep->allowed_ips.n == 0)
			report_bad(r, ep->place,
			    "host is missing (it may be left out only beside "
			    "allowed_ips)");
		return;
	}
	wrong = host_pattern_error(ep->host);
	if (wrong != NULL)
		report_bad(r, ep->place, "host '%.253s' %s", ep->host, wrong);
}

static void
check_allowed_ips(struct report *r, const struct endpoint *ep)
{
	for (size_t i = 0; i < ep->allowed_ips.n; i++) {
		const char *text = ep->allowed_ips.v[i];
		struct cidr c;

		if (!cidr_parse(text, &c))
			report_bad(r, ep->place,
			    "allowed_ips entry '%.80s' is neither an address "
			    "nor a CIDR",
			    text);
		else if (cidr_overlaps_blocked(&c))
			report_bad(r, ep->place,
			    "allowed_ips entry '%.80s' overlaps an "
			    "always-blocked range (loopback, link-local, "
			    "metadata, multicast)",
			    text);
		else if (cidr_own_bits(&c) < SHORT_PREFIX)
			report_warn(r, ep->place,
			    "allowed_ips entry '%.80s' is very wide", text);
	}
}

/* protocol: tcp decides by name and port alone: everything else on it would
 * pretend to a control that isn't there. */
static void
check_tcp(struct report *r, const struct endpoint *ep)
{
	const struct {
		const char *key;
		bool present;
	} refused[] = {
		{ "access", ep->access != ACCESS_NONE },
		{ "rules", ep->has_rules },
		{ "deny_rules", ep->has_deny_rules },
		{ "enforcement", ep->has_enforcement },
		{ "path", ep->path[0] != '\0' },
		{ "allow_encoded_slash", ep->allow_encoded_slash },
		{ "request_body_credential_rewrite", ep->rewrite_body },
		{ "credential_signing", ep->signing != POLICY_NO_SIGNING },
		{ "credential_binding", ep->provider != NULL },
	};
	struct address literal;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (refused[i].present)
			report_bad(r, ep->place, "protocol tcp doesn't take %s",
			    refused[i].key);
	if (ep->host[0] == '\0' || address_parse(ep->host, &literal))
		report_bad(
		    r, ep->place, "protocol tcp needs a DNS name as host");
	else if (ep->host[strlen(ep->host) - 1] == '.')
		report_bad(r, ep->place,
		    "protocol tcp needs a host without a dot at its end");
}

static void
check_rest(struct report *r, const struct endpoint *ep)
{
	if (ep->access == ACCESS_NONE && !ep->has_rules)
		report_bad(r, ep->place, "protocol rest needs rules or access");
	if (!ep->has_enforcement)
		report_warn(r, ep->place,
		    "enforcement is missing and means audit: nothing is "
		    "blocked; write 'enforcement: enforce'");
	if (ep->tls == TLS_SKIP)
		report_warn(r, ep->place,
		    "tls: skip hides the requests: the rules can't be "
		    "evaluated");
}

static void
check_uninspected(struct report *r, const struct endpoint *ep)
{
	if (ep->has_rules)
		report_bad(r, ep->place, "rules need 'protocol: rest'");
	if (ep->has_deny_rules)
		report_bad(r, ep->place, "deny_rules need 'protocol: rest'");
	if (ep->access == ACCESS_READ_ONLY || ep->access == ACCESS_READ_WRITE)
		report_bad(r, ep->place, "access needs 'protocol: rest'");
}

/* What stands in a credential scope of a signature. */
static bool
is_scope_part(const char *s)
{
	return s != NULL && s[0] != '\0' && strlen(s) <= 63 &&
	       s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static void
check_signing(struct report *r, const struct endpoint *ep)
{
	char region[SIGV4_REGION_MAX + 1];

	if (ep->signing == POLICY_NO_SIGNING) {
		if (ep->signing_service != NULL || ep->signing_region != NULL)
			report_bad(r, ep->place,
			    "signing_service and signing_region need "
			    "credential_signing");
		return;
	}
	if (ep->signing_service == NULL)
		report_bad(
		    r, ep->place, "credential_signing needs signing_service");
	else if (!is_scope_part(ep->signing_service))
		report_bad(r, ep->place, "signing_service '%.80s' is no name",
		    ep->signing_service);
	if (ep->signing_region != NULL && !is_scope_part(ep->signing_region))
		report_bad(r, ep->place, "signing_region '%.80s' is no name",
		    ep->signing_region);
	if (ep->signing_region == NULL && !sigv4_region(ep->host, region))
		report_bad(r, ep->place,
		    "signing_region is missing: the host doesn't say it");
	if (ep->rewrite_body)
		report_bad(r, ep->place,
		    "request_body_credential_rewrite and credential_signing "
		    "are mutually exclusive");
}

/* Placeholders are resolved in requests that we read, nowhere else. */
static void
check_credentials(struct report *r, const struct endpoint *ep)
{
	bool has_some = ep->signing != POLICY_NO_SIGNING ||
			ep->provider != NULL || ep->rewrite_body;

	check_signing(r, ep);
	if (ep->rewrite_body && ep->protocol == PROTOCOL_NONE)
		report_warn(r, ep->place,
		    "request_body_credential_rewrite has no effect without "
		    "'protocol: rest'");
	if (ep->allow_uninspected)
		report_warn(r, ep->place,
		    "allow_uninspected_credentials: what a sandbox sends to "
		    "this credentialed endpoint isn't looked at");
	else if (has_some && ep->tls == TLS_SKIP)
		report_bad(r, ep->place,
		    "a credentialed endpoint can't have tls: skip, which "
		    "hides its requests (or write "
		    "allow_uninspected_credentials: true)");
}

static void
check_endpoint(struct report *r, const struct endpoint *ep)
{
	check_host(r, ep);
	if (ep->n_ports == 0)
		report_bad(r, ep->place, "port is missing");
	if (ep->path[0] != '\0' && !is_selector(ep->path))
		report_bad(r, ep->place,
		    "path '%.120s' must start with '/' or be '**'", ep->path);
	check_glob(r, ep->place, "path", ep->path, GLOB_PATH);
	if (ep->access != ACCESS_NONE && ep->has_rules)
		report_bad(
		    r, ep->place, "access and rules are mutually exclusive");
	if (ep->protocol == PROTOCOL_TCP)
		check_tcp(r, ep);
	else if (ep->protocol == PROTOCOL_REST)
		check_rest(r, ep);
	else
		check_uninspected(r, ep);
	check_credentials(r, ep);
	check_rules(r, "rules", &ep->rules);
	check_rules(r, "deny_rules", &ep->deny_rules);
	check_allowed_ips(r, ep);
}

static void
check_binary(struct report *r, const struct binary *b)
{
	if (b->path[0] != '/')
		report_bad(
		    r, b->place, "path '%.120s' must be absolute", b->path);
	if (has_parent_component(b->path))
		report_bad(
		    r, b->place, "path '%.120s' may not contain '..'", b->path);
	if (strchr(b->path, '*') != NULL)
		check_glob(r, b->place, "path", b->path, GLOB_PATH);
}

static void
check_block(struct report *r, const struct block *block)
{
	size_t list;

	if (!r->is_effective && strncmp(block->key, POLICY_PROVIDER_PREFIX,
				    strlen(POLICY_PROVIDER_PREFIX)) == 0)
		report_bad(r, block->place,
		    "names that start with '" POLICY_PROVIDER_PREFIX
		    "' are reserved for the rules of providers");
	list = report_enter(r, "endpoints");
	for (size_t i = 0; i < block->n_endpoints; i++) {
		size_t before = report_enter_index(r, i);

		check_endpoint(r, &block->endpoints[i]);
		report_leave(r, before);
	}
	report_leave(r, list);
	list = report_enter(r, "binaries");
	for (size_t i = 0; i < block->n_binaries; i++) {
		size_t before = report_enter_index(r, i);

		check_binary(r, &block->binaries[i]);
		report_leave(r, before);
	}
	report_leave(r, list);
	if (block->n_binaries == 0)
		report_bad(r, block->place,
		    "binaries is empty (write {path: /**} for any program)");
}

void
policy_validate(const struct policy *p, struct report *r)
{
	size_t section, endpoints = 0;

	check_filesystem(r, p);
	check_identity(r, p->process_at, "run_as_user", p->run_as_user);
	check_identity(r, p->process_at, "run_as_group", p->run_as_group);
	section = report_enter(r, "network_policies");
	for (size_t i = 0; i < p->n_blocks; i++) {
		size_t before = report_enter(r, p->blocks[i].key);

		check_block(r, &p->blocks[i]);
		endpoints += p->blocks[i].n_endpoints;
		report_leave(r, before);
	}
	if (endpoints > POLICY_ENDPOINTS_MAX)
		report_bad(r, p->blocks[0].place,
		    "has %zu endpoints; at most %d are allowed", endpoints,
		    POLICY_ENDPOINTS_MAX);
	report_leave(r, section);
}
