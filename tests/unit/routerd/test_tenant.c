/* SPDX-License-Identifier: Apache-2.0 */
/* test_tenant.c - what one sandbox may hold, and that it is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "routerd/tenant.h"

static void
test_connections_have_a_bound_for_each(void **state)
{
	struct tenants *all = tenants_new();
	struct tenant *box = NULL, *other;

	(void)state;
	for (int i = 0; i < TENANT_CLIENTS_MAX; i++) {
		box = tenant_enter(all, "box");
		assert_non_null(box);
	}
	assert_null(tenant_enter(all, "box"));
	other = tenant_enter(all, "other");
	assert_non_null(other);
	tenant_leave(box);
	assert_ptr_equal(tenant_enter(all, "box"), box);
	tenant_leave(other);
	for (int i = 0; i < TENANT_CLIENTS_MAX; i++)
		tenant_leave(box);
	free(all);
}

static void
test_bytes_have_a_bound_for_each(void **state)
{
	struct tenants *all = tenants_new();
	struct tenant *box = tenant_enter(all, "box");
	struct tenant *alone = tenant_enter(all, "");

	(void)state;
	assert_true(tenant_take(box, TENANT_BYTES_MAX));
	assert_false(tenant_take(box, 1));
	tenant_give(box, 1);
	assert_true(tenant_take(box, 1));
	/* Who stands alone has it all. */
	assert_true(tenant_take(alone, TENANT_BYTES_MAX));
	assert_true(tenant_take(alone, 1));
	tenant_leave(box);
	tenant_leave(alone);
	free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections_have_a_bound_for_each),
		cmocka_unit_test(test_bytes_have_a_bound_for_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
