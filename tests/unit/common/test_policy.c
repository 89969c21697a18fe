/* SPDX-License-Identifier: Apache-2.0 */
/* test_policy.c - what is a policy, what it allows, and why not. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/policy/address.h"
#include "common/policy/policy.h"

static struct policy *
parse(const char *text)
{
	struct violations bad = { 0 };
	struct policy *p = NULL;

	if (policy_parse(text, strlen(text), &p, &bad, NULL) < 0) {
		print_message("%u:%u %s: %s\n", bad.v[0].line, bad.v[0].column,
		    bad.v[0].path, bad.v[0].message);
		fail();
	}
	return p;
}

#define BLOCK(endpoint)                                                        \
	"version: 1\nnetwork_policies:\n  b:\n    endpoints:\n      - "        \
	"{" endpoint "}\n    binaries: [{path: /usr/bin/curl}]\n"

static const struct {
	const char *why;
	const char *text;
	unsigned line;
	const char *named; /* in the path or the message */
} refused[] = {
	{ "nothing", "", 0, "" },
	{ "no version", "network_policies: {}\n", 1, "version" },
	{ "another version", "version: 2\n", 1, "version" },
	{ "an unknown key", "version: 1\nbogus: 1\n", 2, "bogus" },
	{ "a key twice", "version: 1\nversion: 1\n", 2, "version" },
	{ "a tab", "version: 1\n\tx: 1\n", 2, "" },
	{ "an anchor", "version: &a 1\n", 1, "" },
	{ "a tag", "version: !!str 1\n", 1, "" },
	{ "a list as policy", "[1]\n", 1, "mapping" },
	{ "a writable root",
	    "version: 1\nfilesystem_policy:\n  read_write: [/]\n", 3,
	    "read_write[0]" },
	{ "a relative path",
	    "version: 1\nfilesystem_policy:\n  read_only: [usr]\n", 3,
	    "absolute" },
	{ "climbing",
	    "version: 1\nfilesystem_policy:\n  read_only: [/a/../b]\n", 3,
	    ".." },
	{ "root as user", "version: 1\nprocess: {run_as_user: root}\n", 2,
	    "run_as_user" },
	{ "uid 0", "version: 1\nprocess: {run_as_user: \"0\"}\n", 2,
	    "run_as_user" },
	{ "port 70000", BLOCK("host: a.example.com, port: 70000"), 5, "70000" },
	{ "port 0", BLOCK("host: a.example.com, port: 0"), 5, "port" },
	{ "no port", BLOCK("host: a.example.com"), 5, "port" },
	{ "every host", BLOCK("host: \"*\", port: 443"), 5, "*" },
	{ "a whole top-level domain", BLOCK("host: \"*.com\", port: 443"), 5,
	    "top-level" },
	{ "rest without rules",
	    BLOCK("host: a.example.com, port: 443, protocol: rest"), 5,
	    "rules" },
	{ "rules and access",
	    BLOCK(
		"host: a.example.com, port: 443, protocol: rest, access: full,"
		" rules: [{allow: {method: GET, path: /}}]"),
	    5, "exclusive" },
	{ "rules without rest",
	    BLOCK(
		"host: a.example.com, port: 443, rules: [{allow: {method: GET,"
		" path: /}}]"),
	    5, "protocol: rest" },
	{ "tcp with a path",
	    BLOCK("host: a.example.com, port: 443, protocol: tcp, path: /a"), 5,
	    "path" },
	{ "an unknown protocol",
	    BLOCK("host: a.example.com, port: 443, protocol: gopher"), 5,
	    "protocol" },
	{ "loopback as an allowed address",
	    BLOCK("host: a.example.com, port: 443, allowed_ips: [127.0.0.1]"),
	    5, "always-blocked" },
	{ "a key that comes later",
	    BLOCK("host: a.example.com, port: 443, mcp: {}"), 5,
	    "not supported yet" },
	{ "no binaries",
	    "version: 1\nnetwork_policies:\n  b:\n    endpoints:\n"
	    "      - {host: a.example.com, port: 443}\n    binaries: []\n",
	    4, "binaries" },
};

