/* SPDX-License-Identifier: Apache-2.0 */
/* test_body.c - a request's body: its end, its limits, and whose it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "routerd/body.h"
#include "routerd/tenant.h"

static ssize_t
take(struct body *b, const char *text, struct error *e)
{
	return body_take(b, text, strlen(text), e);
}

static void
test_what_is_behind_a_body_is_not_its(void **state)
{
	struct tenants *all = tenants_new();
	struct tenant *box = tenant_enter(all, "box");
	struct http_head head = { .framing = HTTP_LENGTH, .content_length = 5 };
	struct body b = { 0 };
	struct error e;

	(void)state;
	assert_int_equal(body_begin(&b, box, &head, &e), 0);
	assert_int_equal(take(&b, "ab", &e), 2);
	assert_false(body_is_whole(&b));
	assert_int_equal(take(&b, "cdeGET /", &e), 3);
	assert_true(body_is_whole(&b));
	assert_string_equal(buf_str(&b.text), "abcde");
	body_clear(&b);
	tenant_leave(box);
	free(all);
}

static void
test_too_much_is_refused_by_name(void **state)
{
	struct tenants *all = tenants_new();
	struct tenant *box = tenant_enter(all, "box");
	struct http_head head = { .framing = HTTP_LENGTH,
		.content_length = BODY_MAX + 1 };
	struct body b = { 0 };
	struct error e;
	ssize_t r = 0;

	(void)state;
	assert_int_equal(body_begin(&b, box, &head, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	body_clear(&b);

	head = (struct http_head){ .framing = HTTP_CHUNKED };
	assert_int_equal(body_begin(&b, box, &head, &e), 0);
	for (size_t i = 0; i <= BODY_CHUNKS_MAX && r >= 0; i++)
		for (const char *p = "1\r\nx\r\n"; *p != '\0' && r >= 0;
		     p += r > 0 ? r : 0)
			r = take(&b, p, &e);
	assert_int_equal(r, -1);
	assert_int_equal(e.code, ERR_LIMIT);
	body_clear(&b);
	tenant_leave(box);
	free(all);
}

static void
test_a_sandbox_gets_back_what_its_body_held(void **state)
{
	struct tenants *all = tenants_new();
	struct tenant *box = tenant_enter(all, "box");
	struct http_head head = { .framing = HTTP_LENGTH, .content_length = 4 };
	struct body b = { 0 };
	struct error e;

	(void)state;
	assert_true(tenant_take(box, TENANT_BYTES_MAX - 3));
	assert_int_equal(body_begin(&b, box, &head, &e), 0);
	assert_int_equal(take(&b, "abc", &e), 3);
	assert_int_equal(take(&b, "d", &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	body_clear(&b);
	assert_true(tenant_take(box, 3));
	assert_false(tenant_take(box, 1));
	tenant_leave(box);
	free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_behind_a_body_is_not_its),
		cmocka_unit_test(test_too_much_is_refused_by_name),
		cmocka_unit_test(test_a_sandbox_gets_back_what_its_body_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
