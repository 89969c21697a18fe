/* SPDX-License-Identifier: Apache-2.0 */
/* test_plan.c - which specs can be built. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include <unistd.h>

#include "supervisord/plan.h"

static const struct {
	const char *path;
	bool allowed;
} targets[] = {
	{ "/opt/agent", true },
	{ "/home/ann/.nvm/versions", true },
	{ "/sandbox/tools", true },
	{ "/etcetera", true },
	{ "/...", true },
	{ "", false },
	{ "/", false },
	{ "relative", false },
	{ "/sandbox", false },
	{ "/proc", false },
	{ "/proc/1", false },
	{ "/sys/fs", false },
	{ "/dev/null", false },
	{ "/etc/openshell-tls", false },
	{ "/etc/resolv.conf", false },
	{ "/opt/..", false },
	{ "/opt/../etc", false },
	{ "/..", false },
	{ "/opt/.", false },
	{ "/./etc", false },
	{ "//etc", false },
	{ "/opt//x", false },
	{ "/opt/", false },
};

static void
test_a_bind_covers_nothing_that_the_sandbox_is_made_of(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		print_message("'%s'\n", targets[i].path);
		assert_int_equal(
		    plan_is_bind_target(targets[i].path), targets[i].allowed);
	}
}

static struct supervisor_create
good_spec(void)
{
	return (struct supervisor_create){
		.id = "id",
		.name = "name",
		.policy = "{\"version\":1,\"filesystem_policy\":"
			  "{\"include_workdir\":true}}",
		.uid_base = 65536,
	};
}

static void
test_a_policy_that_is_none_is_named(void **state)
{
	struct supervisor_create spec = good_spec();
	struct plan plan;
	struct error e;

	(void)state;
	spec.policy = "{\"version\":1,\"oops\":1}";
	assert_int_equal(plan_read(&spec, -1, &plan, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	assert_non_null(strstr(e.text, "oops"));
	plan_clear(&plan);
}

static void
test_root_builds_nothing_that_shares_ids_with_the_host(void **state)
{
	static const int64_t bases[] = { 0, 1, 65535 };
	struct supervisor_create spec = good_spec();
	struct plan plan;
	struct error e;

	(void)state;
	if (geteuid() != 0)
		skip(); /* an ordinary user has no block to give */
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		spec.uid_base = bases[i];
		assert_int_equal(plan_read(&spec, -1, &plan, &e), -1);
		assert_int_equal(e.code, ERR_INVALID);
		plan_clear(&plan);
	}
	spec.uid_base = 65536;
	assert_int_equal(plan_read(&spec, -1, &plan, &e), 0);
	plan_clear(&plan);
}

static void
test_a_bad_bind_is_refused_with_its_name(void **state)
{
	struct supervisor_create spec = good_spec();
	struct supervisor_bind bind = { "/usr", "/proc/x", false };
	struct plan plan;
	struct error e;

	(void)state;
	spec.binds = (struct objects){ &bind, 1 };
	assert_int_equal(plan_read(&spec, -1, &plan, &e), -1);
	assert_non_null(strstr(e.text, "/proc/x"));
	plan_clear(&plan);
}

static void
test_facts_beyond_the_table_are_left_out(void **state)
{
	struct facts facts = { 0 };
	char longer[FACT_LEVEL_MAX * 2];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	for (int i = 0; i < FACTS_MAX + 3; i++)
		facts_add(&facts, i == 0, "layer", "%s", longer);
	assert_int_equal(facts.n, FACTS_MAX);
	assert_int_equal(strlen(facts.v[0].level), FACT_LEVEL_MAX - 1);
	assert_true(facts.v[0].full);
	assert_false(facts.v[1].full);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_bind_covers_nothing_that_the_sandbox_is_made_of),
		cmocka_unit_test(test_a_policy_that_is_none_is_named),
		cmocka_unit_test(
		    test_root_builds_nothing_that_shares_ids_with_the_host),
		cmocka_unit_test(test_a_bad_bind_is_refused_with_its_name),
		cmocka_unit_test(test_facts_beyond_the_table_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
