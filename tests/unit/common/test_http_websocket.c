/* SPDX-License-Identifier: Apache-2.0 */
/* test_http_websocket.c - which upgrades are upgrades, and which answers. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>

#include <cmocka.h>

#include "common/http/websocket.h"

/* The example of RFC 6455 1.3. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#define GET "GET /chat HTTP/1.1\r\nHost: h\r\n"
#define UP "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define V "Sec-WebSocket-Version: 13\r\n"
#define K "Sec-WebSocket-Key: " KEY "\r\n"
#define P "Sec-WebSocket-Protocol: "
#define X "Sec-WebSocket-Extensions: "
#define A "Sec-WebSocket-Accept: " ACCEPT "\r\n"
#define SWITCH "HTTP/1.1 101 Switching Protocols\r\n"

static int
request(const char *text, struct http_websocket *w)
{
	struct http_scan scan = { 0 };
	struct http_head head;
	struct error e;

	if (http_parse_request(
		&scan, text, strlen(text), HTTP_HEAD_MAX, &head, &e) <= 0)
		fail_msg("%s: %s", text, e.text);
	return http_websocket_request(&head, w, &e);
}

static int
response(const struct http_websocket *w, const char *text)
{
	struct http_scan scan = { 0 };
	struct http_head head;
	struct error e;

	if (http_parse_response(&scan, text, strlen(text), HTTP_HEAD_MAX,
		HTTP_ASKED_UPGRADE, &head, &e) <= 0)
		fail_msg("%s: %s", text, e.text);
	return http_websocket_response(w, &head, &e);
}

static const struct {
	const char *why;
	const char *text;
	int result;
} requests[] = {
	{ "valid", GET UP V K "\r\n", 0 },
	{ "valid, with offers", GET UP V K P "a, b\r\n" X "x; y=1\r\n\r\n", 0 },
	{ "not GET", "POST /chat HTTP/1.1\r\nHost: h\r\n" UP V K "\r\n", -1 },
	{ "HTTP/1.0", "GET /chat HTTP/1.0\r\nHost: h\r\n" UP V K "\r\n", -1 },
	{ "no Upgrade", GET "Connection: upgrade\r\n" V K "\r\n", -1 },
	{ "no Connection", GET "Upgrade: websocket\r\n" V K "\r\n", -1 },
	{ "a body", GET UP V K "Content-Length: 1\r\n\r\n", -1 },
	{ "no key", GET UP V "\r\n", -1 },
	{ "two keys", GET UP V K K "\r\n", -1 },
	{ "key of 15 bytes",
	    GET UP V "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n\r\n", -1 },
	{ "key of 17 bytes",
	    GET UP V "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZTE=\r\n\r\n",
	    -1 },
	{ "key with bits behind its end",
	    GET UP V "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n\r\n",
	    -1 },
	{ "key with a foreign digit",
	    GET UP V "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25-ZQ==\r\n\r\n",
	    -1 },
	{ "no version", GET UP K "\r\n", -1 },
	{ "two versions", GET UP K V V "\r\n", -1 },
	{ "version 8", GET UP K "Sec-WebSocket-Version: 8\r\n\r\n", -1 },
	{ "version list", GET UP K "Sec-WebSocket-Version: 13, 8\r\n\r\n", -1 },
	{ "offer that is no token", GET UP V K P "(a)\r\n\r\n", -1 },
};

static void
test_an_upgrade_has_all_its_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct http_websocket w;

		if (request(requests[i].text, &w) != requests[i].result)
			fail_msg("%s", requests[i].why);
	}
}

static const struct {
	const char *why;
	const char *text;
	int result;
} responses[] = {
	{ "valid", SWITCH UP A "\r\n", 0 },
	{ "a protocol that was offered", SWITCH UP A P "b\r\n\r\n", 0 },
	{ "an extension that was offered",
	    SWITCH UP A X "permessage-deflate; client_no_context_takeover"
			  "\r\n\r\n",
	    0 },
	{ "not 101", "HTTP/1.1 200 OK\r\n" UP A "\r\n", -1 },
	{ "no Upgrade", SWITCH "Connection: upgrade\r\n" A "\r\n", -1 },
	{ "another Upgrade",
	    SWITCH "Connection: upgrade\r\nUpgrade: h2c\r\n" A "\r\n", -1 },
	{ "no accept value", SWITCH UP "\r\n", -1 },
	{ "two accept values", SWITCH UP A A "\r\n", -1 },
	{ "another accept value",
	    SWITCH UP "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOp=\r\n"
		      "\r\n",
	    -1 },
	{ "a protocol that wasn't offered", SWITCH UP A P "c\r\n\r\n", -1 },
	{ "a prefix of one", SWITCH UP A P "bb\r\n\r\n", -1 },
	{ "two protocols in a list", SWITCH UP A P "a, b\r\n\r\n", -1 },
	{ "two protocol fields", SWITCH UP A P "a\r\n" P "b\r\n\r\n", -1 },
	{ "an extension that wasn't offered", SWITCH UP A X "x-evil\r\n\r\n",
	    -1 },
	{ "another behind one that was",
	    SWITCH UP A X "permessage-deflate, x-evil\r\n\r\n", -1 },
};

static void
test_an_answer_has_nothing_that_was_not_offered(void **state)
{
	struct http_websocket w;

	(void)state;
	assert_int_equal(
	    request(GET UP V K P
		"a\r\n" P "b\r\n" X
		"permessage-deflate; client_max_window_bits\r\n\r\n",
		&w),
	    0);
	assert_string_equal(w.accept, ACCEPT);
	for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++)
		if (response(&w, responses[i].text) != responses[i].result)
			fail_msg("%s", responses[i].why);
}

static void
test_an_offer_that_was_reduced_is_what_counts(void **state)
{
	struct http_websocket w;

	(void)state;
	assert_int_equal(request(GET UP V K X "x-a, x-b\r\n\r\n", &w), 0);
	assert_int_equal(response(&w, SWITCH UP A X "x-a\r\n\r\n"), 0);
	http_websocket_offer_only(&w, "x-b");
	assert_int_equal(response(&w, SWITCH UP A X "x-a\r\n\r\n"), -1);
	assert_int_equal(response(&w, SWITCH UP A X "x-b\r\n\r\n"), 0);
	http_websocket_offer_only(&w, "");
	assert_int_equal(response(&w, SWITCH UP A X "x-b\r\n\r\n"), -1);
}

static void
test_offers_are_bounded(void **state)
{
	static char text[HTTP_WEBSOCKET_OFFER_MAX + 400];
	struct http_websocket w;
	int n = HTTP_WEBSOCKET_OFFER_MAX;

	(void)state;
	(void)snprintf(
	    text, sizeof(text), GET UP V K P "%0*d\r\n\r\n", n - 1, 0);
	assert_int_equal(request(text, &w), 0);
	(void)snprintf(text, sizeof(text), GET UP V K P "%0*d\r\n\r\n", n, 0);
	assert_int_equal(request(text, &w), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_upgrade_has_all_its_fields),
		cmocka_unit_test(
		    test_an_answer_has_nothing_that_was_not_offered),
		cmocka_unit_test(test_an_offer_that_was_reduced_is_what_counts),
		cmocka_unit_test(test_offers_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
