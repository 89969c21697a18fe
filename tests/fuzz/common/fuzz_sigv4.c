/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_sigv4.c - a request of any sort is signed or refused, in one line and
 * the same way twice.
 */
#include <assert.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/credential/sigv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_slice
next(struct http_slice *rest)
{
	const char *end = memchr(rest->p, '\n', rest->n);
	size_t n = end != NULL ? (size_t)(end - rest->p) : rest->n;
	struct http_slice line = { rest->p, n };

	rest->p += end != NULL ? n + 1 : n;
	rest->n -= end != NULL ? n + 1 : n;
	return line;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_slice rest = { (const char *)data, size };
	struct sigv4_header v[8];
	struct sigv4_request r = { .headers = v,
		.payload_hash = SIGV4_UNSIGNED,
		.service = size % 2 ? "s3" : "bedrock",
		.region = "us-east-1" };
	const struct sigv4_keys keys = { "id", "secret" };
	_cleanup_(buf_free) struct buf a = BUF_INIT, b = BUF_INIT;
	struct error e;

	if (size > 8192)
		return 0;
	r.method = next(&rest);
	r.path = next(&rest);
	r.query = next(&rest);
	while (rest.n > 0 && r.n_headers < 8) {
		v[r.n_headers].name = next(&rest);
		v[r.n_headers++].value = next(&rest);
	}
	if (sigv4_sign(&r, &keys, &a, &e) < 0)
		return 0;
	assert(sigv4_sign(&r, &keys, &b, &e) == 0);
	assert(
	    a.len == b.len && memcmp(buf_data(&a), buf_data(&b), a.len) == 0);
	return 0;
}
