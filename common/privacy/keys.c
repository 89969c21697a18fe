/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.c - see keys.h.
 *
 * A list of exceptions: what isn't here is text.  And a value of an excepted
 * member is one only while it has the shape of one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/privacy/keys.h"
#include "common/privacy/text.h"

#define CODE_MAX 256
#define TOOL_MAX 64
#define MEDIA_MIN 64 /* shorter ones may be anything */

static const struct key {
	const char *name;
	enum key_kind kind;
} keys[] = {
	/* Sorted, for bsearch(). */
	{ "allowed_tools", KEY_TEXT },
	{ "anthropic_beta", KEY_CODE },
	{ "anthropic_version", KEY_CODE },
	{ "arguments", KEY_FREE },
	{ "audio", KEY_TEXT },
	{ "b64_json", KEY_MEDIA },
	{ "budget_tokens", KEY_TEXT },
	{ "bytes", KEY_MEDIA },
	{ "cache_control", KEY_TEXT },
	{ "call_id", KEY_CODE },
	{ "choices", KEY_TEXT },
	{ "citations", KEY_TEXT },
	{ "container", KEY_TEXT },
	{ "content", KEY_PARTS },
	{ "contents", KEY_TEXT },
	{ "conversation", KEY_TEXT },
	{ "custom", KEY_TEXT },
	{ "data", KEY_MEDIA },
	{ "delta", KEY_TEXT },
	{ "description", KEY_TEXT },
	{ "detail", KEY_CODE },
	{ "developer", KEY_TEXT },
	{ "dimensions", KEY_TEXT },
	{ "effort", KEY_CODE },
	{ "encoding_format", KEY_CODE },
	{ "encrypted_content", KEY_MEDIA },
	{ "file", KEY_TEXT },
	{ "file_data", KEY_MEDIA },
	{ "file_id", KEY_CODE },
	{ "format", KEY_TEXT },
	{ "frequency_penalty", KEY_TEXT },
	{ "function", KEY_TEXT },
	{ "functionCall", KEY_TEXT },
	{ "functionDeclarations", KEY_TEXT },
	{ "functionResponse", KEY_TEXT },
	{ "function_call", KEY_TEXT },
	{ "function_declarations", KEY_TEXT },
	{ "function_response", KEY_TEXT },
	{ "functions", KEY_TEXT },
	{ "id", KEY_CODE },
	{ "image_url", KEY_URL },
	{ "include", KEY_TEXT },
	{ "index", KEY_TEXT },
	{ "input", KEY_INPUT },
	{ "input_audio", KEY_TEXT },
	{ "input_schema", KEY_FREE },
	{ "instructions", KEY_TEXT },
	{ "is_error", KEY_TEXT },
	{ "item_id", KEY_CODE },
	{ "json_schema", KEY_FREE },
	{ "logit_bias", KEY_TEXT },
	{ "logprobs", KEY_TEXT },
	{ "max_completion_tokens", KEY_TEXT },
	{ "max_output_tokens", KEY_TEXT },
	{ "max_tokens", KEY_TEXT },
	{ "mcp_servers", KEY_TEXT },
	{ "media_type", KEY_CODE },
	{ "messages", KEY_TEXT },
	{ "metadata", KEY_FREE },
	{ "mime_type", KEY_CODE },
	{ "modalities", KEY_TEXT },
	{ "model", KEY_CODE },
	{ "n", KEY_TEXT },
	{ "name", KEY_TOOL },
	{ "object", KEY_CODE },
	{ "output", KEY_PARTS },
	{ "parallel_tool_calls", KEY_TEXT },
	{ "parameters", KEY_FREE },
	{ "parts", KEY_TEXT },
	{ "presence_penalty", KEY_TEXT },
	{ "previous_response_id", KEY_CODE },
	{ "prompt", KEY_TEXT },
	{ "prompt_cache_key", KEY_TEXT },
	{ "reasoning", KEY_TEXT },
	{ "reasoning_content", KEY_TEXT },
	{ "reasoning_effort", KEY_CODE },
	{ "refusal", KEY_TEXT },
	{ "response_format", KEY_TEXT },
	{ "role", KEY_CODE },
	{ "schema", KEY_FREE },
	{ "seed", KEY_TEXT },
	{ "service_tier", KEY_CODE },
	{ "signature", KEY_MEDIA },
	{ "source", KEY_TEXT },
	{ "status", KEY_CODE },
	{ "stop", KEY_TEXT },
	{ "stop_sequences", KEY_TEXT },
	{ "store", KEY_TEXT },
	{ "stream", KEY_TEXT },
	{ "stream_options", KEY_TEXT },
	{ "strict", KEY_TEXT },
	{ "suffix", KEY_TEXT },
	{ "summary", KEY_TEXT },
	{ "system", KEY_TEXT },
	{ "temperature", KEY_TEXT },
	{ "text", KEY_TEXT },
	{ "thinking", KEY_TEXT },
	{ "thoughtSignature", KEY_MEDIA },
	{ "thought_signature", KEY_MEDIA },
	{ "title", KEY_TEXT },
	{ "tool_call_id", KEY_CODE },
	{ "tool_calls", KEY_TEXT },
	{ "tool_choice", KEY_CODE },
	{ "tool_use_id", KEY_CODE },
	{ "tools", KEY_TEXT },
	{ "top_k", KEY_TEXT },
	{ "top_logprobs", KEY_TEXT },
	{ "top_p", KEY_TEXT },
	{ "truncation", KEY_CODE },
	{ "type", KEY_CODE },
	{ "url", KEY_URL },
	{ "user", KEY_TEXT },
	{ "verbosity", KEY_CODE },
};

