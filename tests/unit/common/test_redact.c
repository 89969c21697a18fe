/* SPDX-License-Identifier: Apache-2.0 */
/* test_redact.c - what comes back is hidden, however it is cut and spelled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/credential/injected.h"
#include "common/credential/redact.h"

#define C INJECTED_SHOWN

static const struct {
	const char *why;
	const char *secrets[3];
	const char *text;
	const char *want;
} texts[] = {
	{ "as it is", { "secret" }, "a secret b", "a " C " b" },
	{ "alone", { "secret" }, "secret", C },
	{ "twice", { "secret" }, "secretsecret", C C },
	{ "none", { "secret" }, "a secre b", "a secre b" },
	{ "begun again", { "secret" }, "sesecret", "se" C },
	{ "begun at the end", { "secret" }, "a secre", "a secre" },
	{ "of itself", { "aaab" }, "aaaaab", "aa" C },
	{ "one in another", { "abcd", "abcdefgh" }, "abcdefgh abcdefg",
	    C " " C "efg" },
	{ "one behind another", { "abcd", "efgh" }, "abcdefgh", C C },
	{ "percent-encoded", { "a/b+c d" }, "x=a%2Fb%2Bc%20d&y=a%2fb%2bc%20d",
	    "x=" C "&y=" C },
	{ "as in a path", { "a:b\"cd" }, "/a:b%22cd/a%3Ab%22cd", "/" C "/" C },
	{ "as in JSON", { "a\"b\\c" }, "{\"a\\\"b\\\\c\"}", "{\"" C "\"}" },
	{ "as in JSON with slashes", { "ab/cd" }, "\"ab\\/cd\"", "\"" C "\"" },
	{ "too short", { "abc" }, "abc", "abc" },
	{ "empty", { "secret" }, "", "" },
};

static void
test_no_split_lets_a_secret_through(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *t = texts[i].text;
		struct injected in = { 0 };
		_cleanup_(buf_free) struct buf whole = BUF_INIT;
		struct redact_stream bytes = { 0 };
		struct redact *r;

		print_message("%s\n", texts[i].why);
		for (size_t j = 0; j < 3 && texts[i].secrets[j] != NULL; j++)
			assert_true(injected_add(&in, "K", texts[i].secrets[j],
			    strlen(texts[i].secrets[j])));
		r = redact_new(&in);
		assert_int_equal(redact_text(r, t, strlen(t), &whole),
		    strcmp(t, texts[i].want) != 0);
		assert_string_equal(buf_str(&whole), texts[i].want);
		for (size_t at = 0; at <= strlen(t); at++) {
			struct redact_stream s = { 0 };

			redact_feed(r, &s, t, at);
			redact_feed(r, &s, t + at, strlen(t) - at);
			redact_end(r, &s);
			assert_string_equal(buf_str(&s.out), texts[i].want);
			redact_stream_clear(&s);
		}
		for (size_t at = 0; at < strlen(t); at++)
			redact_feed(r, &bytes, t + at, 1);
		redact_end(r, &bytes);
		assert_string_equal(buf_str(&bytes.out), texts[i].want);
		redact_stream_clear(&bytes);
		redact_free(r);
		injected_clear(&in);
	}
}

static void
test_what_can_t_be_a_secret_isn_t_held(void **state)
{
	struct injected in = { 0 };
	struct redact_stream s = { 0 };
	struct redact *r;

	(void)state;
	assert_true(injected_add(&in, "K", "secret", 6));
	r = redact_new(&in);
	redact_feed(r, &s, "data: secr", 10);
	assert_string_equal(buf_str(&s.out), "data: ");
	redact_feed(r, &s, "ecy\n\n", 5);
	assert_string_equal(buf_str(&s.out), "data: secrecy\n\n");
	redact_stream_clear(&s);
	redact_free(r);
	injected_clear(&in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_split_lets_a_secret_through),
		cmocka_unit_test(test_what_can_t_be_a_secret_isn_t_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
