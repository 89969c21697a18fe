/* SPDX-License-Identifier: Apache-2.0 */
/* test_report.c - the tokens that an exchange is said to have taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "routerd/exchange.h"
#include "routerd/report.h"

#define ASKED "0123456789abcdef" /* four tokens, where nobody counts */

static const struct {
	const char *why;
	enum protocol protocol;
	const char *answer;
	int64_t in, out;
} cases[] = {
	{ "embeddings take what is told, and give nothing", PROTOCOL_EMBEDDINGS,
	    "{\"object\":\"list\",\"data\":[{\"embedding\":[0.1,0.2]}],"
	    "\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}",
	    8, 0 },
	{ "embeddings that tell nothing are guessed by what was asked",
	    PROTOCOL_EMBEDDINGS, "{\"data\":[{\"embedding\":[0.1,0.2]}]}", 4,
	    0 },
	{ "embeddings in base64 are no words", PROTOCOL_EMBEDDINGS,
	    "{\"data\":[{\"embedding\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}],"
	    "\"usage\":{\"prompt_tokens\":2,\"total_tokens\":2}}",
	    2, 0 },
	{ "a chat takes and gives what is told", PROTOCOL_CHAT,
	    "{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}", 3, 5 },
	{ "a chat that tells nothing is guessed", PROTOCOL_CHAT,
	    "{\"choices\":[0123456]}", 4, 5 },
	{ "counting tokens gives none", PROTOCOL_COUNT, "{\"input_tokens\":9}",
	    4, 0 },
};

static void
test_tokens_are_told_or_guessed(void **state)
{
	struct buf asked = BUF_INIT;

	(void)state;
	assert_int_equal(buf_puts(&asked, ASKED), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct exchange x = { .body = &asked,
			.answers = true,
			.is_whole = true,
			.answered = strlen(cases[i].answer),
			.ask.api.protocol = cases[i].protocol };
		int64_t in, out;

		meter_init(&x.answer.meter, false);
		meter_feed(
		    &x.answer.meter, cases[i].answer, strlen(cases[i].answer));
		meter_finish(&x.answer.meter);
		report_tokens(&x, &in, &out);
		if (in != cases[i].in || out != cases[i].out)
			fail_msg("%s: %lld in, %lld out", cases[i].why,
			    (long long)in, (long long)out);
		meter_clear(&x.answer.meter);
	}
	buf_free(&asked);
}

static void
test_who_was_never_asked_takes_nothing(void **state)
{
	struct exchange x = { 0 };
	int64_t in, out;

	(void)state;
	report_tokens(&x, &in, &out);
	assert_int_equal(in, 0);
	assert_int_equal(out, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens_are_told_or_guessed),
		cmocka_unit_test(test_who_was_never_asked_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
