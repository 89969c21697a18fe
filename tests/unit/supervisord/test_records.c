/* SPDX-License-Identifier: Apache-2.0 */
/* test_records.c - one record a connection, for one question. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/xalloc.h"
#include "supervisord/records.h"

DEFINE_FREEP(records);

static struct tuple
tuple_of(uint16_t port)
{
	struct tuple t;

	memset(&t, 0, sizeof(t));
	t.source[15] = t.destination[15] = 1;
	t.source_port = port;
	t.destination_port = 443;
	return t;
}

static void
put(struct records *r, uint16_t port, const char *who)
{
	struct tuple t = tuple_of(port);

	records_put(r, &t, xstrdup(who), strlen(who) + 1);
}

static void
assert_taken(struct records *r, uint16_t port, const char *who)
{
	struct tuple t = tuple_of(port);
	size_t n = 0;
	autofree char *got = records_take(r, &t, &n);

	if (who == NULL) {
		assert_null(got);
		return;
	}
	assert_non_null(got);
	assert_string_equal(got, who);
	assert_int_equal(n, strlen(who) + 1);
}

static void
test_a_record_answers_once(void **state)
{
	_cleanup_(records_freep) struct records *r = records_new();

	(void)state;
	put(r, 1, "curl");
	assert_taken(r, 1, "curl");
	assert_taken(r, 1, NULL);
}

static void
test_every_part_of_the_tuple_counts(void **state)
{
	_cleanup_(records_freep) struct records *r = records_new();
	const struct tuple t = tuple_of(1);
	uint8_t bytes[sizeof(t)];
	size_t n;

	(void)state;
	put(r, 1, "curl");
	for (size_t i = 0; i < sizeof(t); i++) {
		struct tuple other;

		memcpy(bytes, &t, sizeof(t));
		bytes[i] ^= 0x80;
		memcpy(&other, bytes, sizeof(t));
		assert_null(records_take(r, &other, &n));
	}
	assert_taken(r, 1, "curl");
}

static void
test_a_newer_connection_with_the_same_tuple_replaces_it(void **state)
{
	_cleanup_(records_freep) struct records *r = records_new();

	(void)state;
	put(r, 1, "curl");
	put(r, 1, "node");
	assert_taken(r, 1, "node");
	assert_taken(r, 1, NULL);
}

static void
test_the_oldest_goes_when_there_are_too_many(void **state)
{
	_cleanup_(records_freep) struct records *r = records_new();

	(void)state;
	for (unsigned i = 0; i < RECORDS_MAX; i++)
		put(r, (uint16_t)i, "x");
	put(r, 60000, "new");
	assert_taken(r, 0, NULL);
	assert_taken(r, 1, "x");
	assert_taken(r, RECORDS_MAX - 1, "x");
	assert_taken(r, 60000, "new");
}

static void
test_a_replacement_is_young_again(void **state)
{
	_cleanup_(records_freep) struct records *r = records_new();

	(void)state;
	for (unsigned i = 0; i < RECORDS_MAX; i++)
		put(r, (uint16_t)i, "x");
	put(r, 0, "again");
	put(r, 60000, "new");
	assert_taken(r, 0, "again");
	assert_taken(r, 1, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_record_answers_once),
		cmocka_unit_test(test_every_part_of_the_tuple_counts),
		cmocka_unit_test(
		    test_a_newer_connection_with_the_same_tuple_replaces_it),
		cmocka_unit_test(test_the_oldest_goes_when_there_are_too_many),
		cmocka_unit_test(test_a_replacement_is_young_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
