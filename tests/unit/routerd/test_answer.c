/* SPDX-License-Identifier: Apache-2.0 */
/* test_answer.c - a backend that echoes its key doesn't leak it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "common/credential/injected.h"
#include "common/http/write.h"
#include "routerd/answer.h"
#include "routerd/table.h"

#define KEY "sk-g0lden/0123"
#define SHOWN INJECTED_SHOWN

static struct route
route_with_key(void)
{
	struct injected in = { 0 };
	struct route r = { 0 };

	assert_true(injected_add(&in, "key", KEY, strlen(KEY)));
	r.redact = redact_new(&in);
	injected_clear(&in);
	return r;
}

static void
parse(struct http_head *head, const char *text)
{
	struct http_scan scan = { 0 };
	struct error e;

	assert_int_equal(http_parse_response(&scan, text, strlen(text),
			     HTTP_HEAD_MAX, HTTP_ASKED, head, &e),
	    strlen(text));
}

#define JSON "application/json"
#define STREAM "text/event-stream"

static const struct {
	const char *type, *came, *goes;
} bodies[] = {
	{ JSON, "{\"echo\":\"" KEY "\"}", "{\"echo\":\"" SHOWN "\"}" },
	{ JSON, KEY, SHOWN },
	{ JSON, KEY KEY, SHOWN SHOWN },
	{ JSON, "x" KEY "y", "x" SHOWN "y" },
	{ JSON, "sk-sk-g0lden" KEY, "sk-sk-g0lden" SHOWN },
	{ JSON, "sk-g0lden%2F0123 sk-g0lden\\/0123", SHOWN " " SHOWN },
	{ JSON, "sk-g0lden", "sk-g0lden" },
	{ "application/octet-stream", "\1" KEY, "\1" SHOWN },
	{ STREAM, "data: {\"a\":\"" KEY "\"}\n\n",
	    "data: {\"a\":\"" SHOWN "\"}\n\n" },
};

static void
feed_split(const struct route *route, const struct http_head *head,
    const char *body, size_t at, struct buf *ret)
{
	struct guard guard = { 0 };
	struct answer a;
	struct error e;
	size_t n = strlen(body);

	answer_begin(&a, route, &guard, head, false);
	assert_int_equal(answer_feed(&a, body, at, &e), 0);
	assert_int_equal(answer_feed(&a, body + at, n - at, &e), 0);
	assert_int_equal(answer_end(&a, &e), 0);
	assert_int_equal(buf_append(ret, buf_data(&a.out), a.out.len), 0);
	answer_clear(&a);
}

static void
test_a_key_in_a_body_goes_wherever_reads_split_it(void **state)
{
	struct route route = route_with_key();
	static struct http_head head;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct buf text = BUF_INIT;

		(void)buf_printf(&text,
		    "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n",
		    bodies[i].type);
		parse(&head, buf_str(&text));
		for (size_t at = 0; at <= strlen(bodies[i].came); at++) {
			struct buf out = BUF_INIT;

			feed_split(&route, &head, bodies[i].came, at, &out);
			assert_string_equal(buf_str(&out), bodies[i].goes);
			buf_free(&out);
		}
		buf_free(&text);
	}
	redact_free(route.redact);
}

static void
test_a_key_goes_that_comes_byte_by_byte(void **state)
{
	static const char body[] = "{\"echo\":\"" KEY "\"}";
	struct route route = route_with_key();
	static struct http_head head;
	struct guard guard = { 0 };
	struct answer a;
	struct error e;

	(void)state;
	parse(&head, "HTTP/1.1 200 OK\r\nContent-Type: " JSON "\r\n\r\n");
	answer_begin(&a, &route, &guard, &head, false);
	for (size_t i = 0; i < sizeof(body) - 1; i++)
		assert_int_equal(answer_feed(&a, body + i, 1, &e), 0);
	assert_int_equal(answer_end(&a, &e), 0);
	assert_string_equal(buf_str(&a.out), "{\"echo\":\"" SHOWN "\"}");
	answer_clear(&a);
	redact_free(route.redact);
}

static void
test_a_key_in_a_header_goes(void **state)
{
	static struct http_head head;
	struct route route = route_with_key();
	struct buf out = BUF_INIT;
	struct error e;

	(void)state;
	parse(&head, "HTTP/1.1 200 OK\r\n"
		     "x-echo: a " KEY " b\r\n"
		     "x-escaped: sk-g0lden%2f0123\r\n"
		     "x-other: sk-other\r\n"
		     "Content-Length: 0\r\n\r\n");
	assert_int_equal(http_write_response(&out, &head,
			     &(struct http_response_out){ .edit = redact_field,
				 .edit_arg = route.redact },
			     &e),
	    0);
	assert_null(strstr(buf_str(&out), "g0lden"));
	assert_non_null(strstr(buf_str(&out), "x-echo: a " SHOWN " b\r\n"));
	assert_non_null(strstr(buf_str(&out), "x-other: sk-other\r\n"));
	buf_free(&out);
	redact_free(route.redact);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_key_in_a_body_goes_wherever_reads_split_it),
		cmocka_unit_test(test_a_key_goes_that_comes_byte_by_byte),
		cmocka_unit_test(test_a_key_in_a_header_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
