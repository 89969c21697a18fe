/* SPDX-License-Identifier: Apache-2.0 */
/* test_policy_credentials.c - what a policy may say of credentials, and which
 * endpoint's word counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/policy/policy.h"
#include "common/policy/selector.h"

#define BLOCKS(endpoints)                                                      \
	"version: 1\nnetwork_policies:\n  b:\n    endpoints: [" endpoints      \
	"]\n    binaries: [{path: /usr/bin/curl}]\n"
#define REST "port: 443, protocol: rest, enforcement: enforce, access: full"
#define AWS "host: s3.us-east-1.amazonaws.com, " REST
#define API "host: a.example.com, " REST

static const struct {
	const char *why;
	const char *text;
	const char *named; /* NULL: it is fine */
} policies[] = {
	{ "signing",
	    BLOCKS("{" AWS ", credential_signing: sigv4, "
		   "signing_service: s3}"),
	    NULL },
	{ "an unknown way of signing",
	    BLOCKS("{" AWS ", credential_signing: sigv2, "
		   "signing_service: s3}"),
	    "credential_signing" },
	{ "signing without a service",
	    BLOCKS("{" AWS ", credential_signing: "
		   "sigv4}"),
	    "needs signing_service" },
	{ "a service without signing", BLOCKS("{" AWS ", signing_service: s3}"),
	    "need credential_signing" },
	{ "a service that is no name",
	    BLOCKS("{" AWS ", credential_signing: sigv4, "
		   "signing_service: s3/aws4_request}"),
	    "is no name" },
	{ "a region that is no name",
	    BLOCKS("{" AWS ", credential_signing: sigv4, "
		   "signing_service: s3, signing_region: EU}"),
	    "is no name" },
	{ "a host without a region",
	    BLOCKS("{" API ", credential_signing: sigv4, "
		   "signing_service: s3}"),
	    "signing_region is missing" },
	{ "a host with a region beside it",
	    BLOCKS("{" API ", credential_signing: sigv4:body, "
		   "signing_service: s3, signing_region: eu-west-1}"),
	    NULL },
	{ "signing what is rewritten",
	    BLOCKS("{" AWS ", credential_signing: sigv4, "
		   "signing_service: s3, "
		   "request_body_credential_rewrite: true}"),
	    "mutually exclusive" },
	{ "a binding", BLOCKS("{" API ", credential_binding: {provider: gh}}"),
	    NULL },
	{ "a binding to nobody", BLOCKS("{" API ", credential_binding: {}}"),
	    "provider is missing" },
	{ "a binding with another key",
	    BLOCKS("{" API ", credential_binding: {provider: gh, x: 1}}"),
	    "unknown key" },
	{ "a binding that nobody could read",
	    BLOCKS("{host: a.example.com, port: 443, tls: skip, "
		   "credential_binding: {provider: gh}}"),
	    "credentialed endpoint" },
	{ "the same on purpose",
	    BLOCKS("{host: a.example.com, port: 443, tls: skip, "
		   "credential_binding: {provider: gh}, "
		   "allow_uninspected_credentials: true}"),
	    NULL },
	{ "a binding of bytes",
	    BLOCKS("{host: a.example.com, port: 443, protocol: tcp, "
		   "credential_binding: {provider: gh}}"),
	    "doesn't take credential_binding" },
	{ "signing of bytes",
	    BLOCKS("{host: a.example.com, port: 443, protocol: tcp, "
		   "credential_signing: sigv4, signing_service: s3, "
		   "signing_region: eu-west-1}"),
	    "doesn't take credential_signing" },
	{ "rewriting of bytes",
	    BLOCKS("{host: a.example.com, port: 443, protocol: tcp, "
		   "request_body_credential_rewrite: true}"),
	    "doesn't take request_body_credential_rewrite" },
	{ "two that compete for a binding",
	    BLOCKS("{" API ", credential_binding: {provider: gh}}, {" API "}"),
	    "credential_binding" },
	{ "two that compete for signing",
	    BLOCKS("{" AWS ", credential_signing: sigv4, "
		   "signing_service: s3}, {" AWS "}"),
	    "credential_signing, signing_service" },
	{ "two that compete for bodies",
	    BLOCKS("{" API ", request_body_credential_rewrite: true}, "
		   "{" API "}"),
	    "request_body_credential_rewrite" },
	{ "two that don't compete",
	    BLOCKS("{" API ", path: /a/**, credential_binding: "
		   "{provider: gh}}, {" API "}"),
	    NULL },
};

