/* SPDX-License-Identifier: Apache-2.0 */
/* test_cgroup.c - where our own control group is, in each layout. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/cgroup.h"

#define LEGACY                                                                 \
	"9:name=systemd:/\n8:pids:/user/7\n4:memory:/a:b/c\n2:cpu,cpuacct:/"   \
	"x\n"
#define HYBRID LEGACY "0::/system.slice/openshell.service\n"

static const struct {
	const char *why;
	const char *text;
	const char *controller;
	const char *expected; /* NULL: none */
} rows[] = {
	{ "version 1", LEGACY, "pids", "/user/7" },
	{ "a path with a colon", LEGACY, "memory", "/a:b/c" },
	{ "the second of two on one hierarchy", LEGACY, "cpuacct", "/x" },
	{ "version 1 has no unified one", LEGACY, "", NULL },
	{ "the unified one of a hybrid host", HYBRID, "",
	    "/system.slice/openshell.service" },
	{ "a controller that isn't mounted", HYBRID, "hugetlb", NULL },
	{ "a part of a name is no name", HYBRID, "pid", NULL },
	{ "a longer name neither", HYBRID, "pidsx", NULL },
	{ "version 2 alone", "0::/\n", "", "/" },
	{ "version 2 alone names no controllers", "0::/\n", "memory", NULL },
	{ "without a newline", "0::/last", "", "/last" },
	{ "nothing", "", "", NULL },
	{ "a line that isn't one", "nonsense\n0::/ok\n", "", "/ok" },
	{ "one colon", "0:memory\n", "memory", NULL },
};

static void
test_our_own_group_is_found_in_its_hierarchy(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		autofree char *path =
		    cgroup_own_path(rows[i].text, rows[i].controller);

		print_message("%s\n", rows[i].why);
		if (rows[i].expected == NULL) {
			assert_null(path);
			continue;
		}
		assert_non_null(path);
		assert_string_equal(path, rows[i].expected);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_our_own_group_is_found_in_its_hierarchy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
