/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "routerd/budget.h"
#include "routerd/meter.h"

#define CHAT                                                                   \
	"data: {\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\"\"}}]}"    \
	"\n\n"                                                                 \
	"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,"                \
	"\"completion_tokens\":9,\"total_tokens\":16}}\r\n\r\n"                \
	"data: [DONE]\n\n"
#define MESSAGES                                                               \
	"event: message_start\n"                                               \
	"data: {\"type\":\"message_start\",\"message\":{\"usage\":{"           \
	"\"input_tokens\":25,\"output_tokens\":1}}}\n\n"                       \
	"event: message_delta\n"                                               \
	"data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":15}}"  \
	"\n\n"
#define RESPONSES                                                              \
	"event: response.completed\n"                                          \
	"data: {\"type\":\"response.completed\",\"response\":{\"usage\":{"     \
	"\"input_tokens\":3,\"output_tokens\":4}}}"

static const struct {
	bool is_stream;
	const char *body;
	int64_t in, out;
} cases[] = {
	{ true, CHAT, 7, 9 },
	{ true, MESSAGES, 25, 15 },
	{ true, RESPONSES, 3, 4 },
	{ true, "data: {\"usage\":null}\n\n", -1, -1 },
	{ true, "data: {\"usage\":{\"prompt_tokens\":-3}}\n\n", -1, -1 },
	{ true, ": {\"usage\":{\"prompt_tokens\":3}}\n\n", -1, -1 },
	{ false, "{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}", 1,
	    2 },
	{ false, "{\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}", 1, 2 },
	{ false, "{\"usage\":{\"prompt_tokens\":5}}", 5, -1 },
	{ false, "\"usage\"", -1, -1 },
	{ false, "{\"usage\":", -1, -1 },
};

static void
test_tokens_are_counted_whatever_the_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = strlen(cases[i].body);

		for (size_t size = 1; size <= n; size++) {
			struct meter m;

			meter_init(&m, cases[i].is_stream);
			for (size_t at = 0; at < n; at += size)
				meter_feed(&m, cases[i].body + at,
				    size < n - at ? size : n - at);
			meter_finish(&m);
			assert_int_equal(m.input_tokens, cases[i].in);
			assert_int_equal(m.output_tokens, cases[i].out);
			meter_clear(&m);
		}
	}
}

static void
test_a_line_that_is_too_long_is_passed_over(void **state)
{
	static const char last[] =
	    "\ndata: {\"usage\":{\"prompt_tokens\":1}}\n";
	char many[4096];
	struct meter m;

	(void)state;
	memset(many, 'x', sizeof(many));
	meter_init(&m, true);
	for (size_t n = 0; n <= METER_KEPT_MAX; n += sizeof(many))
		meter_feed(&m, many, sizeof(many));
	assert_true(m.lost);
	assert_true(m.kept.len <= METER_KEPT_MAX);
	meter_feed(&m, last, sizeof(last) - 1);
	assert_int_equal(m.input_tokens, 1);
	meter_clear(&m);
}

static void
test_a_budget_is_spent_and_refills(void **state)
{
	const struct budget_limits limits = { .requests_per_minute = 2,
		.tokens_per_minute = 60 };
	const struct budget_limits one = { .concurrent = 1 };
	struct budgets *b = budgets_new();

	(void)state;
	assert_int_equal(budget_begin(b, "s", "r", &limits, 1000), 0);
	assert_int_equal(budget_begin(b, "s", "r", &limits, 1000), 0);
	assert_int_equal(budget_begin(b, "s", "r", &limits, 1000), 31);
	/* Another sandbox and another route have their own. */
	assert_int_equal(budget_begin(b, "t", "r", &limits, 1000), 0);
	assert_int_equal(budget_begin(b, "s", "q", &limits, 1000), 0);
	assert_int_equal(budget_begin(b, "s", "r", &limits, 31001), 0);
	/* What an answer cost is known when it is over. */
	budget_end(b, "s", "r", 90);
	assert_int_equal(budget_begin(b, "s", "r", &limits, 61001), 2);
	assert_int_equal(budget_begin(b, "s", "r", &limits, 63001), 0);

	assert_int_equal(budget_begin(b, "c", "r", &one, 1000), 0);
	assert_int_equal(budget_begin(b, "c", "r", &one, 1000), 1);
	budget_end(b, "c", "r", 5);
	assert_int_equal(budget_begin(b, "c", "r", &one, 1000), 0);
	budgets_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens_are_counted_whatever_the_pieces),
		cmocka_unit_test(test_a_line_that_is_too_long_is_passed_over),
		cmocka_unit_test(test_a_budget_is_spent_and_refills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
