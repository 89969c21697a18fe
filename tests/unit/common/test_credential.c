/* SPDX-License-Identifier: Apache-2.0 */
/* test_credential.c - what is a placeholder, what it stands for, and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/credential/placeholder.h"
#include "common/credential/table.h"
#include "common/wire/proxy.h"

#define HANDLE                                                                 \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define P "openshell:resolve:env:"
#define A "OPENSHELL-RESOLVE-ENV-"

static const struct {
	const char *why;
	const char *text;
	const char *found; /* NULL: none */
	const char *key;
	enum placeholder_identity identity;
	int64_t revision;
} texts[] = {
	{ "plain", P "KEY", P "KEY", "KEY", PLACEHOLDER_PLAIN, 0 },
	{ "inside", "/bot" P "KEY/x", P "KEY", "KEY", PLACEHOLDER_PLAIN, 0 },
	{ "digits", P "K_3y", P "K_3y", "K_3y", PLACEHOLDER_PLAIN, 0 },
	{ "revision", P "v12_KEY", P "v12_KEY", "KEY", PLACEHOLDER_REVISION,
	    12 },
	{ "handle", P "s" HANDLE "_KEY", P "s" HANDLE "_KEY", "KEY",
	    PLACEHOLDER_HANDLE, 0 },
	{ "a handle in upper case is a name", P "sABC_KEY", P "sABC_KEY",
	    "sABC_KEY", PLACEHOLDER_PLAIN, 0 },
	{ "v alone", P "v_KEY", P "v_KEY", "v_KEY", PLACEHOLDER_PLAIN, 0 },
	{ "a revision without key", P "v1_", NULL, "", 0, 0 },
	{ "a revision too big", P "v1234567890123456_K",
	    P "v1234567890123456_K", "v1234567890123456_K", PLACEHOLDER_PLAIN,
	    0 },
	{ "alias", "ghp_" A "KEY", "ghp_" A "KEY", "KEY", PLACEHOLDER_PLAIN,
	    0 },
	{ "alias with a handle", "sk-ant." A "s" HANDLE "_KEY",
	    "sk-ant." A "s" HANDLE "_KEY", "KEY", PLACEHOLDER_HANDLE, 0 },
	{ "alias in its context", "user:ghp_" A "KEY@x", "ghp_" A "KEY", "KEY",
	    PLACEHOLDER_PLAIN, 0 },
	{ "alias without a prefix", A "KEY", NULL, "", 0, 0 },
	{ "alias behind what is no prefix", "x:" A "KEY", NULL, "", 0, 0 },
	{ "no key", P, NULL, "", 0, 0 },
	{ "a key that begins with a digit", P "1KEY", NULL, "", 0, 0 },
	{ "no key, then another", P " " P "KEY", P "KEY", "KEY",
	    PLACEHOLDER_PLAIN, 0 },
	{ "case counts", "OpenShell:resolve:env:KEY", NULL, "", 0, 0 },
	{ "nothing", "", NULL, "", 0, 0 },
	{ "cut", "openshell:resolve:en", NULL, "", 0, 0 },
};

static void
test_placeholders_are_found_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *t = texts[i].text, *want = texts[i].found;
		struct placeholder p;
		bool found;

		print_message("%s\n", texts[i].why);
		found = placeholder_find(t, strlen(t), 0, &p);
		assert_int_equal(found, want != NULL);
		if (!found)
			continue;
		assert_int_equal(p.len, strlen(want));
		assert_memory_equal(t + p.start, want, p.len);
		assert_int_equal(p.key_len, strlen(texts[i].key));
		assert_memory_equal(p.key, texts[i].key, p.key_len);
		assert_int_equal(p.identity, texts[i].identity);
		if (p.identity == PLACEHOLDER_REVISION)
			assert_int_equal(p.revision, texts[i].revision);
		assert_false(
		    placeholder_find(t, strlen(t), p.start + p.len, &p));
	}
}

static const struct {
	const char *why;
	const char *text;
	bool found;
} streams[] = {
	{ "plain", P "KEY", true },
	{ "alias", A, true },
	{ "in the middle", "{\"a\":\"" P "KEY\"}", true },
	{ "colons encoded", "openshell%3Aresolve%3Aenv%3AKEY", true },
	{ "in both cases", "openshell%3aresolve%3Aenv%3aKEY", true },
	{ "letters encoded", "%6fpenshell:%72esolve:en%76:KEY", true },
	{ "all encoded",
	    "%6F%70%65%6E%73%68%65%6C%6C%3A%72%65%73%6F%6C%76%65%3A%65%6E%76"
	    "%3A",
	    true },
	{ "another case of letters", "OpenShell:Resolve:Env:KEY", true },
	{ "an alias encoded", "x%4FPENSHELL%2DRESOLVE-ENV-", true },
	{ "behind its own beginning",
	    "openshell:resoopenshell:resolve:env:", true },
	{ "behind an o", "o" P, true },
	{ "behind a broken escape", "%" P, true },
	{ "behind half an escape", "%f" P, true },
	{ "behind two", "%%6" P, true },
	{ "behind an escaped escape", "%25" P, true },
	{ "encoded twice", "openshell%253Aresolve%253Aenv%253AKEY", false },
	{ "one byte short", "openshell:resolve:env", false },
	{ "interrupted", "openshell:reso lve:env:", false },
	{ "nothing", "", false },
};

