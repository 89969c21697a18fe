/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_rewrite.c - a JSON object with members changed, added, kept and taken
 * out: what comes out is JSON, has the edits, and of every other member the
 * bytes and the order.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "routerd/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct edit edits[] = {
	{ .name = "model", .value = "m\"1" },
	{ .name = "gone" },
	{ .name = "lost" },
	{ .name = "stream_options", .raw = "{\"include_usage\":true}" },
	{ .name = "version", .value = "v", .only_if_absent = true },
};
#define N (sizeof(edits) / sizeof(edits[0]))

static const struct edit *
edit_of(const struct json_span *key)
{
	for (size_t i = 0; i < N; i++)
		if (json_is(key, edits[i].name))
			return &edits[i];
	return NULL;
}

static bool
is_same(const struct json_span *a, const struct json_span *b)
{
	return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/* The next member that no edit speaks of. */
static bool
next_other(struct json_iter *it, struct json_span *key, struct json_span *value)
{
	while (json_next(it, key, value))
		if (edit_of(key) == NULL)
			return true;
	return false;
}

static void
compare_others(const struct json_span *from, const struct json_span *to)
{
	struct json_iter a = json_iter(from), b = json_iter(to);
	struct json_span key, value, key_b, value_b;

	while (next_other(&a, &key, &value)) {
		assert(next_other(&b, &key_b, &value_b));
		assert(is_same(&key, &key_b) && is_same(&value, &value_b));
	}
	assert(!next_other(&b, &key_b, &value_b));
}

static void
check_edits(const struct json_span *from, const struct json_span *to)
{
	for (size_t i = 0; i < N; i++) {
		const struct edit *edit = &edits[i];
		struct json_span old, new;
		unsigned before = json_find(from, edit->name, &old);
		unsigned after = json_find(to, edit->name, &new);

		assert(before <= 1);
		if (edit->value == NULL && edit->raw == NULL) {
			assert(after == 0);
			continue;
		}
		assert(after == 1);
		if (before == 1 && edit->only_if_absent)
			assert(is_same(&old, &new));
		else if (edit->value != NULL)
			assert(json_is(&new, edit->value));
		else
			assert(new.n == strlen(edit->raw) &&
			       memcmp(new.p, edit->raw, new.n) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_free) struct buf out = BUF_INIT, same = BUF_INIT;
	struct json_span top, changed;
	struct error e;

	if (json_parse((const char *)data, size, &top, &e) < 0)
		return 0;
	if (rewrite(&top, NULL, 0, &same, &e) == 0)
		assert(same.len == top.n &&
		       memcmp(buf_data(&same), top.p, top.n) == 0);
	if (rewrite(&top, edits, N, &out, &e) < 0) {
		assert(e.code == ERR_INVALID);
		return 0;
	}
	assert(json_parse(
		   (const char *)buf_data(&out), out.len, &changed, &e) == 0);
	check_edits(&top, &changed);
	compare_others(&top, &changed);
	return 0;
}
