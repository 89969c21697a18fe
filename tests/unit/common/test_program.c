/* SPDX-License-Identifier: Apache-2.0 */
/* test_program.c - what daemons start with. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/program.h"

static void
test_a_daemon_inherits_what_it_needs_and_no_key(void **state)
{
	static const char *const all[] = { "OPENAI_API_KEY=secret",
		"HOME=/home/me", "HOMES=x", "LC_ALL=C",
		"OPENSHELL_STATE_DIR=/s", "OPENSHELL_TOKEN=secret",
		"XDG_RUNTIME_DIR=/run/user/1", "LC=x", "PATHS", "PATH=/bin",
		NULL };
	static const size_t kept[] = { 1, 3, 4, 6, 9 };
	autofree char **env =
	    program_environment((char *const *)(uintptr_t)all);

	(void)state;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		assert_ptr_equal(env[i], all[kept[i]]);
	assert_null(env[sizeof(kept) / sizeof(kept[0])]);
}

static void
test_no_environment_stays_none(void **state)
{
	char *none[] = { NULL };
	autofree char **env = program_environment(none);

	(void)state;
	assert_null(env[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_daemon_inherits_what_it_needs_and_no_key),
		cmocka_unit_test(test_no_environment_stays_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
