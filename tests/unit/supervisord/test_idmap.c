/* SPDX-License-Identifier: Apache-2.0 */
/* test_idmap.c - which range of subuid(5) is a user's. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include "supervisord/idmap.h"

static const struct {
	const char *why;
	const char *text;
	bool found;
	uint32_t first, count;
} rows[] = {
	{ "nobody is in an empty file", "", false, 0, 0 },
	{ "by name", "eve:100000:65536\nann:200000:65536\n", true, 200000,
	    65536 },
	{ "by number", "1234:300000:65536\n", true, 300000, 65536 },
	{ "the first of two", "ann:100000:2000\nann:200000:65536\n", true,
	    100000, 2000 },
	{ "one that has too few ids is passed over",
	    "ann:100000:1000\nann:200000:1001\n", true, 200000, 1001 },
	{ "the end of the file without a newline", "ann:5000:5000", true, 5000,
	    5000 },
	{ "a longer name is another", "anna:100000:65536\n", false, 0, 0 },
	{ "a shorter name is another", "an:100000:65536\n", false, 0, 0 },
	{ "a number in a name is none", "12345:100000:65536\n", false, 0, 0 },
	{ "root is in nobody's range", "ann:0:65536\n", false, 0, 0 },
	{ "the end is a uid too", "ann:4294960000:65536\n", false, 0, 0 },
	{ "without a count", "ann:100000\n", false, 0, 0 },
	{ "the count of the next line isn't its own",
	    "ann:100000:\n65536:1:1\n", false, 0, 0 },
	{ "letters", "ann:many:65536\n", false, 0, 0 },
	{ "a comment that names it", "#ann:100000:65536\n", false, 0, 0 },
};

static void
test_a_range_is_found_for_its_user_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t first = 0, count = 0;

		print_message("%s\n", rows[i].why);
		assert_int_equal(
		    subid_find(rows[i].text, "ann", 1234, &first, &count),
		    rows[i].found);
		assert_int_equal(first, rows[i].first);
		assert_int_equal(count, rows[i].count);
	}
}

static void
test_a_user_without_a_name_is_found_by_number(void **state)
{
	uint32_t first, count;

	(void)state;
	assert_true(subid_find("7:1000:2000\n", NULL, 7, &first, &count));
	assert_int_equal(first, 1000);
}

static void
test_only_in_single_is_the_agent_our_own_user(void **state)
{
	const struct idmap block = { .kind = IDMAP_BLOCK };
	const struct idmap range = { .kind = IDMAP_RANGE };
	const struct idmap single = { .kind = IDMAP_SINGLE };

	(void)state;
	assert_true(idmap_has_own_agent(&block));
	assert_true(idmap_has_own_agent(&range));
	assert_false(idmap_has_own_agent(&single));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_range_is_found_for_its_user_alone),
		cmocka_unit_test(test_a_user_without_a_name_is_found_by_number),
		cmocka_unit_test(test_only_in_single_is_the_agent_our_own_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