static void
test_what_is_no_policy_is_refused_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct violations bad = { 0 };
		struct policy *p = NULL;
		char text[1024];

		print_message("%s\n", refused[i].why);
		assert_int_equal(policy_parse(refused[i].text,
				     strlen(refused[i].text), &p, &bad, NULL),
		    -1);
		assert_true(bad.n > 0);
		if (refused[i].line > 0)
			assert_int_equal(bad.v[0].line, refused[i].line);
		(void)snprintf(text, sizeof(text), "%s %s", bad.v[0].path,
		    bad.v[0].message);
		assert_non_null(strstr(text, refused[i].named));
		violations_clear(&bad);
	}
}

static void
test_every_violation_is_named(void **state)
{
	static const char text[] = "version: 1\nbogus: 1\nfilesystem_policy:\n"
				   "  read_write: [/]\n  odd: 2\n"
				   "process: {run_as_user: root}\n";
	struct violations bad = { 0 };
	struct policy *p = NULL;

	(void)state;
	assert_int_equal(
	    policy_parse(text, sizeof(text) - 1, &p, &bad, NULL), -1);
	assert_int_equal(bad.n, 4);
	violations_clear(&bad);
}

static const char layout_a[] =
    "version: 1\nnetwork_policies:\n  b:\n    endpoints:\n"
    "      - {host: API.example.com, ports: [443], access: full}\n"
    "    binaries: [{path: /usr/bin/curl}]\n";
static const char layout_b[] =
    "{\"network_policies\": {\"b\": {\"binaries\": [{\"path\":"
    " \"/usr/bin/curl\"}], \"endpoints\": [{\"port\": 443, \"access\":"
    " \"full\", \"host\": \"api.example.com\"}]}}, \"version\": 1}";

static void
test_layout_does_not_change_the_canonical_form(void **state)
{
	struct policy *a = parse(layout_a), *b = parse(layout_b);
	char *one = policy_to_json(a), *two = policy_to_json(b), hash_a[65],
	     hash_b[65];

	(void)state;
	assert_string_equal(one, two);
	policy_hash(a, hash_a);
	policy_hash(b, hash_b);
	assert_string_equal(hash_a, hash_b);
	free(one);
	free(two);
	policy_free(a);
	policy_free(b);
}

static const char judged[] =
    "version: 1\nnetwork_policies:\n"
    "  api:\n    endpoints:\n"
    "      - host: api.example.com\n        port: 443\n"
    "        protocol: rest\n        enforcement: enforce\n"
    "        rules:\n"
    "          - allow: {method: GET, path: \"/a/*\", query: {q: \"x*\"}}\n"
    "          - allow: {method: POST, path: \"/b/**\"}\n"
    "        deny_rules:\n"
    "          - {method: \"*\", path: \"/b/secret/**\"}\n"
    "    binaries: [{path: /usr/bin/curl, ancestors: false},"
    " {path: \"/opt/tools/*\"}]\n"
    "  audit:\n    endpoints:\n"
    "      - {host: audit.example.com, port: 443, protocol: rest,"
    " enforcement: audit, access: read-only}\n"
    "    binaries: [{path: /usr/bin/curl}]\n"
    "  raw:\n    endpoints:\n"
    "      - {host: \"*.example.org\", port: 22, protocol: tcp}\n"
    "    binaries: [{path: /usr/bin/ssh}]\n";