static void
test_no_split_hides_a_marker(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		const char *t = streams[i].text;
		size_t n = strlen(t);
		struct marker_scan bytes = { 0 };

		print_message("%s\n", streams[i].why);
		assert_int_equal(marker_is_in(t, n), streams[i].found);
		for (size_t at = 0; at <= n; at++) {
			struct marker_scan s = { 0 };

			(void)marker_scan(&s, t, at);
			assert_int_equal(
			    marker_scan(&s, t + at, n - at), streams[i].found);
		}
		for (size_t at = 0; at < n; at++)
			(void)marker_scan(&bytes, t + at, 1);
		assert_int_equal(bytes.found, streams[i].found);
	}
}

static struct proxy_credential_endpoint api[] = { { "api.example.com", 443,
    "/v1/a/**" } };

static struct proxy_credential rows[] = {
	{ "BOUND", "the bound one", "gh", 12, 3, HANDLE, 0, true, { api, 1 } },
	{ "LOOSE", "the loose one", "gh", 5, 4, OTHER, 0, false, { api, 1 } },
	{ "NOWHERE", "nowhere", "gh", 1, 1, OTHER, 0, false, { 0 } },
	{ "OLD", "old", "gh", 1, 1, OTHER, 1000, false, { api, 1 } },
	{ "SOON", "soon", "gh", 1, 1, OTHER, 1001, false, { api, 1 } },
	{ "LINES", "a\r\nb", "gh", 1, 1, OTHER, 0, false, { api, 1 } },
	{ "EMPTY", "", "gh", 1, 1, OTHER, 0, false, { api, 1 } },
};
static const struct objects all = { rows, sizeof(rows) / sizeof(rows[0]) };

#define HERE "api.example.com", 443, "/v1/a/x"
static const struct {
	const char *why;
	const char *text;
	const char *host;
	uint16_t port;
	const char *path;
	const char *provider;
	enum credential_result result;
	const char *value;
} asked[] = {
	{ "a handle", P "s" HANDLE "_BOUND", HERE, NULL, CREDENTIAL_FOUND,
	    "the bound one" },
	{ "the newest revision", P "v12_BOUND", HERE, NULL, CREDENTIAL_FOUND,
	    "the bound one" },
	{ "one that is retired", P "v4_BOUND", HERE, NULL, CREDENTIAL_FOUND,
	    "the bound one" },
	{ "one of too many generations ago", P "v3_BOUND", HERE, NULL,
	    CREDENTIAL_UNKNOWN, NULL },
	{ "one that is yet to come", P "v13_BOUND", HERE, NULL,
	    CREDENTIAL_UNKNOWN, NULL },
	{ "a bound one by its name", P "BOUND", HERE, NULL, CREDENTIAL_MISMATCH,
	    NULL },
	{ "a bound one by its alias", "x" A "BOUND", HERE, NULL,
	    CREDENTIAL_MISMATCH, NULL },
	{ "a bound one by its alias with a handle", "x" A "s" HANDLE "_BOUND",
	    HERE, NULL, CREDENTIAL_FOUND, "the bound one" },
	{ "another's handle", P "s" OTHER "_BOUND", HERE, NULL,
	    CREDENTIAL_UNKNOWN, NULL },
	{ "a loose one by its name", P "LOOSE", HERE, NULL, CREDENTIAL_FOUND,
	    "the loose one" },
	{ "before the oldest", P "v3_LOOSE", HERE, NULL, CREDENTIAL_UNKNOWN,
	    NULL },
	{ "no such name", P "LOOS", HERE, NULL, CREDENTIAL_UNKNOWN, NULL },
	{ "another host", P "LOOSE", "www.example.com", 443, "/v1/a/x", NULL,
	    CREDENTIAL_MISMATCH, NULL },
	{ "another port", P "LOOSE", "api.example.com", 80, "/v1/a/x", NULL,
	    CREDENTIAL_MISMATCH, NULL },
	{ "another path", P "LOOSE", "api.example.com", 443, "/v1/b/x", NULL,
	    CREDENTIAL_MISMATCH, NULL },
	{ "where the policy binds it", P "LOOSE", "www.example.com", 80, "/",
	    "gh", CREDENTIAL_FOUND, "the loose one" },
	{ "where the policy binds another", P "LOOSE", "www.example.com", 80,
	    "/", "other", CREDENTIAL_MISMATCH, NULL },
	{ "without endpoints", P "NOWHERE", HERE, NULL, CREDENTIAL_MISMATCH,
	    NULL },
	{ "without endpoints, bound", P "NOWHERE", HERE, "gh", CREDENTIAL_FOUND,
	    "nowhere" },
	{ "expired", P "OLD", HERE, NULL, CREDENTIAL_EXPIRED, NULL },
	{ "not yet", P "SOON", HERE, NULL, CREDENTIAL_FOUND, "soon" },
	{ "with line ends", P "LINES", HERE, NULL, CREDENTIAL_UNUSABLE, NULL },
	{ "empty", P "EMPTY", HERE, NULL, CREDENTIAL_UNUSABLE, NULL },
};

