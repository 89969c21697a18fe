/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"

static void
test_what_is_appended_is_consumed_in_order(void **state)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT;
	uint8_t in = 0;
	uint8_t out = 0;

	(void)state;
	/* Always a little more in than out, so that it wraps and grows. */
	for (int i = 0; i < 5000; i++) {
		for (int k = 0; k < 7; k++, in++)
			assert_int_equal(buf_append(&b, &in, 1), 0);
		for (int k = 0; k < 6; k++, out++) {
			assert_int_equal(buf_data(&b)[0], out);
			buf_consume(&b, 1);
		}
	}
	assert_int_equal(b.len, 5000);
	/* It doesn't keep what was consumed. */
	assert_true(b.cap <= 16384);
}

static void
test_nothing_is_appended_over_the_limit(void **state)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT;

	(void)state;
	b.limit = 4;
	assert_int_equal(buf_puts(&b, "12345"), -1);
	assert_int_equal(buf_puts(&b, "123"), 0);
	assert_int_equal(buf_puts(&b, "45"), -1);
	assert_int_equal(buf_printf(&b, "%d", 45), -1);
	assert_null(buf_room(&b, 2));
	assert_null(buf_room(&b, SIZE_MAX));
	assert_string_equal(buf_str(&b), "123");
	assert_int_equal(buf_printf(&b, "%d", 4), 0);
	assert_string_equal(buf_str(&b), "1234");
	/* Room again once it was consumed. */
	buf_consume(&b, 3);
	assert_int_equal(buf_puts(&b, "567"), 0);
	assert_string_equal(buf_str(&b), "4567");
	buf_free(&b);
	assert_int_equal(b.limit, 4);
}

static void
test_room_is_claimed_by_what_was_written(void **state)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT;

	(void)state;
	memcpy(buf_room(&b, 1000), "hello", 5);
	assert_int_equal(b.len, 0);
	buf_grew(&b, 5);
	assert_string_equal(buf_str(&b), "hello");
}

static void
test_the_string_is_taken_out_whole(void **state)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT;
	autofree char *empty = buf_take_str(&b);

	(void)state;
	assert_string_equal(empty, "");
	(void)buf_puts(&b, "abcdef");
	buf_consume(&b, 2);
	autofree char *s = buf_take_str(&b);

	assert_string_equal(s, "cdef");
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_str(&b), "");
}

static void
test_a_format_longer_than_the_buffer_fits(void **state)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(buf_printf(&b, "%5000d|", 1), 0);
	assert_int_equal(b.len, 5001);
	assert_string_equal(buf_str(&b) + 4999, "1|");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_appended_is_consumed_in_order),
		cmocka_unit_test(test_nothing_is_appended_over_the_limit),
		cmocka_unit_test(test_room_is_claimed_by_what_was_written),
		cmocka_unit_test(test_the_string_is_taken_out_whole),
		cmocka_unit_test(test_a_format_longer_than_the_buffer_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
