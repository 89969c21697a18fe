/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_refresh_answer.c - whatever a token endpoint answers, a grant is whole,
 * what isn't one gives nothing, and no byte of it gets into an error that
 * isn't in our own lists.
 *
 * The first byte chooses who reads it and with which status.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/chars.h"
#include "common/wire/provider.h"
#include "common/xalloc.h"
#include "gatewayd/fetch.h"
#include "gatewayd/refresh_answer.h"

#define NOW 1440938160

static const unsigned statuses[] = { 200, 200, 200, 400, 401, 403, 429, 302,
	500 };

static void
check_value(const char *value)
{
	assert(value != NULL && *value != '\0');
	assert(strlen(value) <= PROVIDER_VALUE_MAX);
	for (; *value != '\0'; value++)
		assert(http_char_is(*value, HTTP_CHAR_VISIBLE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct refresh_answer a = { 0 };
	struct error e = { 0 };
	struct http_slice body;
	enum refresh_outcome outcome;
	bool is_sts;
	char *text;
	int64_t retry_s;

	if (size == 0)
		return 0;
	/* Exactly its bytes, so that a read beyond them is seen. */
	text = xmalloc(size - 1 > 0 ? size - 1 : 1);
	memcpy(text, data + 1, size - 1);
	body = (struct http_slice){ text, size - 1 };
	is_sts = (data[0] & 1) != 0;
	outcome = (is_sts ? refresh_read_sts : refresh_read_oauth)(
	    statuses[(data[0] >> 1) % (sizeof(statuses) / sizeof(*statuses))],
	    body, NOW, &a, &e);
	if (outcome == REFRESH_GRANTED) {
		assert(
		    a.lifetime_s > 0 && a.lifetime_s <= REFRESH_LIFETIME_MAX_S);
		for (int i = 0; i < (is_sts ? REFRESH_OUTPUTS_MAX : 1); i++)
			check_value(a.values[i]);
		if (a.refresh_token != NULL)
			check_value(a.refresh_token);
	} else {
		assert(e.text[0] != '\0' && strlen(e.text) < 120);
	}
	refresh_answer_clear(&a);
	retry_s = fetch_parse_retry(body, NOW);
	assert(retry_s >= -1 && retry_s <= 86400);
	free(text);
	return 0;
}
