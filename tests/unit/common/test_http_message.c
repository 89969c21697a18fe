/* SPDX-License-Identifier: Apache-2.0 */
/* test_http_message.c - which heads are messages, and which are refused. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>

#include <cmocka.h>

#include "common/http/message.h"

/* Starts a request that is fine, with more fields to come. */
#define GET "GET /a HTTP/1.1\r\nHost: h.example\r\n"
#define POST "POST /a HTTP/1.1\r\nHost: h.example\r\n"
#define OK "HTTP/1.1 200 OK\r\n"
#define END "\r\n"

static ssize_t
request(const char *text, struct http_head *head, struct error *e)
{
	struct http_scan scan = { 0 };

	return http_parse_request(
	    &scan, text, strlen(text), HTTP_HEAD_MAX, head, e);
}

static ssize_t
response(const char *text, enum http_asked asked, struct http_head *head,
    struct error *e)
{
	struct http_scan scan = { 0 };

	return http_parse_response(
	    &scan, text, strlen(text), HTTP_HEAD_MAX, asked, head, e);
}

static void
check(bool ok, const char *why)
{
	if (!ok)
		fail_msg("%s", why);
}

static const struct {
	const char *why;
	const char *text;
	unsigned status;
} refused_requests[] = {
	{ "bare LF ends a line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400 },
	{ "bare LF ends the head", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400 },
	{ "bare CR in a value", GET "A: b\rX: y" END END, 400 },
	{ "bare CR ends the line", GET "A: b\rContent-Length: 5" END END, 400 },
	{ "empty first line", "\r\n" GET END, 400 },
	{ "obs-fold", GET "A: b\r\n c" END END, 400 },
	{ "obs-fold with TAB", GET "A: b\r\n\tc" END END, 400 },
	{ "fold of the first field", "GET / HTTP/1.1\r\n Host: h" END END,
	    400 },
	{ "space before the colon", GET "A : b" END END, 400 },
	{ "TAB before the colon", GET "A\t: b" END END, 400 },
	{ "name without a colon", GET "A" END END, 400 },
	{ "empty name", GET ": b" END END, 400 },
	{ "name is no token", GET "A(b): c" END END, 400 },
	{ "non-ASCII name", GET "\xc3\xa4: c" END END, 400 },
	{ "control byte in a value", GET "A: \x01" END END, 400 },
	{ "DEL in a value", GET "A: \x7f" END END, 400 },
	{ "vertical tab in a value",
	    GET "A: \x0b"
		"b" END END,
	    400 },
	{ "Latin-1 in a value", GET "A: \xe4" END END, 400 },
	{ "overlong UTF-8 in a value", GET "A: \xc0\xaf" END END, 400 },
	{ "surrogate in a value", GET "A: \xed\xa0\x80" END END, 400 },
	{ "UTF-8 cut by the line end", GET "A: \xe2\x82" END END, 400 },
	{ "two spaces behind the method", "GET  / HTTP/1.1\r\nHost: h" END END,
	    400 },
	{ "two spaces behind the target", "GET /  HTTP/1.1\r\nHost: h" END END,
	    400 },
	{ "space behind the version", "GET / HTTP/1.1 \r\nHost: h" END END,
	    400 },
	{ "TAB for a space", "GET\t/ HTTP/1.1\r\nHost: h" END END, 400 },
	{ "no target", "GET HTTP/1.1\r\nHost: h" END END, 400 },
	{ "HTTP/0.9", "GET /\r\nHost: h" END END, 400 },
	{ "no method", " / HTTP/1.1\r\nHost: h" END END, 400 },
	{ "method is no token", "G(T / HTTP/1.1\r\nHost: h" END END, 400 },
	{ "long method", "GETGETGETGETGETGETGETGETGETGETGET / HTTP/1.1\r\n" END,
	    400 },
	{ "non-ASCII target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: h" END END,
	    400 },
	{ "DEL in the target", "GET /\x7f HTTP/1.1\r\nHost: h" END END, 400 },
	{ "version in lower case", "GET / http/1.1\r\nHost: h" END END, 400 },
	{ "version with more digits", "GET / HTTP/1.10\r\nHost: h" END END,
	    400 },
	{ "HTTP/1.2", "GET / HTTP/1.2\r\nHost: h" END END, 505 },
	{ "HTTP/2.0", "GET / HTTP/2.0\r\nHost: h" END END, 505 },
	{ "HTTP/0.9 as a version", "GET / HTTP/0.9\r\nHost: h" END END, 505 },
	{ "preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\n", 505 },
	{ "no Host", "GET / HTTP/1.1" END END, 400 },
	{ "two Hosts", GET "Host: h.example" END END, 400 },
	{ "two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b" END END,
	    400 },
	{ "empty Host", "GET / HTTP/1.1\r\nHost:" END END, 400 },
	{ "Host with user info", "GET / HTTP/1.1\r\nHost: a@b" END END, 400 },
	{ "Host with a path", "GET / HTTP/1.1\r\nHost: a/b" END END, 400 },
	{ "Host with a fragment", "GET / HTTP/1.1\r\nHost: a#b" END END, 400 },
	{ "Host with a backslash", "GET / HTTP/1.1\r\nHost: a\\b" END END,
	    400 },
	{ "Host with a space", "GET / HTTP/1.1\r\nHost: a b" END END, 400 },
	{ "Host with an escape", "GET / HTTP/1.1\r\nHost: a%00b" END END, 400 },
	{ "Host list", "GET / HTTP/1.1\r\nHost: a, b" END END, 400 },
	{ "relative target", "GET a HTTP/1.1\r\nHost: h" END END, 400 },
	{ "'*' without OPTIONS", "GET * HTTP/1.1\r\nHost: h" END END, 400 },
	{ "CONNECT of a path", "CONNECT / HTTP/1.1\r\nHost: h" END END, 400 },
	{ "CONNECT without port", "CONNECT h HTTP/1.1\r\nHost: h" END END,
	    400 },
	{ "CONNECT to port 0", "CONNECT h:0 HTTP/1.1\r\nHost: h" END END, 400 },
	{ "CONNECT with a body",
	    "CONNECT h:1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1" END END,
	    400 },
	{ "CONNECT with chunks",
	    "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n"
	    "Transfer-Encoding: chunked" END END,
	    400 },
	{ "CL beside TE",
	    POST "Content-Length: 5\r\nTransfer-Encoding: chunked" END END,
	    400 },
	{ "TE beside CL",
	    POST "Transfer-Encoding: chunked\r\nContent-Length: 5" END END,
	    400 },
	{ "CL 0 beside TE",
	    POST "Transfer-Encoding: chunked\r\nContent-Length: 0" END END,
	    400 },
	{ "two different CL",
	    POST "Content-Length: 5\r\nContent-Length: 6" END END, 400 },
	{ "equal CL, spelt differently",
	    POST "Content-Length: 5\r\nContent-Length: 05" END END, 400 },
	{ "CL list", POST "Content-Length: 5, 5" END END, 400 },
	{ "CL with plus", POST "Content-Length: +5" END END, 400 },
	{ "CL with minus", POST "Content-Length: -5" END END, 400 },
	{ "CL in hex", POST "Content-Length: 0x5" END END, 400 },
	{ "CL with a space inside", POST "Content-Length: 5 5" END END, 400 },
	{ "CL with a point", POST "Content-Length: 5.0" END END, 400 },
	{ "CL empty", POST "Content-Length:" END END, 400 },
	{ "CL over INT64_MAX",
	    POST "Content-Length: 9223372036854775808" END END, 400 },
	{ "CL over UINT64_MAX",
	    POST "Content-Length: 18446744073709551617" END END, 400 },
	{ "TE xchunked", POST "Transfer-Encoding: xchunked" END END, 400 },
	{ "TE gzip, chunked", POST "Transfer-Encoding: gzip, chunked" END END,
	    400 },
	{ "TE chunked, chunked",
	    POST "Transfer-Encoding: chunked, chunked" END END, 400 },
	{ "TE identity", POST "Transfer-Encoding: identity" END END, 400 },
	{ "TE empty", POST "Transfer-Encoding:" END END, 400 },
	{ "TE with a parameter", POST "Transfer-Encoding: chunked;a=b" END END,
	    400 },
	{ "TE with a trailing comma",
	    POST "Transfer-Encoding: chunked," END END, 400 },
	{ "TE with vertical tab",
	    POST "Transfer-Encoding: \x0b"
		 "chunked" END END,
	    400 },
	{ "TE with space before the colon",
	    POST "Transfer-Encoding : chunked" END END, 400 },
	{ "TE twice",
	    POST "Transfer-Encoding: chunked\r\n"
		 "Transfer-Encoding: chunked" END END,
	    400 },
	{ "TE in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked" END END,
	    400 },
	{ "Connection nominates Host", GET "Connection: Host" END END, 400 },
	{ "Connection nominates CL",
	    POST
	    "Content-Length: 5\r\nConnection: close, content-length" END END,
	    400 },
	{ "Connection nominates TE",
	    GET "Connection: transfer-encoding" END END, 400 },
	{ "Connection option is no token", GET "Connection: a b" END END, 400 },
	{ "too many Connection options",
	    GET "Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q" END END, 431 },
	{ "unknown expectation", GET "Expect: 200-ok" END END, 417 },
};

static void
test_ambiguous_requests_are_refused_with_their_status(void **state)
{
	size_t n = sizeof(refused_requests) / sizeof(refused_requests[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct error e = { 0 };
		struct http_head head;

		check(request(refused_requests[i].text, &head, &e) == -1,
		    refused_requests[i].why);
		check(head.status == refused_requests[i].status,
		    refused_requests[i].why);
		check(e.code != ERR_NONE && e.text[0] != '\0',
		    refused_requests[i].why);
	}
}

static void
test_a_nul_anywhere_is_refused(void **state)
{
	static const char text[] = GET "A: b\r\n\r\n";
	char copy[sizeof(text)];

	(void)state;
	for (size_t i = 0; i + 3 < sizeof(text) - 1; i++) {
		struct http_scan scan = { 0 };
		struct error e;
		struct http_head head;

		memcpy(copy, text, sizeof(text));
		copy[i] = '\0';
		assert_int_equal(
		    http_parse_request(&scan, copy, sizeof(text) - 1,
			HTTP_HEAD_MAX, &head, &e),
		    -1);
	}
}

static const struct {
	const char *why;
	const char *text;
	enum http_target form;
	enum http_framing framing;
	uint64_t length;
	bool keep_alive;
} accepted_requests[] = {
	{ "plain", GET END, HTTP_TARGET_ORIGIN, HTTP_NO_BODY, 0, true },
	{ "1.0 without Host", "GET / HTTP/1.0" END END, HTTP_TARGET_ORIGIN,
	    HTTP_NO_BODY, 0, false },
	{ "1.0 with keep-alive all the same closes",
	    "GET / HTTP/1.0\r\nConnection: keep-alive" END END,
	    HTTP_TARGET_ORIGIN, HTTP_NO_BODY, 0, false },
	{ "close", GET "Connection: x, Close" END END, HTTP_TARGET_ORIGIN,
	    HTTP_NO_BODY, 0, false },
	{ "absolute", "GET http://h/x HTTP/1.1\r\nHost: h" END END,
	    HTTP_TARGET_ABSOLUTE, HTTP_NO_BODY, 0, true },
	{ "asterisk", "OPTIONS * HTTP/1.1\r\nHost: h" END END,
	    HTTP_TARGET_ASTERISK, HTTP_NO_BODY, 0, true },
	{ "authority", "CONNECT h:443 HTTP/1.1\r\nHost: h:443" END END,
	    HTTP_TARGET_AUTHORITY, HTTP_NO_BODY, 0, true },
	{ "CONNECT with an empty body, as some libraries say",
	    "CONNECT h:443 HTTP/1.1\r\nHost: h\r\nContent-Length: 0" END END,
	    HTTP_TARGET_AUTHORITY, HTTP_NO_BODY, 0, true },
	{ "length", POST "Content-Length: 42" END END, HTTP_TARGET_ORIGIN,
	    HTTP_LENGTH, 42, true },
	{ "length 0", POST "Content-Length: 0" END END, HTTP_TARGET_ORIGIN,
	    HTTP_LENGTH, 0, true },
	{ "largest length", POST "Content-Length: 9223372036854775807" END END,
	    HTTP_TARGET_ORIGIN, HTTP_LENGTH, INT64_MAX, true },
	{ "same length twice",
	    POST "Content-Length: 7\r\nCONTENT-LENGTH:7 " END END,
	    HTTP_TARGET_ORIGIN, HTTP_LENGTH, 7, true },
	{ "GET with a body", GET "Content-Length: 7" END END,
	    HTTP_TARGET_ORIGIN, HTTP_LENGTH, 7, true },
	{ "chunked in any case", POST "transfer-encoding:CHUNKED" END END,
	    HTTP_TARGET_ORIGIN, HTTP_CHUNKED, 0, true },
	{ "UTF-8 value", GET "A: \xe2\x82\xac\xf0\x9f\x98\x80" END END,
	    HTTP_TARGET_ORIGIN, HTTP_NO_BODY, 0, true },
	{ "TAB in a value", GET "A: b\tc" END END, HTTP_TARGET_ORIGIN,
	    HTTP_NO_BODY, 0, true },
	{ "Connection with empty elements", GET "Connection: , ,a," END END,
	    HTTP_TARGET_ORIGIN, HTTP_NO_BODY, 0, true },
};

static void
test_plain_requests_are_understood(void **state)
{
	size_t n = sizeof(accepted_requests) / sizeof(accepted_requests[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct error e = { 0 };
		struct http_head head;
		const char *why = accepted_requests[i].why;

		check(request(accepted_requests[i].text, &head, &e) ==
			  (ssize_t)strlen(accepted_requests[i].text),
		    why);
		check(head.target_form == accepted_requests[i].form, why);
		check(head.framing == accepted_requests[i].framing, why);
		check(head.content_length == accepted_requests[i].length, why);
		check(head.keep_alive == accepted_requests[i].keep_alive, why);
	}
}

static void
test_fields_are_trimmed_and_found(void **state)
{
	struct error e;
	struct http_head head;

	(void)state;
	assert_true(request(GET "X-One: \t a b \t\r\nauthorization:Bearer x\r\n"
				"X-Empty:\r\n\r\n",
			&head, &e) > 0);
	assert_int_equal(head.n_headers, 4);
	assert_true(http_slice_is(head.method, "GET"));
	assert_true(http_slice_is(head.target, "/a"));
	assert_true(http_slice_is(head.host, "h.example"));
	assert_true(
	    http_slice_is(http_head_find(&head, "x-one")->value, "a b"));
	assert_true(http_slice_is(
	    http_head_get(&head, HTTP_AUTHORIZATION)->value, "Bearer x"));
	assert_int_equal(http_head_find(&head, "x-empty")->value.n, 0);
	assert_null(http_head_find(&head, "x-none"));
	assert_null(http_head_get(&head, HTTP_COOKIE));
	assert_int_equal(http_head_count(&head, HTTP_HOST), 1);
}

static const struct {
	const char *name;
	enum http_field field;
	bool hop;
} names[] = {
	{ "Authorization", HTTP_AUTHORIZATION, false },
	{ "connection", HTTP_CONNECTION, true },
	{ "Content-Encoding", HTTP_CONTENT_ENCODING, false },
	{ "Content-Type", HTTP_CONTENT_TYPE, false },
	{ "COOKIE", HTTP_COOKIE, false },
	{ "HTTP2-Settings", HTTP_HTTP2_SETTINGS, true },
	{ "Keep-Alive", HTTP_KEEP_ALIVE, true },
	{ "Proxy-Authenticate", HTTP_PROXY_AUTHENTICATE, true },
	{ "Proxy-Authentication-Info", HTTP_PROXY_AUTHENTICATION_INFO, true },
	{ "Proxy-Authorization", HTTP_PROXY_AUTHORIZATION, true },
	{ "Proxy-Connection", HTTP_PROXY_CONNECTION, true },
	{ "Sec-WebSocket-Accept", HTTP_SEC_WEBSOCKET_ACCEPT, false },
	{ "Sec-WebSocket-Extensions", HTTP_SEC_WEBSOCKET_EXTENSIONS, false },
	{ "Sec-WebSocket-Key", HTTP_SEC_WEBSOCKET_KEY, false },
	{ "Sec-WebSocket-Protocol", HTTP_SEC_WEBSOCKET_PROTOCOL, false },
	{ "Sec-WebSocket-Version", HTTP_SEC_WEBSOCKET_VERSION, false },
	{ "TE", HTTP_TE, true },
	{ "Trailer", HTTP_TRAILER, true },
	{ "Upgrade", HTTP_UPGRADE, true },
	{ "Via", HTTP_VIA, false },
	{ "X-Nominated", HTTP_OTHER, true },
	{ "X-Other", HTTP_OTHER, false },
	/* Same slot of the table as others, but not the same name. */
	{ "Ha-t", HTTP_OTHER, false },
};

static void
test_known_names_are_known_and_hop_by_hop_ones_marked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct error e;
		struct http_head head;
		char text[200];

		(void)snprintf(text, sizeof(text),
		    GET "%s: x\r\nConnection: x-nominated\r\n\r\n",
		    names[i].name);
		check(request(text, &head, &e) > 0, names[i].name);
		check(head.headers[1].field == names[i].field, names[i].name);
		check(head.headers[1].hop == names[i].hop, names[i].name);
	}
}

static void
test_upgrades_need_both_fields(void **state)
{
	static const struct {
		const char *text;
		bool websocket, h2c, any;
	} rows[] = {
		{ GET "Upgrade: WebSocket\r\nConnection: Upgrade" END END, true,
		    false, true },
		{ GET "Upgrade: websocket" END END, false, false, true },
		{ GET "Connection: upgrade" END END, false, false, false },
		{ GET "Upgrade: xwebsocket\r\nConnection: Upgrade" END END,
		    false, false, true },
		{ GET "Upgrade: a, websocket\r\nConnection: a, UPGRADE" END END,
		    true, false, true },
		{ GET "Upgrade: h2c\r\nConnection: Upgrade" END END, false,
		    true, true },
		{ GET "HTTP2-Settings: AAMAAABk" END END, false, true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error e;
		struct http_head head;

		check(request(rows[i].text, &head, &e) > 0, rows[i].text);
		check(
		    head.upgrade_websocket == rows[i].websocket, rows[i].text);
		check(head.upgrade_h2c == rows[i].h2c, rows[i].text);
		check(head.upgrade == rows[i].any, rows[i].text);
	}
}

static void
test_a_head_may_come_a_byte_at_a_time(void **state)
{
	static const char text[] = POST "Expect: 100-continue\r\n"
					"Content-Length: 3\r\n\r\nabcGET";
	size_t head_size = strlen(text) - 6;
	struct http_scan scan = { 0 };
	struct error e;
	struct http_head head;

	(void)state;
	for (size_t n = 0; n < head_size; n++) {
		assert_int_equal(http_parse_request(
				     &scan, text, n, HTTP_HEAD_MAX, &head, &e),
		    0);
		assert_int_equal(scan.seen, n);
	}
	assert_int_equal(http_parse_request(&scan, text, strlen(text),
			     HTTP_HEAD_MAX, &head, &e),
	    head_size);
	assert_true(head.expect_continue);
	assert_int_equal(scan.seen, 0);
}

static void
test_an_expectation_counts_in_1_1_only(void **state)
{
	struct error e;
	struct http_head head;

	(void)state;
	assert_true(request(GET "Expect: 100-CONTINUE\r\n\r\n", &head, &e) > 0);
	assert_true(head.expect_continue);
	assert_true(request("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n",
			&head, &e) > 0);
	assert_false(head.expect_continue);
}

static void
test_a_head_over_the_limit_is_431_at_once(void **state)
{
	struct http_scan scan = { 0 };
	struct error e;
	struct http_head head;
	static const char text[] = GET END;

	(void)state;
	assert_int_equal(http_parse_request(&scan, text, strlen(text),
			     strlen(text), &head, &e),
	    strlen(text));
	assert_int_equal(http_parse_request(&scan, text, strlen(text),
			     strlen(text) - 1, &head, &e),
	    -1);
	assert_int_equal(head.status, 431);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
test_more_fields_than_the_limit_are_431(void **state)
{
	static char text[HTTP_HEAD_MAX];
	struct error e;
	struct http_head head;
	size_t n = (size_t)sprintf(text, GET);

	(void)state;
	for (int i = 1; i < HTTP_HEADERS_MAX; i++)
		n += (size_t)sprintf(text + n, "a:\r\n");
	(void)sprintf(text + n, "\r\n");
	assert_int_equal(request(text, &head, &e), n + 2);
	(void)sprintf(text + n, "a:\r\n\r\n");
	assert_int_equal(request(text, &head, &e), -1);
	assert_int_equal(head.status, 431);
}

static const struct {
	const char *why;
	const char *text;
	enum http_asked asked;
	enum http_framing framing;
	uint64_t length;
	bool keep_alive;
} accepted_responses[] = {
	{ "length", OK "Content-Length: 3" END END, HTTP_ASKED, HTTP_LENGTH, 3,
	    true },
	{ "chunked", OK "Transfer-Encoding: chunked" END END, HTTP_ASKED,
	    HTTP_CHUNKED, 0, true },
	{ "neither: until close", OK END, HTTP_ASKED, HTTP_UNTIL_CLOSE, 0,
	    false },
	{ "no reason", "HTTP/1.1 200\r\nContent-Length: 0" END END, HTTP_ASKED,
	    HTTP_LENGTH, 0, true },
	{ "empty reason", "HTTP/1.1 200 \r\nContent-Length: 0" END END,
	    HTTP_ASKED, HTTP_LENGTH, 0, true },
	{ "1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1" END END, HTTP_ASKED,
	    HTTP_LENGTH, 1, false },
	{ "HEAD", OK "Content-Length: 3" END END, HTTP_ASKED_HEAD, HTTP_NO_BODY,
	    3, true },
	{ "HEAD, chunked", OK "Transfer-Encoding: chunked" END END,
	    HTTP_ASKED_HEAD, HTTP_NO_BODY, 0, true },
	{ "204", "HTTP/1.1 204 No Content" END END, HTTP_ASKED, HTTP_NO_BODY, 0,
	    true },
	{ "304 with a length", "HTTP/1.1 304 N\r\nContent-Length: 3" END END,
	    HTTP_ASKED, HTTP_NO_BODY, 3, true },
	{ "100", "HTTP/1.1 100 Continue" END END, HTTP_ASKED, HTTP_NO_BODY, 0,
	    true },
	{ "103", "HTTP/1.1 103 E\r\nLink: </a>" END END, HTTP_ASKED,
	    HTTP_NO_BODY, 0, true },
	{ "101 that was asked for", "HTTP/1.1 101 S" END END,
	    HTTP_ASKED_UPGRADE, HTTP_NO_BODY, 0, true },
	{ "upgrade declined", OK "Content-Length: 9" END END,
	    HTTP_ASKED_UPGRADE, HTTP_LENGTH, 9, true },
	{ "CONNECT's 200", OK "Content-Length: 9" END END, HTTP_ASKED_CONNECT,
	    HTTP_NO_BODY, 9, true },
	{ "CONNECT's 407", "HTTP/1.1 407 P\r\nContent-Length: 9" END END,
	    HTTP_ASKED_CONNECT, HTTP_LENGTH, 9, true },
	{ "Latin-1 in a value", OK "A: \xe4\r\nContent-Length: 0" END END,
	    HTTP_ASKED, HTTP_LENGTH, 0, true },
	{ "a Host that is none", OK "Host: @\r\nContent-Length: 0" END END,
	    HTTP_ASKED, HTTP_LENGTH, 0, true },
};

static void
test_the_end_of_a_response_is_where_the_rfc_says(void **state)
{
	size_t n = sizeof(accepted_responses) / sizeof(accepted_responses[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct error e = { 0 };
		struct http_head head;
		const char *why = accepted_responses[i].why;

		check(response(accepted_responses[i].text,
			  accepted_responses[i].asked, &head,
			  &e) == (ssize_t)strlen(accepted_responses[i].text),
		    why);
		check(head.framing == accepted_responses[i].framing, why);
		check(head.content_length == accepted_responses[i].length, why);
		check(head.keep_alive == accepted_responses[i].keep_alive, why);
		check(http_is_interim(&head) ==
			  (head.status == 100 || head.status == 103),
		    why);
	}
}

static const struct {
	const char *why;
	const char *text;
	enum http_asked asked;
} refused_responses[] = {
	{ "no HTTP", "SSH-2.0-x\r\n\r\n", HTTP_ASKED },
	{ "ICY", "ICY 200 OK" END END, HTTP_ASKED },
	{ "HTTP/2", "HTTP/2.0 200 OK" END END, HTTP_ASKED },
	{ "two digits", "HTTP/1.1 20 OK" END END, HTTP_ASKED },
	{ "four digits", "HTTP/1.1 2000 OK" END END, HTTP_ASKED },
	{ "status 099", "HTTP/1.1 099 OK" END END, HTTP_ASKED },
	{ "status 600", "HTTP/1.1 600 OK" END END, HTTP_ASKED },
	{ "no status", "HTTP/1.1" END END, HTTP_ASKED },
	{ "control byte in the reason", "HTTP/1.1 200 \x01" END END,
	    HTTP_ASKED },
	{ "bare LF", "HTTP/1.1 200 OK\n\n", HTTP_ASKED },
	{ "CL beside TE",
	    OK "Content-Length: 5\r\nTransfer-Encoding: chunked" END END,
	    HTTP_ASKED },
	{ "CL beside TE, even to HEAD",
	    OK "Content-Length: 5\r\nTransfer-Encoding: chunked" END END,
	    HTTP_ASKED_HEAD },
	{ "two lengths", OK "Content-Length: 5\r\nContent-Length: 6" END END,
	    HTTP_ASKED },
	{ "TE gzip", OK "Transfer-Encoding: gzip, chunked" END END,
	    HTTP_ASKED },
	{ "TE in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked" END END,
	    HTTP_ASKED },
	{ "folded line", OK "A: b\r\n c" END END, HTTP_ASKED },
	{ "101 that wasn't asked for", "HTTP/1.1 101 S" END END, HTTP_ASKED },
	{ "101 to HEAD", "HTTP/1.1 101 S" END END, HTTP_ASKED_HEAD },
};

static void
test_ambiguous_responses_are_bad_gateways(void **state)
{
	size_t n = sizeof(refused_responses) / sizeof(refused_responses[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct error e = { 0 };
		struct http_head head;

		check(response(refused_responses[i].text,
			  refused_responses[i].asked, &head, &e) == -1,
		    refused_responses[i].why);
		check(head.status == 502, refused_responses[i].why);
		check(e.text[0] != '\0', refused_responses[i].why);
	}
}

static const struct {
	const char *text;
	enum http_guess guess;
} guesses[] = {
	{ "", HTTP_GUESS_MORE },
	{ "G", HTTP_GUESS_MORE },
	{ "GET", HTTP_GUESS_MORE },
	{ "GET ", HTTP_GUESS_MORE },
	{ "GET /", HTTP_GUESS_1 },
	{ "GET ht", HTTP_GUESS_MORE },
	{ "GET HTTP", HTTP_GUESS_1 },
	{ "GET ftp", HTTP_GUESS_OTHER },
	{ "OPTIONS *", HTTP_GUESS_1 },
	{ "PR", HTTP_GUESS_MORE },
	{ "PRI ", HTTP_GUESS_MORE },
	{ "PRI *", HTTP_GUESS_2 },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4", HTTP_GUESS_2 },
	{ "PRI * HTTP/1.1\r\n", HTTP_GUESS_1 },
	{ "PROPFIND /", HTTP_GUESS_1 },
	{ "\x16\x03\x01", HTTP_GUESS_OTHER },
	{ "SSH-2.0-OpenSSH_9.2p1 Debian", HTTP_GUESS_OTHER },
	{ "EHLO me", HTTP_GUESS_OTHER },
	{ "get /", HTTP_GUESS_OTHER },
	{ " /", HTTP_GUESS_OTHER },
	{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", HTTP_GUESS_MORE },
	{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", HTTP_GUESS_OTHER },
};

static void
test_first_bytes_tell_http_from_the_rest(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++)
		check(http_guess(guesses[i].text, strlen(guesses[i].text)) ==
			  guesses[i].guess,
		    guesses[i].text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_ambiguous_requests_are_refused_with_their_status),
		cmocka_unit_test(test_a_nul_anywhere_is_refused),
		cmocka_unit_test(test_plain_requests_are_understood),
		cmocka_unit_test(test_fields_are_trimmed_and_found),
		cmocka_unit_test(
		    test_known_names_are_known_and_hop_by_hop_ones_marked),
		cmocka_unit_test(test_upgrades_need_both_fields),
		cmocka_unit_test(test_a_head_may_come_a_byte_at_a_time),
		cmocka_unit_test(test_an_expectation_counts_in_1_1_only),
		cmocka_unit_test(test_a_head_over_the_limit_is_431_at_once),
		cmocka_unit_test(test_more_fields_than_the_limit_are_431),
		cmocka_unit_test(
		    test_the_end_of_a_response_is_where_the_rfc_says),
		cmocka_unit_test(test_ambiguous_responses_are_bad_gateways),
		cmocka_unit_test(test_first_bytes_tell_http_from_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
