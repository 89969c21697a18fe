/* SPDX-License-Identifier: Apache-2.0 */
/* test_seal.c - a secret opens with its key, in its place, and unchanged. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "gatewayd/naming.h"
#include "gatewayd/seal.h"

#define SECRET "the golden secret"
#define SEALED_LEN (sizeof(SECRET) - 1 + SEAL_OVERHEAD)

static void
test_seals(void **state)
{
	char dir[] = "/tmp/test_seal.XXXXXX", *path, *other, *opened = NULL;
	uint8_t sealed[SEALED_LEN], changed[SEALED_LEN];
	struct seal *one = NULL, *two = NULL;
	struct error e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/key", dir);
	other = xasprintf("%s/other", dir);
	assert_int_equal(seal_open(path, true, &one, &e), 0);
	assert_int_equal(seal_open(other, true, &two, &e), 0);
	seal_lock(one, "a", SECRET, sizeof(SECRET) - 1, sealed);
	assert_null(memmem(sealed, sizeof(sealed), "golden", 6));

	assert_int_equal(
	    seal_unlock(one, "a", sealed, sizeof(sealed), &opened, &e), 0);
	assert_string_equal(opened, SECRET);
	free(opened);
	assert_int_equal(
	    seal_unlock(one, "b", sealed, sizeof(sealed), &opened, &e), -1);
	assert_int_equal(
	    seal_unlock(two, "a", sealed, sizeof(sealed), &opened, &e), -1);
	for (size_t i = 0; i < sizeof(sealed); i++) {
		memcpy(changed, sealed, sizeof(sealed));
		changed[i] ^= 1;
		assert_int_equal(seal_unlock(one, "a", changed, sizeof(changed),
				     &opened, &e),
		    -1);
	}
	assert_int_equal(seal_unlock(one, "a", sealed, 5, &opened, &e), -1);
	seal_free(one);

	/* The key is kept, and refused when others can read it. */
	assert_int_equal(seal_open(path, false, &one, &e), 0);
	assert_int_equal(
	    seal_unlock(one, "a", sealed, sizeof(sealed), &opened, &e), 0);
	free(opened);
	seal_free(one);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(seal_open(path, true, &one, &e), -1);
	assert_int_equal(e.code, ERR_DENIED);
	seal_free(two);
	(void)unlink(path);
	(void)unlink(other);
	(void)rmdir(dir);
	free(path);
	free(other);
}

static bool
opens(const struct seal *s, const uint8_t *sealed)
{
	struct error e;
	char *opened;

	if (seal_unlock(s, "a", sealed, SEALED_LEN, &opened, &e) < 0) {
		assert_int_equal(e.code, ERR_DENIED);
		return false;
	}
	assert_string_equal(opened, SECRET);
	free(opened);
	return true;
}

