/* SPDX-License-Identifier: Apache-2.0 */
/* test_profile.c - what a profile says, and what is wrong with one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/policy/policy.h"
#include "gatewayd/profile.h"

static const char all_keys[] =
    "id: acme\n"
    "aliases: [ac, acme-2]\n"
    "display_name: Acme\n"
    "description: Anvils\n"
    "category: data\n"
    "inference_capable: true\n"
    "credentials:\n"
    "  - name: token\n"
    "    env_vars: [ACME_TOKEN, ACME_KEY]\n"
    "    required: true\n"
    "    auth_style: header\n"
    "    header_name: X-Acme\n"
    "  - name: bot\n"
    "    env_vars: [ACME_BOT]\n"
    "    auth_style: path\n"
    "    path_template: /bot{credential}/\n"
    "  - {name: q, env_vars: [ACME_Q, ACME_KEY], auth_style: query,"
    " query_param: key}\n"
    "  - {name: b, env_vars: [ACME_B], auth_style: bearer}\n"
    "discovery: {credentials: [token, q]}\n"
    "endpoints:\n"
    "  - {host: api.acme.example, ports: [443, 8443], path: /v1/**,"
    " protocol: rest, enforcement: enforce, access: read-only}\n"
    "  - {host: acme.example, port: 443}\n"
    "binaries: [{path: /usr/bin/curl}]\n";

static void
test_every_key_is_read(void **state)
{
	struct violations bad = { 0 }, warnings = { 0 };
	struct profile *p = NULL;

	(void)state;
	assert_int_equal(
	    profile_parse(all_keys, strlen(all_keys), &p, &bad, &warnings), 0);
	assert_int_equal(bad.n, 0);
	assert_int_equal(warnings.n, 0);
	assert_string_equal(p->id, "acme");
	assert_string_equal(p->display_name, "Acme");
	assert_string_equal(p->description, "Anvils");
	assert_string_equal(p->category, "data");
	assert_string_equal(p->text, all_keys);
	assert_true(p->inference_capable);
	assert_true(profile_is_called(p, "acme-2"));
	assert_false(profile_is_called(p, "acme-3"));
	assert_int_equal(p->n_credentials, 4);
	assert_true(p->credentials[0].required);
	assert_false(p->credentials[1].required);
	assert_string_equal(p->credentials[0].header_name, "X-Acme");
	assert_string_equal(
	    p->credentials[1].path_template, "/bot{credential}/");
	assert_string_equal(p->credentials[2].query_param, "key");
	assert_string_equal(p->credentials[3].auth_style, "bearer");
	/* Those of the credentials that are discovered, each once. */
	assert_int_equal(p->variables.n, 3);
	assert_string_equal(p->variables.v[0], "ACME_TOKEN");
	assert_string_equal(p->variables.v[2], "ACME_Q");
	assert_int_equal(p->n_endpoints, 3);
	assert_string_equal(p->endpoints[1].host, "api.acme.example");
	assert_int_equal(p->endpoints[1].port, 8443);
	assert_string_equal(p->endpoints[1].path, "/v1/**");
	assert_non_null(strstr(p->block, "read-only"));
	profile_free(p);
}

static void
test_a_refresh_is_for_the_variables_of_its_credential(void **state)
{
	static const char text[] =
	    "id: x\n"
	    "credentials:\n"
	    "  - env_vars: [A, B]\n"
	    "    refresh: {strategy: s, token_url: \"https://a/{t}\","
	    " material: {scope: a b, t: '1'}}\n"
	    "  - {refresh: {strategy: other}, env_vars: [C]}\n"
	    "  - env_vars: [D]\n";
	struct violations bad = { 0 };
	const struct profile_refresh *r;
	struct profile *p = NULL;

	(void)state;
	assert_int_equal(profile_parse(text, strlen(text), &p, &bad, NULL), 0);
	assert_int_equal(p->variables.n, 4);
	r = profile_refresh(p, "B");
	assert_ptr_equal(r, profile_refresh(p, "A"));
	assert_string_equal(r->strategy, "s");
	assert_string_equal(r->token_url, "https://a/{t}");
	assert_int_equal(r->material.n, 2);
	assert_string_equal(r->material.v[0].name, "scope");
	assert_string_equal(r->material.v[0].value, "a b");
	assert_string_equal(profile_refresh(p, "C")->strategy, "other");
	assert_null(profile_refresh(p, "C")->token_url);
	assert_null(profile_refresh(p, "D"));
	assert_null(profile_refresh(p, "E"));
	profile_free(p);
}

