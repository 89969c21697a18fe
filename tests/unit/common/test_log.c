/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"

static void
test_hostile_strings_are_made_printable(void **state)
{
	static const struct {
		const char *why;
		const char *in, *out;
	} cases[] = {
		{ "nothing", NULL, "-" },
		{ "plain", "api.github.com:443", "api.github.com:443" },
		{ "text", "\xc3\xa4 \xf0\x9f\x98\x80",
		    "\xc3\xa4 \xf0\x9f\x98\x80" },
		{ "a second line", "a\nb\r", "a\\x0ab\\x0d" },
		{ "an escape sequence", "\x1b[2J", "\\x1b[2J" },
		{ "DEL", "\x7f", "\\x7f" },
		{ "C1",
		    "\xc2\x9b"
		    "2J",
		    "\\xc2\\x9b2J" },
		{ "quotes", "'\"\\", "\\x27\\x22\\x5c" },
		{ "not UTF-8", "\xff\xc3", "\\xff\\xc3" },
		{ "right to left",
		    "\xe2\x80\xae"
		    "exe",
		    "\\xe2\\x80\\xaeexe" },
		{ "isolate", "\xe2\x81\xa6", "\\xe2\\x81\\xa6" },
		{ "an ellipsis", "\xe2\x80\xa6", "\xe2\x80\xa6" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].why);
		assert_string_equal(log_safe(cases[i].in), cases[i].out);
	}
}

static void
test_long_strings_are_cut(void **state)
{
	char in[1000];

	(void)state;
	memset(in, 'x', sizeof(in));
	in[256] = '\0';
	assert_int_equal(strlen(log_safe(in)), 256);
	in[256] = 'x';
	in[999] = '\0';
	assert_int_equal(strlen(log_safe(in)), 259);
	assert_string_equal(log_safe(in) + 256, "...");
	/* The longest there can be. */
	memset(in, 1, 999);
	assert_int_equal(strlen(log_safe(in)), 1027);
}

static void
test_eight_results_live_side_by_side(void **state)
{
	const char *r[8];
	char name[2] = "a";

	(void)state;
	for (int i = 0; i < 8; i++) {
		name[0] = (char)('a' + i);
		r[i] = log_safe(name);
	}
	for (int i = 0; i < 8; i++)
		assert_int_equal(r[i][0], 'a' + i);
}

/* What the calls of one test write to standard error. */
static FILE *captured;
static int saved_stderr;

static int
capture(void **state)
{
	(void)state;
	captured = tmpfile();
	saved_stderr = dup(STDERR_FILENO);
	return captured != NULL &&
		       dup2(fileno(captured), STDERR_FILENO) == STDERR_FILENO
		   ? 0
		   : -1;
}

static int
release(void **state)
{
	(void)state;
	(void)dup2(saved_stderr, STDERR_FILENO);
	(void)close(saved_stderr);
	(void)fclose(captured);
	return 0;
}

static const char *
written(void)
{
	static char text[16384];
	ssize_t n = pread(fileno(captured), text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static void
test_a_line_has_its_level_and_cause(void **state)
{
	(void)state;
	log_open("testd", LOG_LEVEL_INFO);
	log_debug("not this");
	log_info("this a=%d", 1);
	errno = ENOENT;
	log_warn("that");
	assert_null(strstr(written(), "not this"));
	assert_non_null(strstr(written(), "] info: this a=1\n"));
	assert_non_null(
	    strstr(written(), "] warn: that: No such file or directory\n"));
	assert_non_null(strstr(written(), " testd["));
}

static void
test_one_record_is_one_line_however_long(void **state)
{
	(void)state;
	log_open("testd", LOG_LEVEL_INFO);
	log_info("a\nb\r\n%9000d", 1);
	assert_int_equal(strlen(written()), 4095);
	assert_int_equal(strcspn(written(), "\r\n"), 4094);
}

static void
test_the_journal_gets_priorities(void **state)
{
	struct stat st;
	char stream[64];

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	(void)setenv("JOURNAL_STREAM", stream, 1);
	log_open("testd", LOG_LEVEL_DEBUG);
	(void)unsetenv("JOURNAL_STREAM");
	log_debug("d");
	log_info("i");
	log_warnx("w");
	assert_string_equal(
	    written(), "<7>testd: d\n<6>testd: i\n<4>testd: w\n");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile_strings_are_made_printable),
		cmocka_unit_test(test_long_strings_are_cut),
		cmocka_unit_test(test_eight_results_live_side_by_side),
#define CAPTURED(name) cmocka_unit_test_setup_teardown(name, capture, release)
		CAPTURED(test_a_line_has_its_level_and_cause),
		CAPTURED(test_one_record_is_one_line_however_long),
		CAPTURED(test_the_journal_gets_priorities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
