/* SPDX-License-Identifier: Apache-2.0 */
/* test_http_chunked.c - where a chunked body ends, and what isn't one. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>

#include <cmocka.h>

#include "common/http/chunked.h"

struct decoded {
	char data[256];
	size_t n;
	size_t used;
	bool done;
};

/* Feeds the text in pieces of the given size. */
static int
decode(const char *text, size_t n, size_t piece, struct decoded *ret,
    struct error *e)
{
	struct http_chunked d = { 0 };

	memset(ret, 0, sizeof(*ret));
	while (!d.done && ret->used < n) {
		size_t left = n - ret->used;
		struct http_slice data;
		ssize_t used = http_chunked_decode(&d, text + ret->used,
		    left < piece ? left : piece, &data, e);

		if (used < 0)
			return -1;
		assert_true(used > 0 && (size_t)used <= left);
		assert_true(ret->n + data.n <= sizeof(ret->data));
		memcpy(ret->data + ret->n, data.p, data.n);
		ret->n += data.n;
		ret->used += (size_t)used;
	}
	assert_int_equal(d.total, ret->n);
	ret->done = d.done;
	return 0;
}

static const struct {
	const char *why;
	const char *text; /* without what follows the body */
	const char *data;
} bodies[] = {
	{ "empty", "0\r\n\r\n", "" },
	{ "one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello" },
	{ "two chunks", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde" },
	{ "hex in both cases",
	    "a\r\n0123456789\r\nA\r\nabcdefghij\r\n0\r\n\r\n",
	    "0123456789abcdefghij" },
	{ "leading zeros", "0000000000000002\r\nab\r\n000\r\n\r\n", "ab" },
	{ "extensions", "2;a=b;c=\"d e\"\r\nab\r\n0;x\r\n\r\n", "ab" },
	{ "empty extension", "2;\r\nab\r\n0\r\n\r\n", "ab" },
	{ "trailers", "2\r\nab\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n", "ab" },
	{ "data that looks like framing", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n",
	    "\r\n0\r\n\r\n" },
};

static void
test_the_end_is_exact_however_the_bytes_come(void **state)
{
	static const char next[] = "GET /denied HTTP/1.1\r\n\r\n";

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		size_t size = strlen(bodies[i].text);
		char text[256];
		struct decoded got;
		struct error e;

		(void)snprintf(
		    text, sizeof(text), "%s%s", bodies[i].text, next);
		for (size_t piece = 1; piece <= strlen(text); piece++) {
			if (decode(text, strlen(text), piece, &got, &e) < 0)
				fail_msg("%s: %s", bodies[i].why, e.text);
			if (!got.done || got.used != size ||
			    got.n != strlen(bodies[i].data) ||
			    memcmp(got.data, bodies[i].data, got.n) != 0)
				fail_msg(
				    "%s, %zu at a time", bodies[i].why, piece);
		}
	}
}

static void
test_a_cut_body_is_neither_done_nor_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		for (size_t n = 0; n < strlen(bodies[i].text); n++) {
			struct decoded got;
			struct error e;

			if (decode(bodies[i].text, n, n ? n : 1, &got, &e) < 0)
				fail_msg("%s: %s", bodies[i].why, e.text);
			if (got.done || got.used != n)
				fail_msg("%s, cut at %zu", bodies[i].why, n);
		}
	}
}

static const struct {
	const char *why;
	const char *text;
} broken[] = {
	{ "no size", "\r\nab\r\n" },
	{ "no size, and nothing else", "\r\n\r\n" },
	{ "only an extension, and nothing else", ";a\r\n\r\n" },
	{ "only an extension", ";a\r\nab\r\n" },
	{ "plus", "+2\r\nab\r\n" },
	{ "minus", "-2\r\nab\r\n" },
	{ "0x", "0x2\r\nab\r\n" },
	{ "space before", " 2\r\nab\r\n" },
	{ "space behind", "2 \r\nab\r\n" },
	{ "space before the extension", "2 ;a\r\nab\r\n" },
	{ "underscore", "1_0\r\n" },
	{ "seventeen digits", "00000000000000002\r\n" },
	{ "over INT64_MAX", "8000000000000000\r\n" },
	{ "all bits", "ffffffffffffffff\r\n" },
	{ "LF ends the size", "2\nab\r\n" },
	{ "CR without LF behind the size", "2\rab\r\n" },
	{ "LF in an extension", "2;a\nab\r\n" },
	{ "CR in an extension", "2;a\rb\r\nab\r\n" },
	{ "control byte in an extension", "2;\x01\r\nab\r\n" },
	{ "chunk longer than said", "2\r\nabc\r\n" },
	{ "LF ends the chunk", "2\r\nab\n0\r\n\r\n" },
	{ "no CRLF behind the chunk", "2\r\nab0\r\n\r\n" },
	{ "CR without LF behind the chunk", "2\r\nab\rx" },
	{ "LF ends the body", "0\r\n\n" },
	{ "CR without LF ends the body", "0\r\n\rx" },
	{ "trailer without colon", "0\r\nabc\r\n\r\n" },
	{ "trailer without name", "0\r\n: x\r\n\r\n" },
	{ "folded trailer", "0\r\nA: b\r\n c\r\n\r\n" },
	{ "space in a trailer's name", "0\r\nA : b\r\n\r\n" },
	{ "LF ends a trailer", "0\r\nA: b\n\r\n" },
	{ "CR in a trailer", "0\r\nA: b\rc\r\n\r\n" },
	{ "control byte in a trailer", "0\r\nA: \x01\r\n\r\n" },
	{ "a request for a trailer", "0\r\nGET / HTTP/1.1\r\n\r\n" },
};