static void
test_what_can_t_be_kept_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		struct violations bad = { 0 };
		struct policy *p = NULL;
		char text[1024] = "";

		print_message("%s\n", policies[i].why);
		(void)policy_parse(
		    policies[i].text, strlen(policies[i].text), &p, &bad, NULL);
		if (bad.n > 0)
			(void)snprintf(text, sizeof(text), "%s %s",
			    bad.v[0].path, bad.v[0].message);
		assert_int_equal(p == NULL, policies[i].named != NULL);
		if (policies[i].named != NULL)
			assert_non_null(strstr(text, policies[i].named));
		policy_free(p);
		violations_clear(&bad);
	}
}

static struct policy *
parse(const char *text)
{
	struct violations bad = { 0 };
	struct policy *p = NULL;

	assert_int_equal(policy_parse(text, strlen(text), &p, &bad, NULL), 0);
	return p;
}

static void
test_the_canonical_form_keeps_them(void **state)
{
	static const char text[] =
	    BLOCKS("{" AWS ", credential_signing: \"sigv4:no_body\", "
		   "signing_service: s3, signing_region: eu-west-1, "
		   "credential_binding: {provider: aws}}, "
		   "{" API ", request_body_credential_rewrite: true, "
		   "allow_uninspected_credentials: true}");
	static const char *const parts[] = {
		"\"credential_binding\":{\"provider\":\"aws\"}",
		"\"credential_signing\":\"sigv4:no_body\"",
		"\"signing_service\":\"s3\"",
		"\"signing_region\":\"eu-west-1\"",
		"\"request_body_credential_rewrite\":true",
		"\"allow_uninspected_credentials\":true",
	};
	struct policy *p = parse(text), *again;
	char *json = policy_to_json(p), *twice;

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		assert_non_null(strstr(json, parts[i]));
	again = parse(json);
	twice = policy_to_json(again);
	assert_string_equal(json, twice);
	free(json);
	free(twice);
	policy_free(p);
	policy_free(again);
}

static const char judged[] = BLOCKS(
    "{" API ", credential_binding: {provider: wide}},"
    "{" API ", path: /deep/**, request_body_credential_rewrite: true},"
    "{host: \"*.amazonaws.com\", " REST ", credential_signing: sigv4:body,"
    " signing_service: s3, signing_region: eu-west-1},"
    "{host: open.example.com, port: 443, tls: skip,"
    " allow_uninspected_credentials: true},"
    "{host: raw.example.com, port: 443, tls: skip}");
static const struct caller curl = { "/usr/bin/curl", NULL, 0 };
static const struct caller wget = { "/usr/bin/wget", NULL, 0 };

static const struct {
	const char *host;
	const struct caller *who;
	const char *path;
	const char *provider;
	enum policy_signing signing;
	bool rewrite;
} asked[] = {
	{ "a.example.com", &curl, "/x", "wide", POLICY_NO_SIGNING, false },
	{ "A.example.com", &curl, "/x", "wide", POLICY_NO_SIGNING, false },
	{ "a.example.com", &curl, "/deep/x", NULL, POLICY_NO_SIGNING, true },
	{ "a.example.com", &wget, "/x", NULL, POLICY_NO_SIGNING, false },
	{ "b.example.com", &curl, "/x", NULL, POLICY_NO_SIGNING, false },
	{ "s3.amazonaws.com", &curl, "/x", NULL, POLICY_SIGV4_BODY, false },
};

