/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_usage_event.c - a stream of events: cut anywhere the same goes on, what
 * goes on is there in its order and would go on again, and what doesn't are
 * counts without a choice.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json/scan.h"
#include "routerd/usage_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(buf_data(a), buf_data(b), a->len) == 0);
}

static void
pass(struct buf *out, const uint8_t *data, size_t size, size_t piece)
{
	_cleanup_(usage_filter_clear) struct usage_filter f = { 0 };

	for (size_t i = 0; i < size; i += piece)
		usage_filter_feed(
		    &f, data + i, size - i < piece ? size - i : piece, out);
	usage_filter_end(&f, out);
	assert(f.held.len == 0);
}

/* Where the event at p ends. */
static const uint8_t *
behind_event(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		const uint8_t *newline = memchr(p, '\n', (size_t)(end - p));

		if (newline == NULL)
			return end;
		if (newline == p || (newline == p + 1 && *p == '\r'))
			return newline + 1;
		p = newline + 1;
	}
	return end;
}

/* Its first line of data. */
static bool
is_count(const uint8_t *p, size_t n)
{
	const uint8_t *data = memmem(p, n, "data:", 5), *newline;
	struct json_span top, usage, choices;
	struct json_iter it;
	struct error e;

	while (data != NULL && data > p && data[-1] != '\n')
		data = memmem(data + 1, n - (size_t)(data + 1 - p), "data:", 5);
	if (data == NULL)
		return false;
	data += 5;
	newline = memchr(data, '\n', n - (size_t)(data - p));
	if (newline == NULL ||
	    json_parse((const char *)data, (size_t)(newline - data), &top, &e) <
		0 ||
	    json_find(&top, "usage", &usage) == 0 ||
	    json_find(&top, "choices", &choices) == 0)
		return false;
	it = json_iter(&choices);
	return choices.type == JSON_ARRAY && !json_next(&it, NULL, &usage);
}

/* Event by event: it went on as it was, or is a count. */
static void
compare(const uint8_t *p, size_t size, const struct buf *out)
{
	const uint8_t *end = p + size, *got = buf_data(out);
	size_t left = out->len;

	while (p < end) {
		const uint8_t *next = behind_event(p, end);
		size_t n = (size_t)(next - p);

		if (left >= n && memcmp(got, p, n) == 0) {
			got += n;
			left -= n;
		} else {
			assert(is_count(p, n));
		}
		p = next;
	}
	assert(left == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = { 1, 5, 64 };
	_cleanup_(buf_free) struct buf whole = BUF_INIT, again = BUF_INIT;

	if (size > USAGE_EVENT_MAX)
		return 0;
	pass(&whole, data, size, size + 1);
	compare(data, size, &whole);
	pass(&again, buf_data(&whole), whole.len, whole.len + 1);
	assert(is_same(&again, &whole));
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		_cleanup_(buf_free) struct buf cut = BUF_INIT;

		pass(&cut, data, size, pieces[i]);
		assert(is_same(&cut, &whole));
	}
	return 0;
}
