/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_redact.c - the first bytes are a secret, the rest is an answer: cut
 * anywhere it comes out the same, and without the secret.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/credential/injected.h"
#include "common/credential/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = size > 0 ? 1 + data[0] % 12 : 0;
	_cleanup_(redact_stream_clear) struct redact_stream one = { 0 };
	_cleanup_(redact_stream_clear) struct redact_stream cut = { 0 };
	struct injected in = { 0 };
	struct redact *r;

	if (size <= len || size > 2048)
		return 0;
	assert(injected_add(&in, "K", (const char *)data + 1, len));
	r = redact_new(&in);
	redact_feed(r, &one, data + len, size - len);
	redact_end(r, &one);
	for (size_t i = len; i < size; i++)
		redact_feed(r, &cut, data + i, 1);
	redact_end(r, &cut);
	assert(one.held.len == 0 && cut.held.len == 0);
	assert(one.out.len == cut.out.len &&
	       (one.out.len == 0 || memcmp(buf_data(&one.out),
					buf_data(&cut.out), cut.out.len) == 0));
	redact_free(r);
	injected_clear(&in);
	return 0;
}
