/* SPDX-License-Identifier: Apache-2.0 */
/* test_profile.c - how a type's credentials are refreshed, as its file says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "gatewayd/profile.h"

DEFINE_FREEP(profile);

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
	_cleanup_(profile_freep) struct profile *p = NULL;
	const struct profile_refresh *r;
	struct error e;

	(void)state;
	assert_int_equal(profile_parse(text, strlen(text), &p, &e), 0);
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
}

static void
test_what_says_no_refresh_is_refused_where_it_stands(void **state)
{
	static const struct {
		const char *credential;
		const char *says;
	} cases[] = {
		{ "{refresh: {token_url: u}}", "3:15: 'strategy'" },
		{ "{refresh: s}", "3:15: a mapping" },
		{ "{refresh: {strategy: [s]}}", "3:26: a text" },
		{ "{refresh: {strategy: ''}}", "3:26: a text" },
		{ "{refresh: {strategy: s, secret: x}}", "3:37: unknown key" },
		{ "{refresh: {strategy: s, material: [x]}}",
		    "3:39: a mapping" },
		{ "{refresh: {strategy: s, material: {a: {}}}}",
		    "3:43: a text" },
		{ "{refreshed: {strategy: s}}", "3:17: unknown key" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];
		struct profile *p = NULL;
		struct error e;
		int n = snprintf(text, sizeof(text),
		    "id: x\ncredentials:\n  - %s\n", cases[i].credential);

		assert_int_equal(profile_parse(text, (size_t)n, &p, &e), -1);
		assert_null(p);
		if (strstr(e.text, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].credential, e.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_refresh_is_for_the_variables_of_its_credential),
		cmocka_unit_test(
		    test_what_says_no_refresh_is_refused_where_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
