/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/varlink/frame.h"
#include "common/varlink/message.h"
#include "common/xalloc.h"

static void
test_a_frame_is_found_at_every_split(void **state)
{
	static const char bytes[] = "{\"a\":1}\0{}";
	struct error e;

	(void)state;
	for (size_t cut = 0; cut <= 8; cut++) {
		size_t scanned = 0;
		size_t len = 99;

		if (cut < 8) {
			assert_int_equal(
			    frame_find(bytes, cut, &scanned, &len, &e), 0);
			assert_int_equal(scanned, cut);
			assert_int_equal(len, 99);
		}
		assert_int_equal(
		    frame_find(bytes, sizeof(bytes), &scanned, &len, &e), 1);
		assert_int_equal(len, 7);
		assert_int_equal(scanned, 0);
	}
}

static void
test_a_frame_has_a_limit(void **state)
{
	size_t max = VARLINK_FRAME_MAX;
	autofree char *bytes = xcalloc(1, max + 2);
	size_t scanned = 0;
	struct error e;
	size_t len;

	(void)state;
	memset(bytes, ' ', max);
	assert_int_equal(frame_find(bytes, max, &scanned, &len, &e), 0);
	assert_int_equal(frame_find(bytes, max + 1, &scanned, &len, &e), 1);
	assert_int_equal(len, max);

	bytes[max] = ' ';
	assert_int_equal(frame_find(bytes, max + 1, &scanned, &len, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	scanned = 0;
	assert_int_equal(frame_find(bytes, max + 2, &scanned, &len, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
test_texts_the_parser_would_take_are_refused(void **state)
{
	static const struct {
		const char *why;
		const char *text;
		enum error_code code;
	} cases[] = {
		{ "fine", "{\"a\":[1,{\"b\":\"\\\"\\\\\"}]}", ERR_NONE },
		{ "space around", " \t\r\n{} \n", ERR_NONE },
		{ "an escaped backslash before u0000", "{\"a\":\"\\\\u0000\"}",
		    ERR_NONE },
		{ "brackets in a string", "{\"a\":\"[[{{\"}", ERR_NONE },
		{ "nothing", "", ERR_PROTOCOL },
		{ "a byte order mark", "\xef\xbb\xbf{}", ERR_PROTOCOL },
		{ "an array", "[{}]", ERR_PROTOCOL },
		{ "an escaped NUL", "{\"a\":\"x\\u0000y\"}", ERR_PROTOCOL },
		{ "an escaped NUL in a key", "{\"\\u0000\":1}", ERR_PROTOCOL },
		{ "a control character in a string", "{\"a\":\"\n\"}",
		    ERR_PROTOCOL },
		{ "a control character outside", "{\x01}", ERR_PROTOCOL },
		{ "DEL outside", "{\x7f}", ERR_PROTOCOL },
		{ "half a character", "{\"a\":\"\xc3\"}", ERR_PROTOCOL },
		{ "an overlong character", "{\"a\":\"\xc0\xaf\"}",
		    ERR_PROTOCOL },
		{ "a surrogate", "{\"a\":\"\xed\xa0\x80\"}", ERR_PROTOCOL },
		{ "text outside a string", "{\xc3\xa4}", ERR_PROTOCOL },
		{ "an unended string", "{\"a", ERR_PROTOCOL },
		{ "an unended escape", "{\"a\\", ERR_PROTOCOL },
	};
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = frame_check(cases[i].text, &e);

		print_message("%s\n", cases[i].why);
		assert_int_equal(r, cases[i].code == ERR_NONE ? 0 : -1);
		if (r < 0)
			assert_int_equal(e.code, cases[i].code);
	}
}

/* {"a": and then so many brackets. */
static int
check_depth(size_t n)
{
	char text[2100] = "{\"a\":";
	struct error e;
	int r;

	memset(text + 5, '[', n);
	memset(text + 5 + n, ']', n);
	text[5 + 2 * n] = '}';
	r = frame_check(text, &e);
	if (r < 0)
		assert_int_equal(e.code, ERR_LIMIT);
	return r;
}

static void
test_depth_has_a_limit(void **state)
{
	(void)state;
	assert_int_equal(check_depth(VARLINK_DEPTH_MAX - 1), 0);
	assert_int_equal(check_depth(VARLINK_DEPTH_MAX), -1);
	assert_int_equal(check_depth(1000), -1);
}

static void
test_the_number_of_values_has_a_limit(void **state)
{
	_cleanup_(buf_free) struct buf text = BUF_INIT;
	struct error e;

	(void)state;
	(void)buf_puts(&text, "{\"a\":[0");
	for (int i = 0; i < FRAME_VALUES_MAX - 2; i++)
		(void)buf_puts(&text, ",0");
	assert_int_equal(frame_check(buf_str(&text), &e), 0);
	(void)buf_puts(&text, ",0");
	assert_int_equal(frame_check(buf_str(&text), &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
test_a_truncated_call_is_refused_at_every_length(void **state)
{
	static const char text[] =
	    "{\"method\":\"a.b\",\"parameters\":{\"x\":[1,\"y\"]},"
	    "\"more\":true}";
	struct message m;
	struct error e;

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		autofree char *cut = xstrndup(text, len);

		assert_int_equal(message_parse_call(cut, len, &m, &e), -1);
	}
	assert_int_equal(message_parse_call(text, sizeof(text) - 1, &m, &e), 0);
	assert_string_equal(m.method, "a.b");
	assert_true(m.more);
	assert_false(m.oneway);
	message_clear(&m);
}

static void
test_a_reply_is_as_strict_as_a_call(void **state)
{
	static const struct {
		const char *why;
		const char *text;
		int r;
	} cases[] = {
		{ "nothing in it", "{}", 0 },
		{ "parameters", "{\"parameters\":{}}", 0 },
		{ "no parameters", "{\"parameters\":null}", 0 },
		{ "an error", "{\"error\":\"a.b\"}", 0 },
		{ "an error that continues",
		    "{\"error\":\"a.b\",\"continues\":true}", -1 },
		{ "an error that isn't a name", "{\"error\":null}", -1 },
		{ "continues that isn't a flag", "{\"continues\":1}", -1 },
		{ "a member of calls", "{\"more\":true}", -1 },
		{ "an unknown member", "{\"x\":1}", -1 },
		{ "the same twice", "{\"parameters\":{},\"parameters\":{}}",
		    -1 },
		{ "another case", "{\"Parameters\":{}}", -1 },
	};
	struct message m;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].why);
		assert_int_equal(message_parse_reply(cases[i].text,
				     strlen(cases[i].text), &m, &e),
		    cases[i].r);
		if (cases[i].r == 0)
			message_clear(&m);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_frame_is_found_at_every_split),
		cmocka_unit_test(test_a_frame_has_a_limit),
		cmocka_unit_test(test_texts_the_parser_would_take_are_refused),
		cmocka_unit_test(test_depth_has_a_limit),
		cmocka_unit_test(test_the_number_of_values_has_a_limit),
		cmocka_unit_test(
		    test_a_truncated_call_is_refused_at_every_length),
		cmocka_unit_test(test_a_reply_is_as_strict_as_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