static void
test_a_key_is_changed_with_both_at_hand(void **state)
{
	char dir[] = "/tmp/test_seal.XXXXXX", *path;
	uint8_t before[SEALED_LEN], renewed[SEALED_LEN];
	struct seal *s = NULL, *again = NULL;
	struct error e;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/key", dir);
	assert_int_equal(seal_open(path, true, &s, &e), 0);
	assert_string_equal(seal_path(s), path);
	seal_lock(s, "a", SECRET, sizeof(SECRET) - 1, before);
	assert_false(seal_has_two(s));

	assert_int_equal(seal_begin(s, &e), 0);
	assert_true(seal_has_two(s));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 2 * SEAL_KEY_LEN);
	memcpy(renewed, before, sizeof(before));
	assert_int_equal(seal_renew(s, "b", renewed, SEALED_LEN, &e), -1);
	assert_memory_equal(renewed, before, SEALED_LEN);
	assert_int_equal(seal_renew(s, "a", renewed, SEALED_LEN, &e), 0);
	assert_memory_not_equal(renewed, before, SEALED_LEN);
	/* Whoever reads the file now has both. */
	assert_int_equal(seal_open(path, false, &again, &e), 0);
	assert_true(opens(again, before) && opens(again, renewed));
	seal_free(again);

	assert_int_equal(seal_end(s, &e), 0);
	assert_false(seal_has_two(s));
	assert_false(opens(s, before));
	assert_true(opens(s, renewed));
	assert_int_equal(seal_open(path, false, &again, &e), 0);
	assert_false(opens(again, before));
	assert_true(opens(again, renewed));
	seal_free(again);
	seal_free(s);
	(void)unlink(path);
	assert_int_equal(seal_open(path, false, &s, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	(void)rmdir(dir);
	free(path);
}

/* Dies while the file with both keys is written, behind so many bytes. */
static void
begin_and_die(struct seal *s, size_t bytes)
{
	const struct rlimit limit = { bytes, bytes };
	struct error e;
	int status;
	pid_t child = fork();

	if (child == 0) {
		(void)setrlimit(RLIMIT_FSIZE, &limit);
		_exit(seal_begin(s, &e) < 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGXFSZ);
}

static void
test_what_a_crash_left_of_a_new_key_is_wiped(void **state)
{
	static const uint8_t zeros[2 * SEAL_KEY_LEN];
	char dir[] = "/tmp/test_seal.XXXXXX", *path, *new, *kept;
	uint8_t sealed[SEALED_LEN], left[2 * SEAL_KEY_LEN];
	struct seal *s = NULL;
	struct error e;
	size_t n;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/key", dir);
	new = xasprintf("%s/.key.new", dir);
	kept = xasprintf("%s/kept", dir);
	assert_int_equal(seal_open(path, true, &s, &e), 0);
	seal_lock(s, "a", SECRET, sizeof(SECRET) - 1, sealed);
	begin_and_die(s, SEAL_KEY_LEN + 8);
	seal_free(s);
	/* Another name, to see what becomes of the bytes. */
	assert_int_equal(link(new, kept), 0);

	assert_int_equal(seal_open(path, false, &s, &e), 0);
	assert_int_equal(access(new, F_OK), -1);
	f = fopen(kept, "re");
	assert_non_null(f);
	n = fread(left, 1, sizeof(left), f);
	(void)fclose(f);
	assert_int_equal(n, SEAL_KEY_LEN + 8);
	assert_memory_equal(left, zeros, n);
	/* The change can be made again. */
	assert_false(seal_has_two(s));
	assert_true(opens(s, sealed));
	assert_int_equal(seal_begin(s, &e), 0);
	assert_int_equal(seal_renew(s, "a", sealed, SEALED_LEN, &e), 0);
	assert_int_equal(seal_end(s, &e), 0);
	assert_true(opens(s, sealed));
	seal_free(s);
	(void)unlink(path);
	(void)unlink(kept);
	(void)rmdir(dir);
	free(path);
	free(new);
	free(kept);
}

static const struct {
	const char *name;
	int expected;
} names[] = {
	{ "a", 0 },
	{ "a-b-1", 0 },
	{ "", -1 },
	{ "-a", -1 },
	{ "a-", -1 },
	{ "A", -1 },
	{ "../x", -1 },
	{ "a/b", -1 },
	{ "a b", -1 },
	{ "a\n", -1 },
	{ "a.b", -1 },
	{ "0123456789012345678901234567890123456789012345678901234567890ab",
	    0 },
	{ "0123456789012345678901234567890123456789012345678901234567890abc",
	    -1 },
};

static void
test_names(void **state)
{
	struct error e;
	char *made = naming_make(), id[NAMING_ID_SIZE], other[NAMING_ID_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		print_message("'%s'\n", names[i].name);
		assert_int_equal(
		    naming_check(names[i].name, &e), names[i].expected);
	}
	assert_int_equal(naming_check(made, &e), 0);
	free(made);
	naming_make_id(id);
	naming_make_id(other);
	assert_int_equal(strlen(id), NAMING_ID_SIZE - 1);
	assert_string_not_equal(id, other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seals),
		cmocka_unit_test(test_a_key_is_changed_with_both_at_hand),
		cmocka_unit_test(test_what_a_crash_left_of_a_new_key_is_wiped),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
