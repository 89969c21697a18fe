/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/dirs.h"
#include "common/unixsock.h"
#include "common/xalloc.h"

static char root[64];

static int
make_root(void **state)
{
	(void)state;
	(void)strcpy(root, "/tmp/test-dirs-XXXXXX");
	return mkdtemp(root) != NULL ? 0 : -1;
}

static int
remove_root(void **state)
{
	autofree char *command = xasprintf("rm -rf '%s'", root);

	(void)state;
	return system(command);
}

static void
test_the_environment_overrides_each(void **state)
{
	struct dirs d;
	struct error e;

	(void)state;
	(void)setenv("OPENSHELL_RUNTIME_DIR", "/a", 1);
	(void)setenv("OPENSHELL_STATE_DIR", "/b", 1);
	(void)setenv("OPENSHELL_CONFIG_DIR", "/c", 1);
	assert_int_equal(dirs_find(&d, &e), 0);
	assert_string_equal(d.runtime, "/a");
	assert_string_equal(d.state, "/b");
	assert_string_equal(d.config, "/c");
	dirs_clear(&d);

	(void)setenv("OPENSHELL_STATE_DIR", "relative", 1);
	assert_int_equal(dirs_find(&d, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	(void)unsetenv("OPENSHELL_RUNTIME_DIR");
	(void)unsetenv("OPENSHELL_STATE_DIR");
	(void)unsetenv("OPENSHELL_CONFIG_DIR");
}

static void
test_the_system_and_a_person_have_their_own(void **state)
{
	struct dirs d;
	struct error e;

	(void)state;
	(void)setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
	(void)setenv("XDG_STATE_HOME", "relative: to be ignored", 1);
	(void)setenv("HOME", "/home/p", 1);
	(void)unsetenv("XDG_CONFIG_HOME");
	assert_int_equal(dirs_find(&d, &e), 0);
	if (geteuid() == 0) {
		assert_string_equal(d.runtime, "/run/openshell");
		assert_string_equal(d.state, "/var/lib/openshell");
		assert_string_equal(d.config, "/etc/openshell");
	} else {
		assert_string_equal(d.runtime, "/run/user/1/openshell");
		assert_string_equal(d.state, "/home/p/.local/state/openshell");
		assert_string_equal(d.config, "/home/p/.config/openshell");
	}
	dirs_clear(&d);
}

static void
test_a_directory_is_made_with_its_parents(void **state)
{
	autofree char *path = xasprintf("%s/a/b//c/", root);
	struct error e;
	struct stat st;

	(void)state;
	assert_int_equal(dirs_make(path, &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(dirs_make(path, &e), 0);
}

static void
test_a_directory_that_others_prepared_is_refused(void **state)
{
	autofree char *link = xasprintf("%s/link", root);
	autofree char *slash = xasprintf("%s/link/", root);
	autofree char *open = xasprintf("%s/open", root);
	autofree char *file = xasprintf("%s/file", root);
	autofree char *other = xasprintf("%s/other", root);
	struct error e;
	FILE *f;

	(void)state;
	assert_int_equal(symlink(root, link), 0);
	assert_int_equal(mkdir(open, 0700), 0);
	assert_int_equal(chmod(open, 0770), 0);
	f = fopen(file, "w");
	assert_non_null(f);
	(void)fclose(f);

	const struct {
		const char *why;
		const char *path;
		enum error_code code;
	} cases[] = {
		{ "a symlink", link, ERR_DENIED },
		{ "a symlink with a slash", slash, ERR_DENIED },
		{ "open to a group", open, ERR_DENIED },
		{ "a file", file, ERR_DENIED },
		{ "relative", "a/b", ERR_INVALID },
		{ "somebody else's", geteuid() == 0 ? other : "/", ERR_DENIED },
	};

	if (geteuid() == 0)
		assert_int_equal(mkdir(other, 0700) + chown(other, 1, 1), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].why);
		assert_int_equal(dirs_make(cases[i].path, &e), -1);
		assert_int_equal(e.code, cases[i].code);
	}
}

static void
test_a_socket_is_born_with_its_mode_and_replaces_a_dead_one(void **state)
{
	autofree char *path = xasprintf("%s/s.sock", root);
	struct error e;
	struct stat st;

	(void)state;
	for (int i = 0; i < 2; i++) {
		autoclose int fd = -1;
		autoclose int peer = -1;

		assert_int_equal(unixsock_listen(path, 0600, &fd, &e), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(unixsock_connect(path, &peer, &e), 0);
	}
	autoclose int fd = -1;

	assert_int_equal(unixsock_connect(path, &fd, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
}

static void
test_a_socket_replaces_no_file_and_needs_a_path_that_fits(void **state)
{
	autofree char *file = xasprintf("%s/plain", root);
	autofree char *too_long = xasprintf("%s/%0100d", root, 1);
	autofree char *missing = xasprintf("%s/missing", root);
	autoclose int fd = -1;
	struct error e;
	FILE *f = fopen(file, "w");

	(void)state;
	assert_non_null(f);
	(void)fclose(f);
	assert_int_equal(unixsock_listen(file, 0600, &fd, &e), -1);
	assert_int_equal(e.code, ERR_SYSTEM);
	assert_int_equal(access(file, F_OK), 0);
	assert_int_equal(unixsock_listen(too_long, 0600, &fd, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	assert_int_equal(unixsock_listen("", 0600, &fd, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	assert_int_equal(unixsock_connect(missing, &fd, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_int_equal(fd, -1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_environment_overrides_each),
		cmocka_unit_test(test_the_system_and_a_person_have_their_own),
		cmocka_unit_test(test_a_directory_is_made_with_its_parents),
		cmocka_unit_test(
		    test_a_directory_that_others_prepared_is_refused),
		cmocka_unit_test(
		    test_a_socket_is_born_with_its_mode_and_replaces_a_dead_one),
		cmocka_unit_test(
		    test_a_socket_replaces_no_file_and_needs_a_path_that_fits),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
