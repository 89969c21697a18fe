/* SPDX-License-Identifier: Apache-2.0 */
/* test_inject.c - where a placeholder becomes a secret, how that is written,
 * and where it doesn't. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/http/path.h"
#include "common/http/write.h"
#include "proxyd/inject_body.h"
#include "secrets.h"

static struct http_slice
slice(const char *text)
{
	return (struct http_slice){ text, strlen(text) };
}

static const struct {
	const char *why;
	const char *value;
	const char *written; /* NULL: kept, or refused */
	enum inject_result result;
} fields[] = {
	{ "whole", MARKER, "s3c:r\"et", INJECT_OK },
	{ "behind a scheme", "Bearer " MARKER, "Bearer s3c:r\"et", INJECT_OK },
	{ "behind two spaces", "token  " MARKER, "token  s3c:r\"et",
	    INJECT_OK },
	{ "an alias behind a scheme", "Bearer " ALIAS "TOKEN",
	    "Bearer s3c:r\"et", INJECT_OK },
	{ "nothing", "Bearer abc", NULL, INJECT_OK },
	{ "empty", "", NULL, INJECT_OK },
	{ "behind what is no scheme", "a=b " MARKER, NULL, INJECT_MISPLACED },
	{ "behind two words", "a b " MARKER, NULL, INJECT_MISPLACED },
	{ "before something", MARKER " x", NULL, INJECT_MISPLACED },
	{ "in a parameter", "a=" MARKER, NULL, INJECT_MISPLACED },
	{ "in quotes", "\"" MARKER "\"", NULL, INJECT_MISPLACED },
	{ "twice", MARKER " " MARKER, NULL, INJECT_MISPLACED },
	{ "encoded", "openshell%3Aresolve:env:TOKEN", NULL, INJECT_MISPLACED },
	{ "in other letters", "OPENSHELL:RESOLVE:ENV:TOKEN", NULL,
	    INJECT_MISPLACED },
	{ "no key", PH, NULL, INJECT_MISPLACED },
	{ "with bytes beyond ASCII", MARKER "\xc3\xa9", NULL,
	    INJECT_MISPLACED },
	{ "another's endpoint", PH "OTHER", NULL, INJECT_MISMATCH },
	{ "nobody's", PH "NOBODY", NULL, INJECT_UNAVAILABLE },
	/* me:openshell:resolve:env:TOKEN */
	{ "Basic", "Basic bWU6b3BlbnNoZWxsOnJlc29sdmU6ZW52OlRPS0VO",
	    "Basic bWU6czNjOnIiZXQ=", INJECT_OK },
	{ "basic", "bAsIc bWU6b3BlbnNoZWxsOnJlc29sdmU6ZW52OlRPS0VO",
	    "bAsIc bWU6czNjOnIiZXQ=", INJECT_OK },
	/* openshell:resolve:env:TOKEN: */
	{ "Basic with a user alone",
	    "Basic b3BlbnNoZWxsOnJlc29sdmU6ZW52OlRPS0VOOg==",
	    "Basic czNjOnIiZXQ6", INJECT_OK },
	/* me:openshell:resolve:env:OTHER */
	{ "Basic for another", "Basic bWU6b3BlbnNoZWxsOnJlc29sdmU6ZW52Ok9USEVS",
	    NULL, INJECT_MISMATCH },
	/* me:openshell:resolve:env: */
	{ "Basic without a key", "Basic bWU6b3BlbnNoZWxsOnJlc29sdmU6ZW52Og==",
	    NULL, INJECT_MISPLACED },
	{ "Basic with something else", "Basic bWU6YWJj", NULL, INJECT_OK },
	{ "Basic that is no base64", "Basic b%3", NULL, INJECT_OK },
	{ "Basic without anything", "Basic ", NULL, INJECT_OK },
};

static void
test_field_values(void **state)
{
	struct credentials *c = secrets_new();

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct injected used = { 0 };
		struct inject in = inject_with(c, &used);
		_cleanup_(buf_free) struct buf value = BUF_INIT;
		const struct http_header h = { slice("X-Key"),
			slice(fields[i].value), HTTP_OTHER, false };
		struct error e;
		int r = inject_field(&in, &h, &value, &e);

		print_message("%s\n", fields[i].why);
		assert_int_equal(in.result, fields[i].result);
		if (fields[i].written != NULL) {
			assert_int_equal(r, HTTP_REPLACED);
			assert_string_equal(buf_str(&value), fields[i].written);
			assert_true(used.n > 0);
		} else {
			assert_int_equal(
			    r, in.result == INJECT_OK ? HTTP_KEEP : -1);
			assert_int_equal(used.n, 0);
		}
		injected_clear(&used);
	}
	credentials_free(c);
}

