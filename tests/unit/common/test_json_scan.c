/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/json/scan.h"

static int
parse(const char *text, struct json_span *ret)
{
	struct error e;

	return json_parse(text, strlen(text), ret, &e);
}

static void
test_only_json_is_taken(void **state)
{
	static const char *const good[] = { "null", " true ", "-0.5e+10", "0",
		"\"\"", "[]", "{}", "[1,[2,{\"a\":[]}],\"x\"]",
		"{\"a\":1,\"a\":2}", "\"\\u00e9\\ud83d\\ude00\\\"\"",
		"\"\xc3\xa9\xf0\x9f\x98\x80\"", "\t[ 1 , 2 ]\r\n" };
	static const char *const bad[] = { "", " ", "nul", "nulll", "01", "1.",
		"1e", "-", "+1", ".5", "\"", "\"\\\"", "\"\\x\"", "\"\\u12g4\"",
		"\"\n\"", "[", "[1", "[1,]", "[,1]", "[1 2]", "{1:2}",
		"{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "[1}",
		"{\"a\":1]", "1 2", "[]]", "'a'", "\"\xc0\x80\"",
		"\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"",
		"// c\n1",
		"\xef\xbb\xbf"
		"1" };
	struct json_span top;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (parse(good[i], &top) < 0)
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i], &top) == 0)
			fail_msg("taken: %s", bad[i]);
	/* A NUL is no JSON, wherever it is. */
	struct error e;
	assert_int_equal(json_parse("1\0", 2, &top, &e), -1);
	assert_int_equal(json_parse("\"\\\0\"", 4, &top, &e), -1);
}

static void
test_depth_has_an_end(void **state)
{
	char text[2 * (JSON_DEPTH_MAX + 1) + 1];
	struct json_span top;
	struct error e;
	size_t n = JSON_DEPTH_MAX;

	(void)state;
	memset(text, '[', n);
	memset(text + n, ']', n);
	assert_int_equal(json_parse(text, 2 * n, &top, &e), 0);
	n++;
	memset(text, '[', n);
	memset(text + n, ']', n);
	assert_int_equal(json_parse(text, 2 * n, &top, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
test_members_are_found_where_they_lie(void **state)
{
	const char *text = " { \"a\" : [1, {\"model\":\"in\\\"ner\"}] , "
			   "\"mod\\u0065l\":\"x}y\", \"n\" :-12.5 , "
			   "\"c\":42, \"c\":43} ";
	struct json_span top, v;

	(void)state;
	assert_int_equal(parse(text, &top), 0);
	assert_int_equal(top.type, JSON_OBJECT);
	assert_int_equal(json_find(&top, "model", &v), 1);
	assert_true(json_is(&v, "x}y"));
	assert_false(json_is(&v, "x}"));
	assert_false(json_is(&v, "x}yz"));
	assert_ptr_equal(v.p, strstr(text, "\"x}y\""));
	assert_int_equal(v.n, 5);
	assert_int_equal(json_find(&top, "n", &v), 1);
	assert_memory_equal(v.p, "-12.5", v.n);
	assert_int_equal(json_count(&v), -1);
	assert_int_equal(json_find(&top, "c", &v), 2);
	assert_int_equal(json_count(&v), 42);
	assert_int_equal(json_find(&top, "inner", &v), 0);
	assert_int_equal(json_find(&top, "a", &v), 1);
	assert_int_equal(v.n, strlen("[1, {\"model\":\"in\\\"ner\"}]"));
}

static void
test_one_walk_finds_several_members(void **state)
{
	static const struct {
		const char *text;
		unsigned a, b, empty;
		const char *a_is, *b_is;
	} cases[] = {
		{ "{\"a\":1,\"b\":[{\"a\":2}],\"c\":\"}\\\"a\"}", 1, 1, 0, "1",
		    "[{\"a\":2}]" },
		{ "{\"\\u0061\":{\"b\":0},\"a\":1,\"a\":2}", 2, 0, 0,
		    "{\"b\":0}", NULL },
		{ "{ \"b\" : null , \"aa\":\"a\",\"\":[ 1, true ]}", 0, 1, 1,
		    NULL, "null" },
		{ "{\"x\":-1.5e3,\"a\":false}", 1, 0, 0, "false", NULL },
		{ "{}", 0, 0, 0, NULL, NULL },
		{ "[\"a\",1]", 0, 0, 0, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_member of[] = { { .name = "a" }, { .name = "b" },
			{ .name = "" } };
		struct json_span top;

		print_message("%s\n", cases[i].text);
		assert_int_equal(parse(cases[i].text, &top), 0);
		json_find_all(&top, of, 3);
		assert_int_equal(of[0].n, cases[i].a);
		assert_int_equal(of[1].n, cases[i].b);
		assert_int_equal(of[2].n, cases[i].empty);
		if (cases[i].a_is != NULL)
			assert_int_equal(of[0].value.n, strlen(cases[i].a_is));
		if (cases[i].a_is != NULL)
			assert_memory_equal(
			    of[0].value.p, cases[i].a_is, of[0].value.n);
		if (cases[i].b_is != NULL)
			assert_int_equal(of[1].value.n, strlen(cases[i].b_is));
		if (cases[i].b_is != NULL)
			assert_memory_equal(
			    of[1].value.p, cases[i].b_is, of[1].value.n);
	}
}

static void
test_elements_come_in_order(void **state)
{
	struct json_span top, v;
	struct json_iter it;
	int n = 0;

	(void)state;
	assert_int_equal(parse("[0, 1,2 ,[3,3],\"4\", {\"5\":5}]", &top), 0);
	for (it = json_iter(&top); json_next(&it, NULL, &v); n++)
		assert_non_null(memchr(v.p, '0' + n, v.n));
	assert_int_equal(n, 6);
	assert_int_equal(parse("3", &top), 0);
	it = json_iter(&top);
	assert_false(json_next(&it, NULL, &v));
	assert_int_equal(json_find(&top, "a", &v), 0);
}

static void
test_strings_mean_what_they_mean(void **state)
{
	static const struct {
		const char *written, *meant;
	} cases[] = {
		{ "\"\"", "" },
		{ "\"a\\n\\t\\\"\\\\\\/\"", "a\n\t\"\\/" },
		{ "\"\\u0041\\u00e9\\u20ac\"", "A\xc3\xa9\xe2\x82\xac" },
		{ "\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!" },
		{ "\"\\ud83dx\"", "\xef\xbf\xbdx" },
		{ "\"\\ude00\\ud83d\"", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
					"A" },
	};
	struct json_span v;
	char meant[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].written, &v), 0);
		meant[json_unescape(&v, meant)] = '\0';
		assert_string_equal(meant, cases[i].meant);
		assert_true(json_is(&v, cases[i].meant));
	}
}

static void
test_what_is_written_reads_back(void **state)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT;
	char all[256], meant[256];
	struct json_span v;

	(void)state;
	for (int i = 0; i < 128; i++)
		all[i] = (char)i;
	assert_int_equal(json_put_string(&b, all, 128), 0);
	assert_int_equal(parse(buf_str(&b), &v), 0);
	assert_int_equal(json_unescape(&v, meant), 128);
	assert_memory_equal(meant, all, 128);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_walk_finds_several_members),
		cmocka_unit_test(test_only_json_is_taken),
		cmocka_unit_test(test_depth_has_an_end),
		cmocka_unit_test(test_members_are_found_where_they_lie),
		cmocka_unit_test(test_elements_come_in_order),
		cmocka_unit_test(test_strings_mean_what_they_mean),
		cmocka_unit_test(test_what_is_written_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
