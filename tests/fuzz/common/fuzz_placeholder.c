/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_placeholder.c - what is found as a placeholder is one, has a marker, and
 * no split of the text hides that.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/credential/placeholder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct marker_scan bytes = { 0 };
	struct placeholder p;
	bool marked;
	size_t at = 0;

	if (size > 4096)
		return 0;
	marked = marker_is_in(text, size);
	while (placeholder_find(text, size, at, &p)) {
		assert(marked);
		assert(p.start >= at && p.len > PLACEHOLDER_MARKER_LEN);
		assert(p.start + p.len <= size);
		assert(p.key + p.key_len == text + p.start + p.len);
		assert(p.key_len > 0 && p.key_len <= PLACEHOLDER_KEY_MAX);
		assert(marker_is_in(text + p.start, p.len));
		at = p.start + p.len;
	}
	for (size_t i = 0; i < size; i++)
		(void)marker_scan(&bytes, text + i, 1);
	assert(bytes.found == marked);
	return 0;
}