static void
test_a_closed_request_gets_none(void **state)
{
	struct credentials *c = secrets_new();
	struct injected used = { 0 };
	struct inject in = inject_with(c, &used);
	_cleanup_(buf_free) struct buf b = BUF_INIT;
	const struct http_header h = { slice("X"), slice(MARKER), HTTP_OTHER,
		false };
	struct error e;

	(void)state;
	in.is_closed = true;
	assert_int_equal(inject_field(&in, &h, &b, &e), -1);
	assert_int_equal(in.result, INJECT_MISPLACED);
	assert_int_equal(used.n, 0);
	assert_int_equal(b.len, 0);
	credentials_free(c);
}

static const struct {
	const char *why;
	const char *path;
	const char *written; /* NULL: as it was, or refused */
	enum inject_result result;
} paths[] = {
	{ "a segment", "/" MARKER, "/s3c:r%22et", INJECT_OK },
	{ "a part of one", "/bot" MARKER "/x", "/bots3c:r%22et/x", INJECT_OK },
	{ "two", "/" MARKER "/" MARKER, "/s3c:r%22et/s3c:r%22et", INJECT_OK },
	{ "nothing", "/a/b", NULL, INJECT_OK },
	{ "a slash", "/" PH "SLASH", NULL, INJECT_UNAVAILABLE },
	{ "another's", "/" PH "OTHER", NULL, INJECT_MISMATCH },
	{ "no key", "/" PH, NULL, INJECT_OK },
};

static void
test_paths(void **state)
{
	struct credentials *c = secrets_new();

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct injected used = { 0 };
		struct inject in = inject_with(c, &used);
		static struct http_path from, to;
		struct error e;

		print_message("%s\n", paths[i].why);
		assert_int_equal(
		    http_path_canon(slice(paths[i].path), true, &from, &e), 0);
		assert_int_equal(
		    inject_path(&in, &from, &to), paths[i].written != NULL);
		assert_int_equal(in.result, paths[i].result);
		if (paths[i].written != NULL)
			assert_string_equal(to.path, paths[i].written);
		injected_clear(&used);
	}
	credentials_free(c);
}

static const struct {
	const char *query;
	const char *written;
	enum inject_result result;
} queries[] = {
	{ "a=" MARKER, "a=s3c%3Ar%22et", INJECT_OK },
	{ "a=" PH "SLASH&b=%41+c", "a=a%2Fb%2Bc%20d&b=%41+c", INJECT_OK },
	{ "a=openshell%3aresolve%3Aenv%3ATOKEN", "a=s3c%3Ar%22et", INJECT_OK },
	{ "a=x%20" MARKER "+y", "a=x%20s3c%3Ar%22et%20y", INJECT_OK },
	{ "&&a&=&b=c=d&", "&&a&=&b=c=d&", INJECT_OK },
	{ "", "", INJECT_OK },
	{ MARKER "=1", NULL, INJECT_MISPLACED },
	{ "a&" MARKER, NULL, INJECT_MISPLACED },
	{ "openshell%3Aresolve:env:TOKEN=" MARKER, NULL, INJECT_MISPLACED },
	{ "a=" PH "OTHER", NULL, INJECT_MISMATCH },
	{ "a=" PH "NOBODY", NULL, INJECT_UNAVAILABLE },
};

static void
test_queries(void **state)
{
	struct credentials *c = secrets_new();

	(void)state;
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct injected used = { 0 };
		struct inject in = inject_with(c, &used);
		_cleanup_(buf_free) struct buf b = BUF_INIT;

		print_message("%s\n", queries[i].query);
		inject_query(&in, slice(queries[i].query), &b);
		assert_int_equal(in.result, queries[i].result);
		if (queries[i].written != NULL)
			assert_string_equal(buf_str(&b), queries[i].written);
		injected_clear(&used);
	}
	credentials_free(c);
}