static const struct {
	const char *why;
	const char *exe;
	const char *ancestor;
	const char *host;
	uint16_t port;
	enum verdict verdict;
	const char *reason; /* a part of it */
} connections[] = {
	{ "allowed", "/usr/bin/curl", NULL, "api.example.com", 443,
	    VERDICT_ALLOW, "" },
	{ "another port", "/usr/bin/curl", NULL, "api.example.com", 80,
	    VERDICT_DENY, "api.example.com:80" },
	{ "another host", "/usr/bin/curl", NULL, "www.example.com", 443,
	    VERDICT_DENY, "www.example.com:443" },
	{ "another binary", "/usr/bin/wget", NULL, "api.example.com", 443,
	    VERDICT_DENY, "'/usr/bin/wget' not allowed in policy 'api'" },
	{ "nobody", NULL, NULL, "api.example.com", 443, VERDICT_DENY,
	    "unknown" },
	{ "a glob", "/opt/tools/x", NULL, "api.example.com", 443, VERDICT_ALLOW,
	    "" },
	{ "below a glob", "/opt/tools/x/y", NULL, "api.example.com", 443,
	    VERDICT_DENY, "" },
	{ "an ancestor that doesn't count", "/usr/bin/wget", "/usr/bin/curl",
	    "api.example.com", 443, VERDICT_DENY, "ancestors" },
	{ "an ancestor that counts", "/usr/bin/wget", "/opt/tools/x",
	    "api.example.com", 443, VERDICT_ALLOW, "" },
	{ "a file that is gone", "/usr/bin/curl (deleted)", NULL,
	    "api.example.com", 443, VERDICT_DENY, "" },
	{ "a memfd", "/memfd:curl", NULL, "api.example.com", 443, VERDICT_DENY,
	    "" },
	{ "one label for a star", "/usr/bin/ssh", NULL, "a.example.org", 22,
	    VERDICT_ALLOW, "" },
	{ "no label for a star", "/usr/bin/ssh", NULL, "example.org", 22,
	    VERDICT_DENY, "" },
	{ "upper case", "/usr/bin/curl", NULL, "API.EXAMPLE.COM", 443,
	    VERDICT_ALLOW, "" },
	{ "a dot at the end", "/usr/bin/curl", NULL, "api.example.com.", 443,
	    VERDICT_ALLOW, "" },
	{ "no name at all", "/usr/bin/curl", NULL, "api example com", 443,
	    VERDICT_DENY, "neither a DNS name nor an address" },
};

static void
test_connections_are_judged_by_host_port_and_binary(void **state)
{
	struct policy *p = parse(judged);
	struct matcher *m = policy_compile(p, NULL, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(connections) / sizeof(connections[0]);
	     i++) {
		const char *ancestors[] = { connections[i].ancestor };
		const struct caller c = { connections[i].exe, ancestors,
			connections[i].ancestor != NULL };
		struct decision d;

		print_message("%s\n", connections[i].why);
		matcher_connect(
		    m, connections[i].host, connections[i].port, &c, &d);
		assert_int_equal(d.verdict, connections[i].verdict);
		assert_non_null(strstr(d.reason, connections[i].reason));
		assert_true(d.verdict == VERDICT_ALLOW || d.reason[0] != '\0');
	}
	matcher_free(m);
	policy_free(p);
}

static const struct {
	const char *why;
	const char *host;
	const char *method;
	const char *path;
	const char *query;
	enum verdict verdict;
	int rule;
} requests[] = {
	{ "the first rule", "api.example.com", "GET", "/a/1", "q=xyz",
	    VERDICT_ALLOW, 0 },
	{ "HEAD as GET", "api.example.com", "HEAD", "/a/1", "q=x",
	    VERDICT_ALLOW, 0 },
	{ "without its query", "api.example.com", "GET", "/a/1", NULL,
	    VERDICT_DENY, -1 },
	{ "with another query", "api.example.com", "GET", "/a/1", "q=y",
	    VERDICT_DENY, -1 },
	{ "one of two wrong", "api.example.com", "GET", "/a/1", "q=x&q=y",
	    VERDICT_DENY, -1 },
	{ "an encoded value", "api.example.com", "GET", "/a/1", "q=%78",
	    VERDICT_ALLOW, 0 },
	{ "two segments", "api.example.com", "GET", "/a/1/2", "q=x",
	    VERDICT_DENY, -1 },
	{ "the second rule", "api.example.com", "POST", "/b/1/2", NULL,
	    VERDICT_ALLOW, 1 },
	{ "a deny rule", "api.example.com", "POST", "/b/secret/x", NULL,
	    VERDICT_DENY, 0 },
	{ "audited", "audit.example.com", "POST", "/", NULL, VERDICT_AUDIT,
	    -1 },
	{ "read-only", "audit.example.com", "GET", "/", NULL, VERDICT_ALLOW,
	    0 },
};

