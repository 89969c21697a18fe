/* SPDX-License-Identifier: Apache-2.0 */
/* test_when.c - times as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/when.h"

static const struct {
	const char *text;
	int64_t expected; /* -1: refused */
} rows[] = {
	{ "0", 0 },
	{ "1767225600000", 1767225600000 },
	{ "9007199254740992", 9007199254740992 },
	{ "9007199254740993", -1 },
	{ "99999999999999999999", -1 },
	{ "1970-01-01T00:00:00Z", 0 },
	{ "2026-01-01T00:00:00Z", 1767225600000 },
	{ "2026-01-01t00:00:00z", 1767225600000 },
	{ "2026-01-01 00:00:00Z", 1767225600000 },
	{ "2026-01-01T01:30:00+01:30", 1767225600000 },
	{ "2025-12-31T16:00:00-08:00", 1767225600000 },
	{ "2026-01-01T00:00:00.5Z", 1767225600500 },
	{ "2026-01-01T00:00:00.123999Z", 1767225600123 },
	{ "2024-02-29T00:00:00Z", 1709164800000 },
	{ "2026-02-29T00:00:00Z", -1 },
	{ "2026-06-31T00:00:00Z", -1 },
	{ "2026-13-01T00:00:00Z", -1 },
	{ "2026-01-01T24:00:00Z", -1 },
	{ "2026-01-01T00:60:00Z", -1 },
	{ "2026-01-01T00:00:00", -1 },
	{ "2026-01-01T00:00:00.Z", -1 },
	{ "2026-01-01T00:00:00+1:00", -1 },
	{ "2026-01-01T00:00:00Zx", -1 },
	{ "1970-01-01T00:00:00+00:01", -1 },
	{ "1969-12-31T23:59:59Z", -1 },
	{ "2026-01-01", -1 },
	{ "26-1-1T00:00:00Z", -1 },
	{ "tomorrow", -1 },
	{ "-1", -1 },
	{ "1.5", -1 },
	{ " 1", -1 },
	{ "", -1 },
};

static void
test_times_are_milliseconds_or_rfc_3339(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ms = 0;

		print_message("'%s'\n", rows[i].text);
		assert_int_equal(when_parse(rows[i].text, &ms),
		    rows[i].expected < 0 ? -1 : 0);
		if (rows[i].expected >= 0)
			assert_int_equal(ms, rows[i].expected);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times_are_milliseconds_or_rfc_3339),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
