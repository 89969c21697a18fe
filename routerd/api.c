/* SPDX-License-Identifier: Apache-2.0 */
/* api.c - see api.h. */
#include <string.h>

#include "routerd/api.h"

/* In a path '*' is one segment that isn't empty, '?' one that no server reads
 * as more than that.  A model whose name has a '/' is found in the list alone:
 * its path can't be told from one below another model. */
static const struct {
	enum protocol protocol;
	const char *name;
	const char *method;
	const char *path;
} rows[] = {
	{ PROTOCOL_CHAT, "openai_chat_completions", "POST",
	    "/v1/chat/completions" },
	{ PROTOCOL_COMPLETIONS, "openai_completions", "POST",
	    "/v1/completions" },
	{ PROTOCOL_RESPONSES, "openai_responses", "POST", "/v1/responses" },
	{ PROTOCOL_EMBEDDINGS, "openai_embeddings", "POST", "/v1/embeddings" },
	{ PROTOCOL_MODELS, "model_discovery", "GET", "/v1/models" },
	{ PROTOCOL_MODELS, "model_discovery", "GET", "/v1/models/?" },
	{ PROTOCOL_MESSAGES, "anthropic_messages", "POST", "/v1/messages" },
	{ PROTOCOL_COUNT, "anthropic_count_tokens", "POST",
	    "/v1/messages/count_tokens" },
	{ PROTOCOL_INVOKE, "aws_bedrock_invoke", "POST", "/model/*/invoke" },
	{ PROTOCOL_INVOKE_STREAM, "aws_bedrock_invoke_stream", "POST",
	    "/model/*/invoke-with-response-stream" },
};

static bool
is_plain(struct http_slice segment)
{
	return memchr(segment.p, '%', segment.n) == NULL &&
	       !http_slice_is(segment, ".") && !http_slice_is(segment, "..");
}

static bool
path_is(struct http_slice s, const char *pattern)
{
	size_t i = 0;

	for (; *pattern != '\0'; pattern++) {
		size_t from = i;

		if (*pattern != '*' && *pattern != '?') {
			if (i == s.n || s.p[i++] != *pattern)
				return false;
			continue;
		}
		while (i < s.n && s.p[i] != '/')
			i++;
		if (i == from)
			return false;
		if (*pattern == '?' &&
		    !is_plain((struct http_slice){ s.p + from, i - from }))
			return false;
	}
	return i == s.n;
}

static bool
match(struct http_slice method, struct http_slice path, struct api_request *ret)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!http_slice_is(method, rows[i].method) ||
		    !path_is(path, rows[i].path))
			continue;
		ret->protocol = rows[i].protocol;
		ret->has_body = rows[i].protocol != PROTOCOL_MODELS;
		ret->path = path;
		return true;
	}
	return false;
}

bool
api_match(
    struct http_slice method, struct http_slice path, struct api_request *ret)
{
	const char *slash;

	*ret = (struct api_request){ 0 };
	if (match(method, path, ret))
		return true;
	if (path.n < 2)
		return false;
	slash = memchr(path.p + 1, '/', path.n - 1);
	if (slash == NULL || slash == path.p + 1)
		return false;
	ret->prefix =
	    (struct http_slice){ path.p + 1, (size_t)(slash - path.p) - 1 };
	return match(method,
	    (struct http_slice){ slash, path.n - (size_t)(slash - path.p) },
	    ret);
}

const char *
api_protocol_name(enum protocol p)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].protocol == p)
			return rows[i].name;
	return "";
}

bool
api_protocol_find(const char *name, enum protocol *ret)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].name, name) == 0) {
			*ret = rows[i].protocol;
			return true;
		}
	}
	return false;
}