static void
test_little_is_needed(void **state)
{
	struct violations bad = { 0 };
	struct profile *p = NULL;
	static const char text[] = "id: a\nendpoints: [{host: b, port: 1}]\n";

	(void)state;
	assert_int_equal(profile_parse(text, strlen(text), &p, &bad, NULL), 0);
	assert_string_equal(p->display_name, "a");
	assert_string_equal(p->category, "other");
	assert_int_equal(p->n_endpoints, 1);
	/* Without binaries no rule is added. */
	assert_null(p->block);
	profile_free(p);
}

#define C "id: a\ncredentials:\n  - "
#define E "id: a\nendpoints:\n  - "

static const struct {
	const char *why;
	const char *text;
	unsigned line;
	const char *path;
	const char *message;
} refused[] = {
	{ "nothing", "", 1, "", "mapping" },
	{ "a list", "- id: a\n", 1, "", "mapping" },
	{ "no YAML", "id: [a\n", 2, "", "" },
	{ "an anchor", "id: &a a\n", 1, "", "anchors" },
	{ "a key twice", "id: a\nid: b\n", 2, "", "duplicate" },
	{ "no id", "display_name: a\n", 1, "id", "is missing" },
	{ "an id in capitals", "id: A\n", 1, "id", "lower-case" },
	{ "an id that leaves the directory", "id: ../a\n", 1, "id",
	    "lower-case" },
	{ "an empty id", "id: ''\n", 1, "id", "must be a text" },
	{ "a list as id", "id: [a]\n", 1, "id", "must be a text" },
	{ "a long id",
	    "id: "
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "a\n",
	    1, "id", "at most 63" },
	{ "an alias in capitals", "id: a\naliases: [b, C]\n", 2, "aliases",
	    "'C'" },
	{ "a key that isn't there", "id: a\nhost: b\n", 2, "host",
	    "unknown key" },
	{ "another category", "id: a\ncategory: fun\n", 2, "category",
	    "must be one of other, inference" },
	{ "a quoted bool", "id: a\ninference_capable: 'true'\n", 2,
	    "inference_capable", "true or false" },
	{ "another bool", "id: a\ninference_capable: yes\n", 2,
	    "inference_capable", "true or false" },
	{ "an escape", "id: a\ndisplay_name: \"\\e[31m\"\n", 2, "display_name",
	    "control character" },
	{ "credentials as a mapping", "id: a\ncredentials: {}\n", 2,
	    "credentials", "must be a list" },
	{ "a credential as a text", C "x\n", 3, "credentials[0]",
	    "must be a mapping" },
	{ "a credential's unknown key", C "{name: x, value: y}\n", 3,
	    "credentials[0].value", "unknown key" },
	{ "no variable's name", C "{env_vars: [A, B-C]}\n", 3,
	    "credentials[0].env_vars", "'B-C'" },
	{ "a reserved variable", C "{env_vars: [v1_A]}\n", 3,
	    "credentials[0].env_vars", "reserved" },
	{ "the second credential", C "{name: x}\n  - {env_vars: x}\n", 4,
	    "credentials[1].env_vars", "must be a list" },
	{ "another style", C "{auth_style: digest}\n", 3,
	    "credentials[0].auth_style", "must be one of basic, bearer" },
	{ "a header without its name", C "{auth_style: header}\n", 3,
	    "credentials[0].header_name", "is missing" },
	{ "a query without its name", C "{auth_style: query}\n", 3,
	    "credentials[0].query_param", "is missing" },
	{ "a path without its template", C "{auth_style: path}\n", 3,
	    "credentials[0].path_template", "is missing" },
	{ "a header's name for a query",
	    C "{auth_style: query, query_param: a, header_name: b}\n", 3,
	    "credentials[0].header_name", "needs 'auth_style: header'" },
	{ "a relative path", C "{auth_style: path, path_template: bot}\n", 3,
	    "credentials[0].path_template", "must start with '/'" },
	{ "required and nameless", C "{required: true}\n", 3,
	    "credentials[0].env_vars", "is missing" },
	{ "a refresh as a text", C "{refresh: s}\n", 3,
	    "credentials[0].refresh", "must be a mapping" },
	{ "a refresh without strategy", C "{refresh: {token_url: u}}\n", 3,
	    "credentials[0].refresh.strategy", "is missing" },
	{ "a list as strategy", C "{refresh: {strategy: [s]}}\n", 3,
	    "credentials[0].refresh.strategy", "must be a text" },
	{ "a refresh's unknown key", C "{refresh: {strategy: s, secret: x}}\n",
	    3, "credentials[0].refresh.secret", "unknown key" },
	{ "material as a list", C "{refresh: {strategy: s, material: [x]}}\n",
	    3, "credentials[0].refresh.material", "must be a mapping" },
	{ "material that is no text",
	    C "{refresh: {strategy: s, material: {a: {}}}}\n", 3,
	    "credentials[0].refresh.material.a", "must be a text" },
	{ "discovery of what isn't there",
	    C "{name: x}\ndiscovery:\n  credentials: [y]\n", 5,
	    "discovery.credentials", "no credential 'y'" },
	{ "discovery's unknown key", "id: a\ndiscovery: {files: [x]}\n", 2,
	    "discovery.files", "unknown key" },
	{ "an endpoint's unknown key", E "{host: b, port: 1, prot: x}\n", 3,
	    "endpoints[0].prot", "unknown key" },
	{ "an endpoint's port", E "{host: b, port: 0}\n", 3,
	    "endpoints[0].port", "1..65535" },
	{ "an endpoint without host", E "{port: 1}\n", 3, "endpoints[0]",
	    "host is missing" },
	{ "endpoints that contradict",
	    E "{host: b, port: 1, protocol: rest, access: full}\n"
	      "  - {host: b, port: 1, protocol: tcp}\n",
	    3, "endpoints", "ambiguity" },
	{ "a relative binary",
	    E "{host: b, port: 1}\nbinaries: [{path: curl}]\n", 4,
	    "binaries[0]", "must be absolute" },
	{ "binaries alone", "id: a\nbinaries: [{path: /b}]\n", 2, "binaries",
	    "needs 'endpoints'" },
	{ "no binary", E "{host: b, port: 1}\nbinaries: []\n", 3, "",
	    "binaries is empty" },
};

