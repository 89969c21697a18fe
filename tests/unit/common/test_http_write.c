/* SPDX-License-Identifier: Apache-2.0 */
/* test_http_write.c - what leaves us of a head that came in. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/http/write.h"

static struct http_slice
slice(const char *text)
{
	return (struct http_slice){ text, strlen(text) };
}

static void
parse_request(const char *text, struct http_head *head)
{
	struct http_scan scan = { 0 };
	struct error e;

	if (http_parse_request(
		&scan, text, strlen(text), HTTP_HEAD_MAX, head, &e) <= 0)
		fail_msg("%s: %s", text, e.text);
}

static void
parse_response(const char *text, enum http_asked asked, struct http_head *head)
{
	struct http_scan scan = { 0 };
	struct error e;

	if (http_parse_response(
		&scan, text, strlen(text), HTTP_HEAD_MAX, asked, head, &e) <= 0)
		fail_msg("%s: %s", text, e.text);
}

static const struct {
	const char *why;
	const char *in;
	struct http_request_out out;
	const char *expected;
} requests[] = {
	{ "path, query and Host are ours",
	    "GET http://x/%61/../b HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n",
	    { .path = { "/b", 2 },
		.query = { "q=1", 3 },
		.authority = "h.example" },
	    "GET /b?q=1 HTTP/1.1\r\nHost: h.example\r\nA: b\r\n\r\n" },
	{ "an empty query stays", "GET /? HTTP/1.1\r\nHost: h\r\n\r\n",
	    { .path = { "/", 1 }, .query = { "", 0 }, .authority = "h" },
	    "GET /? HTTP/1.1\r\nHost: h\r\n\r\n" },
	{ "hop-by-hop fields end here",
	    "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, X-Mine\r\n"
	    "X-Mine: 1\r\nKeep-Alive: a\r\nProxy-Authorization: secret\r\n"
	    "Proxy-Connection: a\r\nTE: trailers\r\nTrailer: a\r\n"
	    "Upgrade: h2c\r\nHTTP2-Settings: a\r\nX-Other: 2\r\n\r\n",
	    { .path = { "/", 1 }, .authority = "h" },
	    "GET / HTTP/1.1\r\nHost: h\r\nX-Other: 2\r\n\r\n" },
	{ "two lengths become one",
	    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 007\r\n"
	    "Content-Length: 007\r\n\r\n",
	    { .path = { "/", 1 }, .authority = "h" },
	    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n" },
	{ "length 0 is said",
	    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
	    { .path = { "/", 1 }, .authority = "h" },
	    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n" },
	{ "chunks stay chunks",
	    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n",
	    { .path = { "/", 1 }, .authority = "h" },
	    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
	    "chunked\r\n\r\n" },
	{ "Via is added", "GET / HTTP/1.0\r\n\r\n",
	    { .path = { "/", 1 },
		.authority = "h",
		.via = "1.1 me",
		.close = 1 },
	    "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nVia: 1.1 me\r\n"
	    "\r\n" },
	{ "Via isn't added twice",
	    "GET / HTTP/1.1\r\nHost: h\r\nVia: 1.1 you\r\n\r\n",
	    { .path = { "/", 1 }, .authority = "h", .via = "1.1 me" },
	    "GET / HTTP/1.1\r\nHost: h\r\nVia: 1.1 you\r\n\r\n" },
	{ "a websocket upgrade goes on",
	    "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, upgrade\r\n"
	    "Upgrade: h2c, websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
	    { .path = { "/", 1 }, .authority = "h", .websocket = true },
	    "GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Version: 13\r\n"
	    "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" },
	{ "Expect goes on",
	    "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n",
	    { .path = { "/", 1 }, .authority = "h" },
	    "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n" },
	{ "Expect that we answered doesn't",
	    "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n",
	    { .path = { "/", 1 }, .authority = "h", .drop_expect = true },
	    "PUT / HTTP/1.1\r\nHost: h\r\n\r\n" },
	{ "extra fields come last", "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
	    { .path = { "/", 1 },
		.authority = "h",
		.extra = (const struct http_extra[]){ { "X-A", "1" },
		    { "X-B", "2" }, { 0 } } },
	    "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-B: 2\r\n\r\n" },
};

static void
test_requests_go_out_without_what_is_hop_by_hop(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		_cleanup_(buf_free) struct buf b = BUF_INIT;
		struct http_head head;
		struct error e;

		parse_request(requests[i].in, &head);
		if (http_write_request(&b, &head, &requests[i].out, &e) < 0)
			fail_msg("%s: %s", requests[i].why, e.text);
		assert_string_equal(buf_str(&b), requests[i].expected);
	}
}

static const struct {
	const char *why;
	const char *in;
	enum http_asked asked;
	struct http_response_out out;
	const char *expected;
} responses[] = {
	{ "length",
	    "HTTP/1.0 200 Fine\r\nA: b\r\nContent-Length: 3\r\n"
	    "Connection: X-Y\r\nX-Y: 1\r\nKeep-Alive: a\r\n\r\n",
	    HTTP_ASKED, { 0 },
	    "HTTP/1.1 200 Fine\r\nA: b\r\nContent-Length: 3\r\n\r\n" },
	{ "chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
	    HTTP_ASKED, { .close = true },
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	    "Connection: close\r\n\r\n" },
	{ "HEAD says the length", "HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n",
	    HTTP_ASKED_HEAD, { 0 },
	    "HTTP/1.1 200 \r\nContent-Length: 3\r\n\r\n" },
	{ "204 doesn't", "HTTP/1.1 204 N\r\nContent-Length: 0\r\n\r\n",
	    HTTP_ASKED, { 0 }, "HTTP/1.1 204 N\r\n\r\n" },
	{ "interim: neither length nor close",
	    "HTTP/1.1 103 E\r\nContent-Length: 3\r\nLink: a\r\n\r\n",
	    HTTP_ASKED, { .close = true },
	    "HTTP/1.1 103 E\r\nLink: a\r\n\r\n" },
	{ "101",
	    "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
	    "Sec-WebSocket-Accept: x\r\n\r\n",
	    HTTP_ASKED_UPGRADE, { .websocket = true },
	    "HTTP/1.1 101 S\r\nSec-WebSocket-Accept: x\r\n"
	    "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" },
};

static void
test_responses_go_out_without_what_is_hop_by_hop(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
		_cleanup_(buf_free) struct buf b = BUF_INIT;
		struct http_head head;
		struct error e;

		parse_response(responses[i].in, responses[i].asked, &head);
		if (http_write_response(&b, &head, &responses[i].out, &e) < 0)
			fail_msg("%s: %s", responses[i].why, e.text);
		assert_string_equal(buf_str(&b), responses[i].expected);
	}
}

static void
test_a_body_that_was_buffered_is_framed_anew(void **state)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT;
	struct http_request_out out = { .path = slice("/"), .authority = "h" };
	struct http_head head;
	struct error e;

	(void)state;
	parse_request("POST / HTTP/1.1\r\nHost: h\r\n"
		      "Transfer-Encoding: chunked\r\n\r\n",
	    &head);
	head.framing = HTTP_LENGTH;
	head.content_length = UINT64_C(9223372036854775807);
	assert_int_equal(http_write_request(&b, &head, &out, &e), 0);
	assert_string_equal(buf_str(&b),
	    "POST / HTTP/1.1\r\nHost: h\r\n"
	    "Content-Length: 9223372036854775807\r\n\r\n");
}

static int
edit(void *arg, const struct http_header *h, struct buf *value, struct error *e)
{
	if (http_slice_is_nocase(h->name, "x-drop"))
		return HTTP_DROP;
	if (http_slice_is_nocase(h->name, "x-fail"))
		return error_set(e, ERR_DENIED, "no");
	if (h->field != HTTP_AUTHORIZATION)
		return HTTP_KEEP;
	(void)buf_puts(value, arg);
	return HTTP_REPLACED;
}

static int
write_edited(struct buf *b, const char *field, char *secret, struct error *e)
{
	struct http_request_out out = {
		.path = slice("/"),
		.authority = "h",
		.edit = edit,
		.edit_arg = secret,
	};
	struct http_head head;
	char text[200];

	(void)snprintf(text, sizeof(text),
	    "GET / HTTP/1.1\r\nHost: h\r\n%s\r\nX-Keep: 1\r\n\r\n", field);
	parse_request(text, &head);
	return http_write_request(b, &head, &out, e);
}

static void
test_values_are_kept_dropped_or_replaced(void **state)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT;
	char secret[] = "Bearer s3cret";
	struct error e;

	(void)state;
	assert_int_equal(
	    write_edited(
		&b, "Authorization: placeholder\r\nX-Drop: 1", secret, &e),
	    0);
	assert_string_equal(buf_str(&b),
	    "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer s3cret\r\n"
	    "X-Keep: 1\r\n\r\n");
}

static void
test_a_replacement_cannot_end_its_line(void **state)
{
	char lf[] = "a\nX-Evil: 1", cr[] = "a\r", fine[] = "a";
	struct error e;

	(void)state;
	for (int i = 0; i < 3; i++) {
		_cleanup_(buf_free) struct buf b = BUF_INIT;
		char *secrets[] = { lf, cr, fine };

		assert_int_equal(
		    write_edited(&b, "Authorization: x", secrets[i], &e),
		    i < 2 ? -1 : 0);
	}
}

static void
test_an_edit_that_fails_ends_the_writing(void **state)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT;
	struct error e;

	(void)state;
	assert_int_equal(write_edited(&b, "X-Fail: 1", NULL, &e), -1);
	assert_int_equal(e.code, ERR_DENIED);
}

static void
test_extra_fields_that_cannot_be_written_are_refused(void **state)
{
	static const struct http_extra bad[][2] = {
		{ { "A b", "c" }, { 0 } },
		{ { "", "c" }, { 0 } },
		{ { "A", "b\r\nC: d" }, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		_cleanup_(buf_free) struct buf b = BUF_INIT;

		assert_int_equal(
		    http_write_answer(&b, 403, bad[i], NULL, NULL, 0, false),
		    -1);
	}
}

static void
test_a_full_buffer_is_an_error(void **state)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT;
	struct http_request_out out = { .path = slice("/"), .authority = "h" };
	struct http_head head;
	struct error e;

	(void)state;
	b.limit = 20;
	parse_request("GET / HTTP/1.1\r\nHost: h\r\n\r\n", &head);
	assert_int_equal(http_write_request(&b, &head, &out, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
test_answers_of_our_own_say_their_exact_length(void **state)
{
	static const struct http_extra extra[] = { { "X-P", "block" }, { 0 } };
	_cleanup_(buf_free) struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(http_write_answer(&b, 403, extra, "application/json",
			     "{}", 2, false),
	    0);
	assert_string_equal(buf_str(&b),
	    "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n"
	    "Content-Length: 2\r\nConnection: close\r\nX-P: block\r\n\r\n{}");
	buf_consume(&b, b.len);
	assert_int_equal(
	    http_write_answer(&b, 403, NULL, "application/json", "{}", 2, true),
	    0);
	assert_string_equal(buf_str(&b),
	    "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n"
	    "Content-Length: 2\r\nConnection: close\r\n\r\n");
	buf_consume(&b, b.len);
	assert_int_equal(
	    http_write_answer(&b, 599, NULL, NULL, NULL, 0, false), 0);
	assert_string_equal(buf_str(&b),
	    "HTTP/1.1 599 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_requests_go_out_without_what_is_hop_by_hop),
		cmocka_unit_test(
		    test_responses_go_out_without_what_is_hop_by_hop),
		cmocka_unit_test(test_a_body_that_was_buffered_is_framed_anew),
		cmocka_unit_test(test_values_are_kept_dropped_or_replaced),
		cmocka_unit_test(test_a_replacement_cannot_end_its_line),
		cmocka_unit_test(test_an_edit_that_fails_ends_the_writing),
		cmocka_unit_test(
		    test_extra_fields_that_cannot_be_written_are_refused),
		cmocka_unit_test(test_a_full_buffer_is_an_error),
		cmocka_unit_test(
		    test_answers_of_our_own_say_their_exact_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