static void
test_requests_are_judged_by_method_path_and_query(void **state)
{
	struct policy *p = parse(judged);
	struct matcher *m = policy_compile(p, NULL, 0);
	const struct caller c = { "/usr/bin/curl", NULL, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct decision d;

		print_message("%s\n", requests[i].why);
		matcher_request(m, requests[i].host, 443, &c,
		    requests[i].method, requests[i].path, requests[i].query,
		    &d);
		assert_int_equal(d.verdict, requests[i].verdict);
		assert_int_equal(d.layer, LAYER_L7);
		assert_int_equal(d.rule, requests[i].rule);
	}
	matcher_free(m);
	policy_free(p);
}

static const struct {
	const char *address;
	enum address_class class;
} addresses[] = {
	{ "8.8.8.8", ADDRESS_PUBLIC },
	{ "1.1.1.1", ADDRESS_PUBLIC },
	{ "2606:4700::1111", ADDRESS_PUBLIC },
	{ "10.0.0.1", ADDRESS_INTERNAL },
	{ "172.16.0.1", ADDRESS_INTERNAL },
	{ "172.32.0.1", ADDRESS_PUBLIC },
	{ "192.168.1.1", ADDRESS_INTERNAL },
	{ "100.64.0.1", ADDRESS_INTERNAL },
	{ "127.0.0.1", ADDRESS_BLOCKED },
	{ "127.255.255.255", ADDRESS_BLOCKED },
	{ "0.0.0.0", ADDRESS_BLOCKED },
	{ "169.254.169.254", ADDRESS_BLOCKED },
	{ "224.0.0.1", ADDRESS_BLOCKED },
	{ "255.255.255.255", ADDRESS_BLOCKED },
	{ "::1", ADDRESS_BLOCKED },
	{ "::", ADDRESS_BLOCKED },
	{ "fe80::1", ADDRESS_BLOCKED },
	{ "ff02::1", ADDRESS_BLOCKED },
	{ "::ffff:127.0.0.1", ADDRESS_BLOCKED },
	{ "::ffff:169.254.169.254", ADDRESS_BLOCKED },
	{ "64:ff9b::7f00:1", ADDRESS_BLOCKED },
	{ "2002:7f00:1::", ADDRESS_BLOCKED },
	{ "64:ff9b::a00:1", ADDRESS_INTERNAL },
};

static void
test_addresses_are_classed_with_what_they_carry(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct address a;

		print_message("%s\n", addresses[i].address);
		assert_true(address_parse(addresses[i].address, &a));
		assert_int_equal(address_classify(&a), addresses[i].class);
	}
}

#define STATIC(paths)                                                          \
	"version: 1\nfilesystem_policy:\n  read_only: [" paths "]\n"

static void
test_a_live_policy_may_only_grow(void **state)
{
	struct policy *old = parse(STATIC("/usr, /etc"));
	struct policy *more = parse(STATIC("/usr, /etc, /opt"));
	struct policy *less = parse(STATIC("/usr"));
	struct error e;

	(void)state;
	assert_int_equal(policy_check_update(old, more, &e), 0);
	assert_int_equal(policy_check_update(old, less, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	assert_non_null(strstr(e.text, "/etc"));
	policy_free(old);
	policy_free(more);
	policy_free(less);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_what_is_no_policy_is_refused_with_its_place),
		cmocka_unit_test(test_every_violation_is_named),
		cmocka_unit_test(
		    test_layout_does_not_change_the_canonical_form),
		cmocka_unit_test(
		    test_connections_are_judged_by_host_port_and_binary),
		cmocka_unit_test(
		    test_requests_are_judged_by_method_path_and_query),
		cmocka_unit_test(
		    test_addresses_are_classed_with_what_they_carry),
		cmocka_unit_test(test_a_live_policy_may_only_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
