/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_inject.c - fields, paths, queries and bodies with placeholders: a path
 * stays canonical, JSON stays JSON, no value gets a line end, and what has
 * another endpoint's secret doesn't come out.
 */
#include <assert.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/http/path.h"
#include "common/http/write.h"
#include "common/json/scan.h"
#include "proxyd/inject_body.h"
#include "tests/unit/proxyd/secrets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fuzz_field(const struct credentials *c, struct http_slice text)
{
	struct injected used = { 0 };
	struct inject in = inject_with(c, &used);
	_cleanup_(buf_free) struct buf b = BUF_INIT;
	const struct http_header h = { { "x", 1 }, text, HTTP_OTHER, false };
	struct error e;

	if (http_is_field_value(text) &&
	    inject_field(&in, &h, &b, &e) == HTTP_REPLACED) {
		assert(in.result == INJECT_OK && used.n > 0);
		assert(http_is_field_value(
		    (struct http_slice){ (const char *)buf_data(&b), b.len }));
	}
	injected_clear(&used);
}

static void
fuzz_path(const struct credentials *c, struct http_slice text)
{
	static struct http_path from, to, again;
	struct injected used = { 0 };
	struct inject in = inject_with(c, &used);
	_cleanup_(buf_free) struct buf b = BUF_INIT;
	struct error e;

	if (http_path_canon(text, true, &from, &e) < 0)
		return;
	if (inject_path(&in, &from, &to)) {
		assert(in.result == INJECT_OK && used.n > 0);
		assert(http_path_canon((struct http_slice){ to.path, to.len },
			   true, &again, &e) == 0);
		assert(strcmp(to.path, again.path) == 0);
	}
	if (from.query.p != NULL)
		inject_query(&in, from.query, &b);
	if (in.result == INJECT_OK && used.n == 0 && from.query.p != NULL)
		assert(b.len >= from.query.n || marker_is_in(text.p, text.n));
	injected_clear(&used);
}

static void
fuzz_body(const struct credentials *c, enum inject_body_kind kind,
    const struct buf *text)
{
	struct injected used = { 0 };
	struct inject in = inject_with(c, &used);
	_cleanup_(buf_free) struct buf b = BUF_INIT;
	const char *p = (const char *)buf_data(text);
	struct json_span top;
	struct error e;

	inject_body(&in, kind, text, &b);
	if (in.result == INJECT_OK) {
		assert(!marker_is_in(buf_data(&b), b.len));
		if (kind == INJECT_BODY_JSON &&
		    json_parse(p, text->len, &top, &e) == 0)
			assert(json_parse((const char *)buf_data(&b), b.len,
				   &top, &e) == 0);
		if (used.n == 0)
			assert(b.len == text->len &&
			       memcmp(buf_str(&b), p, b.len) == 0);
	}
	injected_clear(&used);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct credentials *c;
	_cleanup_(buf_free) struct buf text = BUF_INIT;
	struct http_slice s;

	if (c == NULL)
		c = secrets_new();
	if (size > 4096)
		return 0;
	(void)buf_append(&text, data, size);
	s = (struct http_slice){ buf_str(&text), size };
	fuzz_field(c, s);
	fuzz_path(c, s);
	for (int kind = INJECT_BODY_JSON; kind <= INJECT_BODY_TEXT; kind++)
		fuzz_body(c, (enum inject_body_kind)kind, &text);
	return 0;
}
