/* SPDX-License-Identifier: Apache-2.0 */
/* test_http_path.c - one spelling for every path, or none. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>

#include <cmocka.h>

#include "common/http/path.h"

static struct http_slice
slice(const char *text)
{
	return (struct http_slice){ text, strlen(text) };
}

static const struct {
	const char *target;
	const char *path;
	const char *query; /* NULL: absent */
} canonical[] = {
	{ "/", "/", NULL },
	{ "", "/", NULL },
	{ "?a", "/", "a" },
	{ "/a", "/a", NULL },
	{ "/a/", "/a/", NULL },
	{ "/a?b=c", "/a", "b=c" },
	{ "/a?", "/a", "" },
	{ "/a?b?c/../d", "/a", "b?c/../d" },
	{ "http://h/a", "/a", NULL },
	{ "HTTP://h:80/a?q", "/a", "q" },
	{ "http://h", "/", NULL },
	{ "http://h?q", "/", "q" },
	/* dot segments */
	{ "/.", "/", NULL },
	{ "/./", "/", NULL },
	{ "/a/.", "/a/", NULL },
	{ "/a/./b", "/a/b", NULL },
	{ "/a/..", "/", NULL },
	{ "/a/../", "/", NULL },
	{ "/a/b/..", "/a/", NULL },
	{ "/a/b/../", "/a/", NULL },
	{ "/a/b/../c", "/a/c", NULL },
	{ "/a/b/../../c", "/c", NULL },
	{ "/%2e/a", "/a", NULL },
	{ "/a/%2e%2e/b", "/b", NULL },
	{ "/a/.%2E/b", "/b", NULL },
	{ "/...", "/...", NULL },
	{ "/.a/..b/c..", "/.a/..b/c..", NULL },
	/* empty segments */
	{ "//", "/", NULL },
	{ "//a//b//", "/a/b/", NULL },
	{ "/a//../b", "/b", NULL },
	/* parameters */
	{ "/a;x=1/b;y", "/a/b", NULL },
	{ "/a;", "/a", NULL },
	{ "/;x", "/", NULL },
	{ "/a/;x", "/a/", NULL },
	{ "/a/;x/b", "/a/b", NULL },
	{ "/a/..;x/b", "/b", NULL },
	{ "/a/.;/b", "/a/b", NULL },
	{ "/a%3bx/b", "/a/b", NULL },
	{ "/a;%2e%2e/b", "/a/b", NULL },
	/* spelling */
	{ "/%41%7a%2d", "/Az-", NULL },
	{ "/a%20b", "/a%20b", NULL },
	{ "/%c3%a4", "/%C3%A4", NULL },
	{ "/%f0%9f%98%80", "/%F0%9F%98%80", NULL },
	{ "/!$&'()*+,=:@~_-.", "/!$&'()*+,=:@~_-.", NULL },
	{ "/\"<>[]^`{|}\\", "/%22%3C%3E%5B%5D%5E%60%7B%7C%7D%5C", NULL },
	{ "/a%3fb", "/a%3Fb", NULL },
	{ "/a%23b", "/a%23b", NULL },
	{ "/%252e%252e/a", "/%252e%252e/a", NULL },
	{ "/%252F", "/%252F", NULL },
	{ "/a\\b", "/a%5Cb", NULL },
	{ "/A", "/A", NULL },
	/* query */
	{ "/?a=%00%0A%20+", "/", "a=%00%0A%20+" },
	{ "/?%c3%a4=x", "/", "%c3%a4=x" },
};

static void
test_every_spelling_has_one_canonical_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(canonical) / sizeof(canonical[0]); i++) {
		struct http_path p;
		struct error e;

		if (http_path_canon(slice(canonical[i].target), false, &p, &e) <
		    0)
			fail_msg("'%s': %s", canonical[i].target, e.text);
		assert_string_equal(p.path, canonical[i].path);
		assert_int_equal(p.len, strlen(p.path));
		assert_false(p.has_encoded_slash);
		if (!canonical[i].query)
			assert_null(p.query.p);
		else if (!http_slice_is(p.query, canonical[i].query))
			fail_msg("query of '%s'", canonical[i].target);
	}
}

static void
test_canonicalising_again_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(canonical) / sizeof(canonical[0]); i++) {
		struct http_path once, twice;
		struct error e;

		assert_int_equal(http_path_canon(slice(canonical[i].target),
				     true, &once, &e),
		    0);
		assert_int_equal(
		    http_path_canon(slice(once.path), true, &twice, &e), 0);
		assert_string_equal(once.path, twice.path);
	}
}

