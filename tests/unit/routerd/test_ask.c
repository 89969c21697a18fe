/* SPDX-License-Identifier: Apache-2.0 */
/* test_ask.c - what of a client's head may reach a backend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "routerd/ask.h"

static const struct {
	const char *came, *goes; /* NULL: nothing is left */
} queries[] = {
	{ "limit=5&after=x", "limit=5&after=x" },
	{ "oauth_token=t", NULL },
	{ "a=1&oauth_token=t&b=2", "a=1&b=2" },
	{ "OAuth_Token=t&a=1", "a=1" },
	{ "oauth%5Ftoken=t&a=1", "a=1" },
	{ "%6fauth_toke%6E=t&a=1", "a=1" },
	{ "oauth_token&a=1", "a=1" },
	{ "key=t&api_key=t&api-key=t&apikey=t&access_token=t&token=t&auth=t",
	    NULL },
	/* No credential by its name. */
	{ "oauth_tokens=t&monkey=t", "oauth_tokens=t&monkey=t" },
};

static void
test_a_client_s_credentials_in_a_query_stay(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		static struct http_head head;
		static struct http_path path;
		struct http_scan scan = { 0 };
		struct buf text = BUF_INIT;
		struct ask ask = { 0 };
		struct error e;

		(void)buf_printf(&text,
		    "GET /v1/models?%s HTTP/1.1\r\nHost: x\r\n\r\n",
		    queries[i].came);
		assert_true(
		    http_parse_request(&scan, (const char *)buf_data(&text),
			text.len, HTTP_HEAD_MAX, &head, &e) > 0);
		assert_int_equal(
		    http_path_canon(head.target, true, &path, &e), 0);
		assert_true(ask_take_head(&ask, &head, &path, false));
		if (queries[i].goes == NULL)
			assert_null(ask.query);
		else
			assert_string_equal(ask.query, queries[i].goes);
		ask_clear(&ask);
		buf_free(&text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_client_s_credentials_in_a_query_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
