/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_usage_event.c - a stream of events: cut anywhere the same goes on, what
 * goes on is there in its order, and what doesn't are events of usage.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/cleanup.h"
#include "routerd/usage_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

/* Event by event: it went on as it was, or is one of usage. */
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
			assert(memmem(p, n, "\"usage\"", 7) != NULL);
			assert(memmem(p, n, "data:", 5) != NULL);
		}
		p = next;
	}
	assert(left == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = { 1, 5, 64 };
	_cleanup_(buf_free) struct buf whole = BUF_INIT;

	if (size > USAGE_EVENT_MAX)
		return 0;
	pass(&whole, data, size, size + 1);
	compare(data, size, &whole);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		_cleanup_(buf_free) struct buf cut = BUF_INIT;

		pass(&cut, data, size, pieces[i]);
		assert(cut.len == whole.len &&
		       (cut.len == 0 || memcmp(buf_data(&cut), buf_data(&whole),
					    cut.len) == 0));
	}
	return 0;
}
