/* SPDX-License-Identifier: Apache-2.0 */
/* test_environment.c - what an agent finds in its environment. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "supervisord/environment.h"

static void
free_env(char ***env)
{
	environment_free(*env);
}

static const char *
get(char **env, const char *name)
{
	size_t n = strlen(name);
	const char *found = NULL;

	for (; *env != NULL; env++) {
		if (strncmp(*env, name, n) != 0 || (*env)[n] != '=')
			continue;
		assert_null(found); /* each name once */
		found = *env + n + 1;
	}
	return found;
}

static const struct pair expected[] = {
	{ "HOME", "/sandbox" },
	{ "USER", "sandbox" },
	{ "OPENSHELL_SANDBOX", "1" },
	{ "OPENSHELL_SANDBOX_NAME", "box" },
	{ "http_proxy", "http://127.0.0.1:3128" },
	{ "https_proxy", "http://127.0.0.1:3128" },
	{ "HTTP_PROXY", "http://127.0.0.1:3128" },
	{ "HTTPS_PROXY", "http://127.0.0.1:3128" },
	{ "ALL_PROXY", "http://127.0.0.1:3128" },
	{ "NO_PROXY", "127.0.0.1,localhost,::1" },
	{ "NODE_USE_ENV_PROXY", "1" },
	{ "NODE_EXTRA_CA_CERTS", "/etc/openshell-tls/openshell-ca.pem" },
	{ "SSL_CERT_FILE", "/etc/openshell-tls/ca-bundle.pem" },
	{ "REQUESTS_CA_BUNDLE", "/etc/openshell-tls/ca-bundle.pem" },
	{ "CURL_CA_BUNDLE", "/etc/openshell-tls/ca-bundle.pem" },
	{ "GIT_SSL_CAINFO", "/etc/openshell-tls/ca-bundle.pem" },
	{ "TERM", "vt100" },
};

static void
test_programs_find_the_proxy_and_its_authority(void **state)
{
	const struct pairs none = { NULL, 0 };
	_cleanup_(free_env) char **env =
	    environment_make("box", &none, "vt100");

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const char *value = get(env, expected[i].name);

		print_message("%s\n", expected[i].name);
		assert_non_null(value);
		assert_string_equal(value, expected[i].value);
	}
}

static void
test_nothing_of_who_started_us_is_in_it(void **state)
{
	const struct pairs none = { NULL, 0 };

	(void)state;
	assert_int_equal(setenv("SECRET_OF_THE_HOST", "x", 1), 0);
	_cleanup_(free_env) char **env = environment_make("box", &none, NULL);

	assert_null(get(env, "SECRET_OF_THE_HOST"));
	assert_null(get(env, "TERM"));
}

static void
test_an_addition_replaces_what_has_its_name_and_nothing_else(void **state)
{
	struct pair v[] = { { "HOME", "/tmp" }, { "HOM", "1" },
		{ "HOMEX", "2" }, { "MINE", "a=b" }, { "MINE", "last" } };
	const struct pairs added = { v, 5 };
	_cleanup_(free_env) char **env = environment_make("box", &added, NULL);

	(void)state;
	assert_string_equal(get(env, "HOME"), "/tmp");
	assert_string_equal(get(env, "HOM"), "1");
	assert_string_equal(get(env, "HOMEX"), "2");
	assert_string_equal(get(env, "MINE"), "last");
	assert_string_equal(get(env, "USER"), "sandbox");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_programs_find_the_proxy_and_its_authority),
		cmocka_unit_test(test_nothing_of_who_started_us_is_in_it),
		cmocka_unit_test(
		    test_an_addition_replaces_what_has_its_name_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