static void
test_the_most_specific_endpoint_has_the_word(void **state)
{
	struct policy *p = parse(judged);
	struct matcher *m = policy_compile(p, NULL, 0);
	struct policy_credentials got;

	(void)state;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		print_message("%s%s\n", asked[i].host, asked[i].path);
		matcher_credentials(
		    m, asked[i].host, 443, asked[i].who, asked[i].path, &got);
		assert_int_equal(
		    got.provider != NULL, asked[i].provider != NULL);
		if (got.provider != NULL)
			assert_string_equal(got.provider, asked[i].provider);
		assert_int_equal(got.signing, asked[i].signing);
		assert_int_equal(got.rewrite_body, asked[i].rewrite);
	}
	assert_string_equal(got.region, "eu-west-1");
	assert_string_equal(
	    matcher_bound_provider(m, "a.example.com", 443, &curl, 0), "wide");
	assert_null(matcher_bound_provider(m, "a.example.com", 443, &curl, 1));
	assert_null(matcher_bound_provider(m, "a.example.com", 443, &wget, 0));
	assert_true(
	    matcher_allows_uninspected(m, "open.example.com", 443, &curl));
	assert_false(
	    matcher_allows_uninspected(m, "open.example.com", 443, &wget));
	assert_false(
	    matcher_allows_uninspected(m, "raw.example.com", 443, &curl));
	matcher_free(m);
	policy_free(p);
}

static const struct {
	const char *host;
	uint16_t port;
	const char *path;
	const char *at_host;
	uint16_t at_port;
	const char *at_path; /* NULL: any */
	bool matches;
} selected[] = {
	{ "a.com", 443, NULL, "a.com", 443, "/x", true },
	{ "A.com", 443, NULL, "a.com", 443, "/x", true },
	{ "a.com", 443, "", "a.com", 443, "/", true },
	{ "a.com", 443, NULL, "b.com", 443, "/x", false },
	{ "a.com", 443, NULL, "a.com", 80, "/x", false },
	{ "a.com", 443, NULL, "x.a.com", 443, "/x", false },
	{ "*.a.com", 443, NULL, "x.a.com", 443, "/x", true },
	{ "*.a.com", 443, NULL, "x.y.a.com", 443, "/x", false },
	{ "**.a.com", 443, NULL, "x.y.a.com", 443, "/x", true },
	{ "a.com", 443, "/v1/a/**", "a.com", 443, "/v1/a/b/c", true },
	{ "a.com", 443, "/v1/a/**", "a.com", 443, "/v1/b", false },
	{ "a.com", 443, "/v1/a/**", "a.com", 443, NULL, true },
	{ "a.com", 443, "/v1/a/**", "b.com", 443, NULL, false },
};

static void
test_a_selector_matches_as_an_endpoint_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(selected) / sizeof(selected[0]); i++) {
		struct selector *s;
		struct error e;

		print_message("%s %s\n", selected[i].host, selected[i].at_host);
		assert_int_equal(
		    selector_new(selected[i].host, selected[i].port,
			selected[i].path, &s, &e),
		    0);
		assert_int_equal(selector_matches(s, selected[i].at_host,
				     selected[i].at_port, selected[i].at_path),
		    selected[i].matches);
		selector_free(s);
	}
}

static void
test_a_selector_of_anything_is_refused(void **state)
{
	static const struct {
		const char *host;
		uint16_t port;
		const char *path;
	} bad[] = {
		{ "", 443, NULL },
		{ "*", 443, NULL },
		{ "*.com", 443, NULL },
		{ "a b", 443, NULL },
		{ "a.com", 0, NULL },
		{ "a.com", 443, "x" },
		{ "a.com", 443, "/x**" },
	};
	struct selector *s;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
		    selector_new(bad[i].host, bad[i].port, bad[i].path, &s, &e),
		    -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_can_t_be_kept_is_refused),
		cmocka_unit_test(test_the_canonical_form_keeps_them),
		cmocka_unit_test(test_the_most_specific_endpoint_has_the_word),
		cmocka_unit_test(test_a_selector_matches_as_an_endpoint_does),
		cmocka_unit_test(test_a_selector_of_anything_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
