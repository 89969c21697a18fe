/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/error.h"

static void
test_every_code_has_a_name_that_leads_back(void **state)
{
	(void)state;
	for (int c = ERR_NONE + 1; c < ERROR_MAX_; c++)
		assert_int_equal(
		    error_code_from_name(error_name((enum error_code)c)), c);
	assert_int_equal(error_code_from_name("Nonsense"), ERR_SYSTEM);
	assert_int_equal(error_code_from_name(""), ERR_SYSTEM);
}

static void
test_the_cause_and_the_prefix_are_in_the_text(void **state)
{
	struct error e;

	(void)state;
	errno = ENOENT;
	assert_int_equal(error_errno(&e, "cannot open '%s'", "x"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(e.code, ERR_SYSTEM);
	assert_string_equal(
	    e.text, "cannot open 'x': No such file or directory");
	assert_int_equal(error_prefix(&e, "sandbox '%s'", "y"), -1);
	assert_string_equal(
	    e.text, "sandbox 'y': cannot open 'x': No such file or directory");
	assert_int_equal(e.code, ERR_SYSTEM);
}

static void
test_long_texts_are_cut(void **state)
{
	struct error e;

	(void)state;
	assert_int_equal(error_set(&e, ERR_LIMIT, "%500d", 1), -1);
	assert_int_equal(strlen(e.text), ERROR_TEXT_MAX - 1);
	assert_int_equal(error_prefix(&e, "%500d", 1), -1);
	assert_int_equal(strlen(e.text), ERROR_TEXT_MAX - 1);
	assert_int_equal(e.code, ERR_LIMIT);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_has_a_name_that_leads_back),
		cmocka_unit_test(test_the_cause_and_the_prefix_are_in_the_text),
		cmocka_unit_test(test_long_texts_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
