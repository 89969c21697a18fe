/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h - what a request to inference.local is: method and path against the
 * table of model APIs.  Pure; the path comes from the sandbox.
 *
 *	/v1/chat/completions            the default route, or one by alias
 *	/<provider>/v1/chat/completions the route of that provider or name
 */
#ifndef ROUTERD_API_H
#define ROUTERD_API_H

#include <stdbool.h>

#include "common/http/slice.h"

enum protocol {
	PROTOCOL_CHAT,        /* OpenAI chat completions */
	PROTOCOL_COMPLETIONS, /* OpenAI completions */
	PROTOCOL_RESPONSES,   /* OpenAI responses */
	PROTOCOL_EMBEDDINGS,  /* OpenAI embeddings */
	PROTOCOL_MODELS,      /* OpenAI's and Anthropic's lists */
	PROTOCOL_MESSAGES,    /* Anthropic messages */
	PROTOCOL_COUNT,       /* Anthropic token counting */
	PROTOCOL_INVOKE,      /* Bedrock InvokeModel */
	PROTOCOL_INVOKE_STREAM,
	PROTOCOL_MAX_
};

struct api_request {
	enum protocol protocol;
	bool has_body;            /* a JSON body must come */
	struct http_slice prefix; /* "<provider>"; absent: none was given */
	struct http_slice path;   /* from "/v1" or "/model" on */
};

/* False: it is no request for a model.  path is canonical, without query. */
bool api_match(
    struct http_slice method, struct http_slice path, struct api_request *ret);

/* "openai_chat_completions", as logs and route files name it. */
const char *api_protocol_name(enum protocol);
/* By that name; false: there is none. */
bool api_protocol_find(const char *name, enum protocol *ret);

#endif