struct wanted {
	const char *name;
	size_t n;
};

static int
compare(const void *a, const void *b)
{
	const struct wanted *w = a;
	const struct key *k = b;
	int order;

	if (w->n > 0 && w->name[0] != k->name[0])
		return (uint8_t)w->name[0] < (uint8_t)k->name[0] ? -1 : 1;
	order = strncmp(w->name, k->name, w->n);
	return order != 0 ? order : -(k->name[w->n] != '\0');
}

enum key_kind
key_kind(const char *name, size_t n)
{
	struct wanted w = { name, n };
	const struct key *k = bsearch(
	    &w, keys, sizeof(keys) / sizeof(keys[0]), sizeof(keys[0]), compare);

	return k != NULL ? k->kind : KEY_UNKNOWN;
}

static bool
is_all(const char *value, size_t n, unsigned classes, const char *others)
{
	for (size_t i = 0; i < n; i++)
		if (!is(value[i], classes) &&
		    (value[i] == '\0' || strchr(others, value[i]) == NULL))
			return false;
	return true;
}

bool
key_is_code(const char *value, size_t n)
{
	return n <= CODE_MAX && is_all(value, n, IS_URL64, ".:/");
}

bool
key_is_tool(const char *value, size_t n)
{
	return n <= TOOL_MAX && is_all(value, n, IS_URL64, "");
}

bool
key_is_media(const char *value, size_t n)
{
	return n >= MEDIA_MIN && is_all(value, n, IS_ANY64, "=");
}

bool
key_is_media_url(const char *value, size_t n)
{
	static const char base64[] = ";base64,";
	const char *at;
	size_t head;

	if (n < 5 || memcmp(value, "data:", 5) != 0)
		return false;
	at = memmem(
	    value, n < CODE_MAX ? n : CODE_MAX, base64, sizeof(base64) - 1);
	if (at == NULL)
		return false;
	head = (size_t)(at - value);
	return is_all(value, head, IS_URL64, ":/.+;=") &&
	       is_all(at + 8, n - head - 8, IS_ANY64, "=");
}
