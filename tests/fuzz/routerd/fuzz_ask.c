/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_ask.c - the first byte picks a backend, the rest is a request as a
 * sandbox sends it: what is composed for the backend can be written as a head,
 * has the route's key and model, and of the client's fields and query only what
 * may go on.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/http/message.h"
#include "common/json/scan.h"
#include "common/wire/router.h"
#include "routerd/ask.h"
#include "routerd/backend.h"
#include "routerd/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY "the-routes-own-key"
#define MODEL "m/1"

static struct router_route routes[] = {
	{ .type = "openai", .endpoint = "https://a.example.com/v1" },
	{ .type = "anthropic", .endpoint = "https://b.example.com/v1" },
	{ .type = "google-vertex-ai", .endpoint = "https://c.example.com/v1" },
	{ .type = "aws-bedrock",
	    .endpoint = "https://d.example.com",
	    .access_key = "AKIA",
	    .region = "r" },
	{ .type = "deepinfra", .endpoint = "http://127.0.0.1:1/v1/openai" },
};
#define N (sizeof(routes) / sizeof(routes[0]))

static const struct table *
table_of(size_t i)
{
	static struct table *tables[N];
	struct error e;

	if (tables[i] == NULL) {
		routes[i].scope = "";
		routes[i].name = ROUTER_DEFAULT;
		routes[i].provider = "p";
		routes[i].key = KEY;
		routes[i].model = MODEL;
		assert(
		    table_new(&(struct router_set_routes){ { &routes[i], 1 } },
			true, &tables[i], &e) == 0);
	}
	return tables[i];
}

static bool
is_key(const struct http_extra *h)
{
	if (strcmp(h->name, "authorization") == 0)
		return strcmp(h->value, "Bearer " KEY) == 0 ||
		       strncmp(h->value, "AWS4-HMAC-SHA256 Credential=AKIA/",
			   33) == 0;
	if (strcmp(h->name, "x-api-key") == 0)
		return strcmp(h->value, KEY) == 0;
	return strncmp(h->name, "x-amz-", 6) == 0;
}

static bool
is_ours(const struct http_extra *h)
{
	return is_key(h) || (strcmp(h->name, "content-type") == 0 &&
				strcmp(h->value, "application/json") == 0);
}

static void
check_headers(const struct ask *a)
{
	bool has_key = false;

	for (const struct http_extra *h = a->headers; h->name != NULL; h++) {
		struct http_slice name = { h->name, strlen(h->name) };
		struct http_slice value = { h->value, strlen(h->value) };

		assert(http_is_token(name) && http_is_field_value(value));
		assert(is_ours(h) || backend_passes(a->route->backend, name));
		has_key = has_key || is_key(h);
	}
	assert(has_key);
}

static void
check_target(const struct ask *a)
{
	static const char *const secrets[] = { "key", "api_key", "access_token",
		"token", "auth" };
	struct http_slice target = {
		buf_str((struct buf *)(uintptr_t)&a->target), a->target.len
	};
	struct http_slice name, value, query = { 0 };
	const char *mark = memchr(target.p, '?', target.n);

	assert(target.n > 0 && *target.p == '/');
	for (size_t i = 0; i < target.n; i++)
		assert((uint8_t)target.p[i] > 0x20 && target.p[i] != 0x7f);
	if (mark != NULL)
		query = (struct http_slice){ mark + 1,
			(size_t)(target.p + target.n - mark) - 1 };
	while (mark != NULL && http_query_next(&query, &name, &value)) {
		char plain[8192];

		name.n = http_query_decode(name, plain);
		name.p = plain;
		for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]);
		     i++)
			assert(!http_slice_is_nocase(name, secrets[i]));
	}
}

static void
check_body(const struct ask *a, const struct buf *given)
{
	struct json_span top, model;
	struct error e;

	if (!a->api.has_body)
		return;
	assert(json_parse((const char *)buf_data(&a->body), a->body.len, &top,
		   &e) == 0);
	if (a->api.protocol == PROTOCOL_INVOKE ||
	    a->api.protocol == PROTOCOL_INVOKE_STREAM)
		assert(a->body.len == given->len);
	else if (a->route->backend->is_vertex &&
		 a->api.protocol == PROTOCOL_MESSAGES)
		assert(json_find(&top, "model", &model) == 0);
	else
		assert(json_find(&top, "model", &model) == 1 &&
		       json_is(&model, MODEL));
}

static void
ask(const struct table *t, const struct http_head *head,
    const struct http_path *path, const struct buf *body)
{
	const struct scopes nobody = { "", "" };
	_cleanup_(ask_clear) struct ask a = { 0 };
	struct error e;

	if (!ask_take_head(&a, head, path, false) ||
	    ask_choose(&a, t, &nobody, body, &e) != ASK_OK ||
	    ask_compose(&a, body, 1700000000, &e) < 0)
		return;
	check_headers(&a);
	check_target(&a);
	check_body(&a, body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_head head;
	static struct http_path path;
	_cleanup_(buf_free) struct buf text = BUF_INIT, body = BUF_INIT;
	struct http_scan scan = { 0 };
	struct error e;
	ssize_t n;

	if (size < 2 || size > 16384)
		return 0;
	(void)buf_append(&text, data + 1, size - 1);
	n = http_parse_request(&scan, (const char *)buf_data(&text), text.len,
	    HTTP_HEAD_MAX, &head, &e);
	if (n <= 0 || http_path_canon(head.target, true, &path, &e) < 0)
		return 0;
	(void)buf_append(&body, buf_data(&text) + n, text.len - (size_t)n);
	ask(table_of(data[0] % N), &head, &path, &body);
	return 0;
}
