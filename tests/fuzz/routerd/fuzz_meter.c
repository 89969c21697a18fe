/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_meter.c - an answer, as a stream and as one JSON text: cut anywhere it
 * counts the same, and no count is less than none.
 */
#include <assert.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "routerd/meter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
count(struct meter *m, bool is_stream, const uint8_t *data, size_t size,
    size_t piece)
{
	meter_init(m, is_stream);
	for (size_t i = 0; i < size; i += piece)
		meter_feed(m, data + i, size - i < piece ? size - i : piece);
	meter_finish(m);
	assert(m->input_tokens >= -1 && m->output_tokens >= -1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = { 1, 7, 64 };

	for (int is_stream = 0; is_stream < 2; is_stream++) {
		_cleanup_(meter_clear) struct meter whole;

		count(&whole, is_stream, data, size, size + 1);
		for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]);
		     i++) {
			_cleanup_(meter_clear) struct meter cut;

			count(&cut, is_stream, data, size, pieces[i]);
			assert(cut.input_tokens == whole.input_tokens);
			assert(cut.output_tokens == whole.output_tokens);
		}
	}
	return 0;
}