static const struct {
	const char *why;
	enum inject_body_kind kind;
	const char *text;
	const char *written;
	enum inject_result result;
} bodies[] = {
	{ "json", INJECT_BODY_JSON, "{ \"a\":[\"" MARKER "\", 1.50] }",
	    "{ \"a\":[\"s3c:r\\\"et\", 1.50] }", INJECT_OK },
	{ "json, escaped", INJECT_BODY_JSON,
	    "[\"openshell\\u003aresolve:env:TOKEN\"]", "[\"s3c:r\\\"et\"]",
	    INJECT_OK },
	{ "json in json", INJECT_BODY_JSON,
	    "\"{\\\"a\\\":\\\"" MARKER "\\\"}\"",
	    "\"{\\\"a\\\":\\\"s3c:r\\\"et\\\"}\"", INJECT_OK },
	{ "json without", INJECT_BODY_JSON, "{\"a\\n\": \"\\u0041\"}",
	    "{\"a\\n\": \"\\u0041\"}", INJECT_OK },
	{ "a name in json", INJECT_BODY_JSON, "{\"" MARKER "\" : 1}", NULL,
	    INJECT_MISPLACED },
	{ "an escaped name", INJECT_BODY_JSON,
	    "{\"openshell\\u003aresolve:env:TOKEN\": 1}", NULL,
	    INJECT_MISPLACED },
	{ "broken json", INJECT_BODY_JSON, "{\"a\": \"" MARKER, NULL,
	    INJECT_MISPLACED },
	{ "broken json without", INJECT_BODY_JSON,
	    "{\"a\": ", "{\"a\": ", INJECT_OK },
	{ "a form", INJECT_BODY_FORM, "a=b+c&d=" MARKER, "a=b+c&d=s3c%3Ar%22et",
	    INJECT_OK },
	{ "a name in a form", INJECT_BODY_FORM, MARKER "=1", NULL,
	    INJECT_MISPLACED },
	{ "text", INJECT_BODY_TEXT, "a " MARKER ", " MARKER,
	    "a s3c:r\"et, s3c:r\"et", INJECT_OK },
	{ "encoded in text", INJECT_BODY_TEXT, "openshell%3Aresolve:env:TOKEN",
	    NULL, INJECT_MISPLACED },
	{ "no UTF-8", INJECT_BODY_TEXT, "\xff" MARKER, NULL, INJECT_MISPLACED },
	{ "no UTF-8 without", INJECT_BODY_TEXT, "\xff", "\xff", INJECT_OK },
	{ "a secret that is a placeholder", INJECT_BODY_TEXT, PH "NESTED", NULL,
	    INJECT_MISPLACED },
	{ "another's", INJECT_BODY_TEXT, PH "OTHER", NULL, INJECT_MISMATCH },
	{ "empty", INJECT_BODY_TEXT, "", "", INJECT_OK },
};

static void
test_bodies(void **state)
{
	struct credentials *c = secrets_new();

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct injected used = { 0 };
		struct inject in = inject_with(c, &used);
		_cleanup_(buf_free) struct buf from = BUF_INIT, to = BUF_INIT;

		print_message("%s\n", bodies[i].why);
		(void)buf_puts(&from, bodies[i].text);
		inject_body(&in, bodies[i].kind, &from, &to);
		assert_int_equal(in.result, bodies[i].result);
		if (bodies[i].written != NULL)
			assert_string_equal(buf_str(&to), bodies[i].written);
		injected_clear(&used);
	}
	credentials_free(c);
}

static const struct {
	const char *head;
	enum inject_body_kind kind;
} kinds[] = {
	{ "Content-Type: application/json\r\n", INJECT_BODY_JSON },
	{ "Content-Type: Application/JSON; charset=utf-8\r\n",
	    INJECT_BODY_JSON },
	{ "Content-Type: application/vnd.api+json\r\n", INJECT_BODY_JSON },
	{ "Content-Type: application/x-www-form-urlencoded\r\n",
	    INJECT_BODY_FORM },
	{ "Content-Type: text/csv\r\n", INJECT_BODY_TEXT },
	{ "Content-Type: text/plain\r\nContent-Encoding: identity\r\n",
	    INJECT_BODY_TEXT },
	{ "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n",
	    INJECT_BODY_OPAQUE },
	{ "Content-Type: text/plain\r\nContent-Type: application/json\r\n",
	    INJECT_BODY_OPAQUE },
	{ "Content-Type: multipart/form-data; boundary=x\r\n",
	    INJECT_BODY_OPAQUE },
	{ "Content-Type: application/jsonx\r\n", INJECT_BODY_OPAQUE },
	{ "", INJECT_BODY_OPAQUE },
};

static void
test_only_what_says_what_it_is_is_rewritten(void **state)
{
	static struct http_head head;

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct http_scan scan = { 0 };
		char text[512];
		struct error e;
		int n = snprintf(text, sizeof(text),
		    "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n", kinds[i].head);

		print_message("%s\n", kinds[i].head);
		assert_true(http_parse_request(&scan, text, (size_t)n,
				sizeof(text), &head, &e) > 0);
		assert_int_equal(inject_body_kind(&head), kinds[i].kind);
	}
}

static void
test_the_log_has_names_once_each(void **state)
{
	struct injected in = { 0 };
	_cleanup_(buf_free) struct buf b = BUF_INIT;

	(void)state;
	assert_true(injected_add(&in, "A", "one", 3));
	assert_true(injected_add(&in, NULL, "b25l", 4));
	assert_true(injected_add(&in, "B", "two", 3));
	assert_true(injected_add(&in, "A", "one", 3));
	injected_describe(&in, &b);
	assert_string_equal(buf_str(&b), "A=[CREDENTIAL] B=[CREDENTIAL]");
	while (in.n < INJECTED_MAX) {
		char value[2] = { (char)('a' + in.n), '\0' };

		assert_true(injected_add(&in, "C", value, 1));
	}
	assert_false(injected_add(&in, "D", "one more", 8));
	injected_clear(&in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_field_values),
		cmocka_unit_test(test_a_closed_request_gets_none),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_only_what_says_what_it_is_is_rewritten),
		cmocka_unit_test(test_the_log_has_names_once_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