static void
test_what_is_wrong_is_named_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const char *text = refused[i].text;
		struct violations bad = { 0 };
		struct profile *p = NULL;

		print_message("%s\n", refused[i].why);
		assert_int_equal(
		    profile_parse(text, strlen(text), &p, &bad, NULL), -1);
		print_message("%u: %s: %s\n", bad.v[0].line, bad.v[0].path,
		    bad.v[0].message);
		assert_int_equal(bad.n, 1);
		assert_int_equal(bad.v[0].line, refused[i].line);
		if (refused[i].path[0] != '\0')
			assert_string_equal(bad.v[0].path, refused[i].path);
		assert_non_null(strstr(bad.v[0].message, refused[i].message));
		violations_clear(&bad);
	}
}

static void
test_all_that_is_wrong_is_told_at_once(void **state)
{
	static const char text[] = "ID: a\n"
				   "category: fun\n"
				   "credentials:\n"
				   "  - {env_vars: [A-B], oops: 1}\n"
				   "endpoints: [{host: b, port: 0}]\n";
	static const unsigned lines[] = { 1, 2, 4, 4, 1, 5 };
	struct violations bad = { 0 };
	struct profile *p = NULL;

	(void)state;
	assert_int_equal(profile_parse(text, strlen(text), &p, &bad, NULL), -1);
	assert_int_equal(bad.n, sizeof(lines) / sizeof(lines[0]));
	for (size_t i = 0; i < bad.n; i++)
		assert_int_equal(bad.v[i].line, lines[i]);
	violations_clear(&bad);
}

static void
test_a_file_has_a_limit(void **state)
{
	char *text = malloc(PROFILE_FILE_MAX + 1);
	struct violations bad = { 0 };
	struct profile *p = NULL;

	(void)state;
	memset(text, '#', PROFILE_FILE_MAX + 1);
	memcpy(text, "id: a\n", 6);
	assert_int_equal(
	    profile_parse(text, PROFILE_FILE_MAX, &p, &bad, NULL), 0);
	profile_free(p);
	assert_int_equal(
	    profile_parse(text, PROFILE_FILE_MAX + 1, &p, &bad, NULL), -1);
	assert_non_null(strstr(bad.v[0].message, "65536"));
	violations_clear(&bad);
	free(text);
}

static void
test_rules_that_block_nothing_are_warned_of(void **state)
{
	static const char text[] =
	    E "{host: b, port: 1, protocol: rest, access: read-only}\n";
	struct violations bad = { 0 }, warnings = { 0 };
	struct profile *p = NULL;

	(void)state;
	assert_int_equal(
	    profile_parse(text, strlen(text), &p, &bad, &warnings), 0);
	assert_int_equal(warnings.n, 1);
	assert_int_equal(warnings.v[0].line, 3);
	assert_string_equal(warnings.v[0].path, "endpoints[0]");
	violations_clear(&warnings);
	profile_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_is_read),
		cmocka_unit_test(
		    test_a_refresh_is_for_the_variables_of_its_credential),
		cmocka_unit_test(test_little_is_needed),
		cmocka_unit_test(test_what_is_wrong_is_named_with_its_place),
		cmocka_unit_test(test_all_that_is_wrong_is_told_at_once),
		cmocka_unit_test(test_a_file_has_a_limit),
		cmocka_unit_test(test_rules_that_block_nothing_are_warned_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
