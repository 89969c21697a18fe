/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "routerd/rewrite.h"

static const struct edit edits[] = {
	{ .name = "model", .value = "new\"1" },
	{ .name = "gone" },
	{ .name = "v", .raw = "{\"x\":1}", .only_if_absent = true },
};

static void
test_only_the_edited_members_change(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{ "{}", "{\"model\":\"new\\\"1\",\"v\":{\"x\":1}}" },
		{ "{ \"model\" : \"a\" , \"v\":0 }",
		    "{ \"model\" : \"new\\\"1\" , \"v\":0 }" },
		{ "{\"m\":[1, 2],\"model\":null,\"v\":1}",
		    "{\"m\":[1, 2],\"model\":\"new\\\"1\",\"v\":1}" },
		{ "{\"gone\":1,\"model\":1,\"v\":1}",
		    "{\"model\":\"new\\\"1\",\"v\":1}" },
		{ "{\"model\":1, \"gone\":{\"a\":[]} , \"v\":1}",
		    "{\"model\":\"new\\\"1\", \"v\":1}" },
		{ "{\"model\":1,\"v\":1,\"gone\":1 }",
		    "{\"model\":\"new\\\"1\",\"v\":1}" },
		{ "{\"v\":1,\"gone\":1}", "{\"model\":\"new\\\"1\",\"v\":1}" },
		{ "{\"gone\":1}", "{\"model\":\"new\\\"1\",\"v\":{\"x\":1}}" },
		{ "{\"v\":1,\"mod\\u0065l\":\"x\"}",
		    "{\"v\":1,\"mod\\u0065l\":\"new\\\"1\"}" },
		{ "{\"a\":{\"model\":1},\"model\":2,\"v\":0}",
		    "{\"a\":{\"model\":1},\"model\":\"new\\\"1\",\"v\":0}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(buf_free) struct buf b = BUF_INIT;
		struct json_span top;
		struct error e;

		assert_int_equal(
		    json_parse(cases[i].from, strlen(cases[i].from), &top, &e),
		    0);
		assert_int_equal(rewrite(&top, edits, 3, &b, &e), 0);
		assert_string_equal(buf_str(&b), cases[i].to);
		assert_int_equal(json_parse(buf_str(&b), b.len, &top, &e), 0);
	}
}

static void
test_what_two_could_read_differently_is_refused(void **state)
{
	static const char *const cases[] = { "[]", "\"x\"",
		"{\"model\":1,\"model\":2}", "{\"model\":1,\"m\\u006fdel\":2}",
		"{\"gone\":1,\"gone\":1}" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(buf_free) struct buf b = BUF_INIT;
		struct json_span top;
		struct error e;

		assert_int_equal(
		    json_parse(cases[i], strlen(cases[i]), &top, &e), 0);
		assert_int_equal(rewrite(&top, edits, 3, &b, &e), -1);
		assert_int_equal(e.code, ERR_INVALID);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_the_edited_members_change),
		cmocka_unit_test(
		    test_what_two_could_read_differently_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
