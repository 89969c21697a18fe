/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_http.c - heads and chunks: what is accepted must mean the same however
 * it arrives, and the same again after we have written it.
 *
 * The first byte chooses: q request, r response, c chunked body.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/http/chunked.h"
#include "common/http/websocket.h"
#include "common/http/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_request_out request_out = {
	.path = { "/", 1 },
	.authority = "h",
	.via = "1.1 fuzz",
};

/* In pieces: the same verdict, and never before the last byte of the head. */
static void
check_pieces(const char *p, size_t n, ssize_t verdict)
{
	struct http_scan scan = { 0 };
	struct http_head head;
	struct error e;
	ssize_t r = 0;

	for (size_t k = 0; k <= n && r == 0; k += k < 64 ? 1 : 61) {
		r = http_parse_request(&scan, p, k, HTTP_HEAD_MAX, &head, &e);
		if (r > 0)
			assert(r == verdict && (size_t)r <= k);
		if (r < 0)
			assert(verdict < 0);
	}
}

static void
fuzz_request(const char *p, size_t n)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT;
	struct http_scan scan = { 0 };
	struct http_head head, again;
	struct http_websocket w;
	struct error e;
	ssize_t r;

	r = http_parse_request(&scan, p, n, HTTP_HEAD_MAX, &head, &e);
	check_pieces(p, n, r);
	if (r < 0)
		assert(head.status >= 400 && head.status <= 505);
	if (r <= 0)
		return;
	(void)http_websocket_request(&head, &w, &e);
	if (head.target_form == HTTP_TARGET_AUTHORITY)
		return; /* is answered, never forwarded */
	assert(http_write_request(&b, &head, &request_out, &e) == 0);
	scan = (struct http_scan){ 0 };
	r = http_parse_request(
	    &scan, (const char *)buf_data(&b), b.len, SIZE_MAX, &again, &e);
	if (r < 0) {
		/* Host, Via and a length can be one more than came. */
		assert(again.status == 431);
		return;
	}
	assert((size_t)r == b.len);
	assert(again.framing == head.framing);
	assert(again.content_length == head.content_length);
	for (size_t i = 0; i < again.n_headers; i++)
		assert(!again.headers[i].hop ||
		       again.headers[i].field == HTTP_TRANSFER_ENCODING);
}

static void
fuzz_response(const char *p, size_t n)
{
	static const struct http_response_out out = { 0 };

	for (int asked = HTTP_ASKED; asked <= HTTP_ASKED_UPGRADE; asked++) {
		_cleanup_(buf_free) struct buf b = BUF_INIT;
		struct http_scan scan = { 0 };
		struct http_head head, again;
		struct error e;

		if (http_parse_response(&scan, p, n, HTTP_HEAD_MAX,
			(enum http_asked)asked, &head, &e) <= 0)
			continue;
		assert(http_write_response(&b, &head, &out, &e) == 0);
		if (http_parse_response(&scan, (const char *)buf_data(&b),
			b.len, SIZE_MAX, (enum http_asked)asked, &again,
			&e) < 0)
			assert(e.code == ERR_LIMIT);
		else
			assert(again.status == head.status &&
			       again.framing == head.framing);
	}
}

struct body {
	char *data;
	size_t n;
	size_t used;
	bool done;
	bool broken;
};

static void
decode(const char *p, size_t n, size_t piece, struct body *ret)
{
	struct http_chunked d = { 0 };
	struct error e;

	while (!d.done && ret->used < n) {
		size_t left = n - ret->used;
		struct http_slice data;
		ssize_t used = http_chunked_decode(
		    &d, p + ret->used, left < piece ? left : piece, &data, &e);

		ret->broken = used < 0;
		if (ret->broken)
			return;
		assert(used > 0);
		if (data.n > 0)
			memcpy(ret->data + ret->n, data.p, data.n);
		ret->n += data.n;
		ret->used += (size_t)used;
	}
	ret->done = d.done;
}

static void
fuzz_chunked(const char *p, size_t n)
{
	autofree char *one = malloc(n + 1), *two = malloc(n + 1);
	struct body whole = { .data = one }, pieces = { .data = two };

	decode(p, n, n, &whole);
	decode(p, n, 1, &pieces);
	assert(whole.broken == pieces.broken && whole.done == pieces.done);
	if (whole.broken)
		return;
	assert(whole.n == pieces.n && whole.used == pieces.used);
	assert(memcmp(one, two, whole.n) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;

	if (size < 1 || size > 65536)
		return 0;
	(void)http_guess(p + 1, size - 1);
	if (*p == 'q')
		fuzz_request(p + 1, size - 1);
	else if (*p == 'r')
		fuzz_response(p + 1, size - 1);
	else if (*p == 'c')
		fuzz_chunked(p + 1, size - 1);
	return 0;
}