static const struct {
	const char *why;
	const char *target;
} refused[] = {
	{ "asterisk", "*" },
	{ "relative", "a/b" },
	{ "above the root", "/.." },
	{ "above the root, later", "/a/../.." },
	{ "above the root, encoded", "/%2e%2e/a" },
	{ "above the root, with parameters", "/..;x/a" },
	{ "above the root behind an empty segment", "//../a" },
	{ "fragment", "/a#b" },
	{ "fragment behind the query", "/a?b#c" },
	{ "raw control byte", "/a\x01" },
	{ "raw TAB", "/a\tb" },
	{ "raw space", "/a b" },
	{ "raw DEL", "/\x7f" },
	{ "raw non-ASCII", "/\xc3\xa4" },
	{ "escape cut at the end", "/a%4" },
	{ "escape without digits", "/a%" },
	{ "escape that isn't hex", "/a%4g" },
	{ "escape cut by a slash", "/a%4/b" },
	{ "escape cut by the query", "/a%?41" },
	{ "broken escape in parameters", "/a;%4" },
	{ "encoded NUL", "/a%00" },
	{ "encoded LF", "/a%0a" },
	{ "encoded DEL", "/a%7f" },
	{ "encoded NUL in parameters", "/a;b%00" },
	{ "overlong dot", "/%c0%ae%c0%ae/a" },
	{ "overlong slash", "/..%c0%af" },
	{ "surrogate", "/%ed%a0%80" },
	{ "character cut by a raw byte", "/%c3a" },
	{ "character cut by the end", "/a%e2%82" },
	{ "raw half of a character", "/%a4" },
	{ "above U+10FFFF", "/%f4%90%80%80" },
	{ "encoded slash", "/a%2fb" },
	{ "encoded slash in parameters", "/a;%2F" },
	{ "backslash and dots", "/a/..\\..\\b" },
	{ "encoded backslash and dots", "/a/x%5c.." },
	{ "backslash and one dot", "/.\\a" },
	{ "broken escape in the query", "/?a=%4" },
	{ "query that isn't UTF-8", "/?a=%ff" },
	{ "overlong in the query", "/?a=%c0%af" },
	{ "space in the query", "/?a b" },
	{ "non-ASCII in the query", "/?\xc3\xa4" },
};

static void
test_what_two_servers_read_differently_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct http_path p;
		struct error e = { 0 };

		if (http_path_canon(slice(refused[i].target), false, &p, &e) ==
		    0)
			fail_msg("%s: gave '%s'", refused[i].why, p.path);
		assert_int_equal(e.code, ERR_INVALID);
	}
}

static void
test_an_encoded_slash_is_kept_where_it_may_be(void **state)
{
	struct http_path p, again;
	struct error e;

	(void)state;
	assert_int_equal(
	    http_path_canon(slice("/a%2fb/c%2F/%2Fd"), true, &p, &e), 0);
	assert_string_equal(p.path, "/a%2Fb/c%2F/%2Fd");
	assert_true(p.has_encoded_slash);
	assert_int_equal(http_path_canon(slice(p.path), true, &again, &e), 0);
	assert_string_equal(again.path, p.path);
	assert_int_equal(http_path_canon(slice("/a;%2F"), true, &p, &e), 0);
	assert_true(p.has_encoded_slash);
	assert_int_equal(http_path_canon(slice("/a%252Fb"), true, &p, &e), 0);
	assert_false(p.has_encoded_slash);
}

static void
test_dots_beside_an_encoded_slash_are_refused(void **state)
{
	static const char *const targets[] = { "/a/..%2fb", "/a/b%2F..",
		"/a/b%2f..%2fc", "/.%2f", "/%2f.", "/a%2f%2e%2e", "/%2F..;x",
		"/x%2F..%5Cy" };

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct http_path p;
		struct error e;

		if (http_path_canon(slice(targets[i]), true, &p, &e) == 0)
			fail_msg("%s gave %s", targets[i], p.path);
	}
}

static int
canon_repeated(const char *unit, size_t n, struct error *e)
{
	static char text[3 * HTTP_PATH_MAX + 8];
	struct http_path p;
	size_t at = 1;

	text[0] = '/';
	for (size_t i = 0; i < n; i++, at += strlen(unit))
		memcpy(text + at, unit, strlen(unit));
	text[at] = '\0';
	return http_path_canon(slice(text), false, &p, e);
}

static void
test_long_paths_are_over_the_limit(void **state)
{
	struct error e;

	(void)state;
	assert_int_equal(canon_repeated("a", HTTP_PATH_MAX - 1, &e), 0);
	assert_int_equal(canon_repeated("a", HTTP_PATH_MAX, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	/* Grows when it is encoded. */
	assert_int_equal(canon_repeated("|", HTTP_PATH_MAX / 3, &e), 0);
	assert_int_equal(canon_repeated("|", HTTP_PATH_MAX / 3 + 1, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(canon_repeated("/", HTTP_PATH_MAX, &e), -1);
}

static void
test_query_parameters_come_one_by_one(void **state)
{
	struct http_slice rest = slice("&a=1&&b&c==&=d"), name, value;
	char out[16];

	(void)state;
	assert_true(http_query_next(&rest, &name, &value));
	assert_true(http_slice_is(name, "a") && http_slice_is(value, "1"));
	assert_true(http_query_next(&rest, &name, &value));
	assert_true(http_slice_is(name, "b") && !value.p);
	assert_true(http_query_next(&rest, &name, &value));
	assert_true(http_slice_is(name, "c") && http_slice_is(value, "="));
	assert_true(http_query_next(&rest, &name, &value));
	assert_true(name.n == 0 && http_slice_is(value, "d"));
	assert_false(http_query_next(&rest, &name, &value));

	assert_int_equal(http_query_decode(slice("a+%62%C3%a4"), out), 5);
	assert_memory_equal(out, "a b\xc3\xa4", 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_spelling_has_one_canonical_form),
		cmocka_unit_test(test_canonicalising_again_changes_nothing),
		cmocka_unit_test(
		    test_what_two_servers_read_differently_is_refused),
		cmocka_unit_test(test_an_encoded_slash_is_kept_where_it_may_be),
		cmocka_unit_test(test_dots_beside_an_encoded_slash_are_refused),
		cmocka_unit_test(test_long_paths_are_over_the_limit),
		cmocka_unit_test(test_query_parameters_come_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
