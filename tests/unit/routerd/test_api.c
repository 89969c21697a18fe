/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "routerd/api.h"

static struct http_slice
slice(const char *s)
{
	return (struct http_slice){ s, strlen(s) };
}

static void
test_only_what_the_table_says_is_a_model_s(void **state)
{
	static const struct {
		const char *method, *path, *name, *prefix;
	} cases[] = {
		{ "POST", "/v1/chat/completions", "openai_chat_completions",
		    NULL },
		{ "POST", "/v1/completions", "openai_completions", NULL },
		{ "POST", "/v1/responses", "openai_responses", NULL },
		{ "POST", "/v1/embeddings", "openai_embeddings", NULL },
		{ "GET", "/v1/models", "model_discovery", NULL },
		{ "GET", "/v1/models/gpt-4.1", "model_discovery", NULL },
		{ "POST", "/v1/messages", "anthropic_messages", NULL },
		{ "POST", "/v1/messages/count_tokens", "anthropic_count_tokens",
		    NULL },
		{ "POST", "/model/a.b-v1:0/invoke", "aws_bedrock_invoke",
		    NULL },
		{ "POST", "/model/x/invoke-with-response-stream",
		    "aws_bedrock_invoke_stream", NULL },
		{ "POST", "/my-openai/v1/chat/completions",
		    "openai_chat_completions", "my-openai" },
		{ "GET", "/p/v1/models", "model_discovery", "p" },
		{ "GET", "/v1/chat/completions", NULL, NULL },
		{ "POST", "/v1/models", NULL, NULL },
		{ "GET", "/v1/models/", NULL, NULL },
		{ "GET", "/v1/models/x/y", NULL, NULL },
		{ "GET", "/v1/models/x/", NULL, NULL },
		{ "GET", "/v1/models/x%2Fy", NULL, NULL },
		{ "GET", "/v1/models/..%2Fadmin", NULL, NULL },
		{ "GET", "/v1/models/.", NULL, NULL },
		{ "GET", "/v1/models/..", NULL, NULL },
		{ "GET", "/p/v1/models/x/y", NULL, NULL },
		{ "POST", "/v1/chat/completions/", NULL, NULL },
		{ "POST", "/v1/chat/completions/x", NULL, NULL },
		{ "POST", "/v2/chat/completions", NULL, NULL },
		{ "POST", "/model//invoke", NULL, NULL },
		{ "POST", "/model/a/b/invoke", NULL, NULL },
		{ "POST", "/a/b/v1/messages", NULL, NULL },
		{ "POST", "//v1/messages", NULL, NULL },
		{ "POST", "/", NULL, NULL },
		{ "post", "/v1/messages", NULL, NULL },
		{ "DELETE", "/v1/models/x", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct api_request r;
		bool matched =
		    api_match(slice(cases[i].method), slice(cases[i].path), &r);

		if (matched != (cases[i].name != NULL))
			fail_msg("%s %s", cases[i].method, cases[i].path);
		if (!matched)
			continue;
		assert_string_equal(
		    api_protocol_name(r.protocol), cases[i].name);
		if (cases[i].prefix == NULL)
			assert_null(r.prefix.p);
		else
			assert_true(http_slice_is(r.prefix, cases[i].prefix));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_the_table_says_is_a_model_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