static void
test_a_secret_goes_where_it_may_and_nowhere_else(void **state)
{
	struct credentials *c;
	struct error e;

	(void)state;
	assert_int_equal(credentials_new(&all, &c, &e), 0);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		const struct credential_target to = { asked[i].host,
			asked[i].port, asked[i].path, asked[i].provider, 1000 };
		struct credential got = { 0 };
		struct placeholder p;

		print_message("%s\n", asked[i].why);
		assert_true(placeholder_find(
		    asked[i].text, strlen(asked[i].text), 0, &p));
		assert_int_equal(
		    credentials_resolve(c, &p, &to, &got), asked[i].result);
		if (asked[i].value != NULL)
			assert_string_equal(got.value, asked[i].value);
		else
			assert_null(got.value);
	}
	credentials_free(c);
}

static void
test_the_policy_may_ask_by_name(void **state)
{
	const struct credential_target to = { HERE, NULL, 1000 };
	const struct credential_target other = { "b.example.com", 443, "/",
		NULL, 1000 };
	struct credentials *c;
	struct credential got;
	struct error e;

	(void)state;
	assert_int_equal(credentials_new(&all, &c, &e), 0);
	assert_int_equal(
	    credentials_find(c, "BOUND", &to, &got), CREDENTIAL_FOUND);
	assert_string_equal(got.value, "the bound one");
	assert_int_equal(
	    credentials_find(c, "BOUND", &other, &got), CREDENTIAL_MISMATCH);
	assert_int_equal(
	    credentials_find(c, "BOUN", &to, &got), CREDENTIAL_UNKNOWN);
	credentials_free(c);
}

static void
test_endpoints_that_credentials_concern_are_known(void **state)
{
	struct credentials *c;
	struct error e;

	(void)state;
	assert_int_equal(credentials_new(&all, &c, &e), 0);
	assert_true(credentials_concern(c, "api.example.com", 443, NULL, NULL));
	assert_true(
	    credentials_concern(c, "api.example.com", 443, "/v1/a/", NULL));
	assert_false(
	    credentials_concern(c, "api.example.com", 443, "/v1/b", NULL));
	assert_false(credentials_concern(c, "b.example.com", 443, NULL, NULL));
	assert_true(credentials_concern(c, "b.example.com", 443, "/", "gh"));
	assert_false(credentials_concern(c, "b.example.com", 443, "/", "x"));
	credentials_free(c);
}

static void
test_what_can_t_be_kept_is_refused_by_name(void **state)
{
	struct proxy_credential_endpoint wide[] = { { "*.com", 443, NULL } };
	struct proxy_credential bad[] = {
		{ "1KEY", "v", "p", 1, 1, HANDLE },
		{ "v1_KEY", "v", "p", 1, 1, HANDLE },
		{ "s" HANDLE "_KEY", "v", "p", 1, 1, HANDLE },
		{ "A-B", "v", "p", 1, 1, HANDLE },
		{ "KEY", "v", "p", 1, 1, "abc" },
		{ "KEY", "v", "p", 1, 1, HANDLE, 0, false, { wide, 1 } },
	};
	struct credentials *c;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct objects one = { &bad[i], 1 };

		print_message("%s\n", bad[i].key);
		assert_int_equal(credentials_new(&one, &c, &e), -1);
		assert_non_null(strstr(e.text, bad[i].key));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_placeholders_are_found_whole),
		cmocka_unit_test(test_no_split_hides_a_marker),
		cmocka_unit_test(
		    test_a_secret_goes_where_it_may_and_nowhere_else),
		cmocka_unit_test(test_the_policy_may_ask_by_name),
		cmocka_unit_test(
		    test_endpoints_that_credentials_concern_are_known),
		cmocka_unit_test(test_what_can_t_be_kept_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
