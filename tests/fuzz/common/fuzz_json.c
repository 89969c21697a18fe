/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever is taken as JSON can be walked to its last value within its bytes,
 * and every string in it reads back after it was written anew.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json/scan.h"
#include "common/xalloc.h"

static void
check_string(const struct json_span *s)
{
	struct buf b = BUF_INIT;
	struct json_span again;
	struct error e;
	char *meant = xmalloc(s->n), *back;
	size_t n = json_unescape(s, meant);

	if (n > s->n - 2 || json_put_string(&b, meant, n) < 0)
		abort();
	if (json_parse((char *)buf_data(&b), b.len, &again, &e) < 0)
		abort();
	back = xmalloc(again.n);
	if (json_unescape(&again, back) != n || memcmp(back, meant, n) != 0)
		abort();
	free(back);
	free(meant);
	buf_free(&b);
}

static void
walk(const struct json_span *s)
{
	struct json_iter it = json_iter(s);
	struct json_span key, value;

	if (s->type == JSON_STRING)
		check_string(s);
	while (json_next(&it, &key, &value)) {
		if (value.p < s->p || value.p + value.n > s->p + s->n)
			abort();
		if (it.is_object)
			check_string(&key);
		walk(&value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Exactly its bytes, so that a read beyond them is seen. */
	char *text = xmemdup(data, size > 0 ? size : 1);
	struct json_span top, found;
	struct error e;

	if (json_parse(text, size, &top, &e) == 0) {
		walk(&top);
		(void)json_find(&top, "model", &found);
		(void)json_count(&top);
	}
	free(text);
	return 0;
}