static void
test_broken_framing_is_refused_however_the_bytes_come(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		size_t n = strlen(broken[i].text);

		for (size_t piece = 1; piece <= n; piece++) {
			struct decoded got;
			struct error e = { 0 };

			if (decode(broken[i].text, n, piece, &got, &e) == 0)
				fail_msg("%s", broken[i].why);
			assert_int_equal(e.code, ERR_PROTOCOL);
		}
	}
}

/* Feeds head, n times middle, tail; 0 or the error's code. */
static enum error_code
repeat(const char *head, const char *middle, size_t n, const char *tail)
{
	struct http_chunked d = { 0 };
	struct http_slice data;
	struct error e;

	for (size_t i = 0; i < n + 2; i++) {
		const char *p = i == 0 ? head : i <= n ? middle : tail;
		size_t left = strlen(p);

		while (left > 0) {
			ssize_t used =
			    http_chunked_decode(&d, p, left, &data, &e);

			if (used < 0)
				return e.code;
			p += used;
			left -= (size_t)used;
		}
	}
	return d.done ? ERR_NONE : ERR_INVALID;
}

static void
test_what_surrounds_the_data_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(
	    repeat("1;", "x", HTTP_CHUNK_EXT_MAX, "\r\na\r\n0\r\n\r\n"), 0);
	assert_int_equal(
	    repeat("1;", "x", HTTP_CHUNK_EXT_MAX + 1, "\r\na\r\n0\r\n\r\n"),
	    ERR_LIMIT);
	assert_int_equal(repeat("", "1;0123456789abcdef\r\na\r\n",
			     HTTP_CHUNK_EXT_TOTAL_MAX / 16, "0\r\n\r\n"),
	    0);
	assert_int_equal(repeat("", "1;0123456789abcdef\r\na\r\n",
			     HTTP_CHUNK_EXT_TOTAL_MAX / 16 + 1, "0\r\n\r\n"),
	    ERR_LIMIT);
	/* "0\r\n" isn't trailer, the last "\r" is: 8 * 511 + 1. */
	assert_int_equal(
	    repeat("0\r\n", "a: bcd\r\n", HTTP_TRAILERS_MAX / 8 - 1, "\r\n"),
	    0);
	assert_int_equal(
	    repeat("0\r\n", "a: bcd\r\n", HTTP_TRAILERS_MAX / 8, "\r\n"),
	    ERR_LIMIT);
}

static void
test_the_largest_size_is_read_whole(void **state)
{
	static const char text[] = "7fffffffffffffff\r\nab";
	struct http_chunked d = { 0 };
	struct http_slice data;
	struct error e;

	(void)state;
	assert_int_equal(http_chunked_decode(&d, text, strlen(text), &data, &e),
	    strlen(text));
	assert_int_equal(data.n, 2);
	assert_true(d.left == (uint64_t)INT64_MAX - 2);
}

static void
test_what_is_written_is_read_back(void **state)
{
	char line[HTTP_CHUNK_SIZE_LINE];

	(void)state;
	assert_int_equal(http_chunk_size_line(0x1fe, line), 5);
	assert_string_equal(line, "1fe\r\n");
	assert_int_equal(http_chunk_size_line(UINT64_MAX, line), 18);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_end_is_exact_however_the_bytes_come),
		cmocka_unit_test(test_a_cut_body_is_neither_done_nor_broken),
		cmocka_unit_test(
		    test_broken_framing_is_refused_however_the_bytes_come),
		cmocka_unit_test(test_what_surrounds_the_data_is_bounded),
		cmocka_unit_test(test_the_largest_size_is_read_whole),
		cmocka_unit_test(test_what_is_written_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
