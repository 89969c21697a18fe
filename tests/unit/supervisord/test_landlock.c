/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_landlock.c - what a policy lets a session do with files, tried by
 * children that are restricted by it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/xalloc.h"
#include "supervisord/kernel.h"
#include "supervisord/landlock.h"
#include "supervisord/plan.h"

/* Not below what every policy allows, which /tmp is. */
struct place {
	char dir[PATH_MAX];
	char *file;
};

static int
set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));
	char template[] = "build/unit-landlock-XXXXXX";
	int fd;

	if (mkdtemp(template) == NULL)
		fail_msg("run from the root of the tree");
	assert_non_null(realpath(template, p->dir));
	p->file = xasprintf("%s/file", p->dir);
	fd = open(p->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *p = *state;

	(void)unlink(p->file);
	(void)rmdir(p->dir);
	free(p->file);
	free(p);
	return 0;
}

static bool
is_available(void)
{
	return sys_landlock_create_ruleset(
		   NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 3;
}

/* A tree in /tmp leaves nothing to refuse. */
static bool
is_always_allowed(const char *dir)
{
	return strncmp(dir, "/tmp/", 5) == 0 ||
	       strncmp(dir, "/var/tmp/", 9) == 0 ||
	       strncmp(dir, "/usr/", 5) == 0;
}

struct wish {
	const char *read_only;
	const char *read_write;
	const char *bind;
	bool bind_writable;
	bool hard;
};

static int
prepare(const struct wish *w, int *ret, struct facts *facts, struct error *e)
{
	struct supervisor_bind bind = { "/x", w->bind, w->bind_writable };
	const struct supervisor_create spec = {
		.binds = { &bind, w->bind != NULL },
	};
	const struct plan plan = {
		.spec = &spec,
		.limits = {
			.read_only = &w->read_only,
			.n_read_only = w->read_only != NULL,
			.read_write = &w->read_write,
			.n_read_write = w->read_write != NULL,
			.landlock = w->hard ? POLICY_HARD_REQUIREMENT
					    : POLICY_BEST_EFFORT,
		},
	};

	return landlock_prepare(&plan, ret, facts, e);
}

/* errno of opening it in a session with that wish. */
static int
try_open(const struct wish *w, const char *path, int flags)
{
	struct facts facts = { 0 };
	struct error e;
	int ruleset, status;
	pid_t pid;

	assert_int_equal(prepare(w, &ruleset, &facts, &e), 0);
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    sys_landlock_restrict_self(ruleset) < 0)
			_exit(255);
		_exit(open(path, flags | O_CLOEXEC) < 0 ? errno : 0);
	}
	(void)close(ruleset);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_a_session_reads_and_writes_what_its_policy_says(void **state)
{
	const struct place *p = *state;
	const struct {
		const char *why;
		struct wish wish;
		const char *path;
		int flags;
		int error;
	} rows[] = {
		{ "nothing was said of it", { 0 }, p->file, O_RDONLY, EACCES },
		{ "read-only reads", { .read_only = p->dir }, p->file, O_RDONLY,
		    0 },
		{ "read-only doesn't write", { .read_only = p->dir }, p->file,
		    O_WRONLY, EACCES },
		{ "nor truncate", { .read_only = p->dir }, p->file,
		    O_RDONLY | O_TRUNC, EACCES },
		{ "read-write writes", { .read_write = p->dir }, p->file,
		    O_RDWR | O_TRUNC, 0 },
		{ "one file alone", { .read_write = p->file }, p->file, O_RDWR,
		    0 },
		{ "not the directory around it", { .read_write = p->file },
		    p->dir, O_RDONLY | O_DIRECTORY, EACCES },
		{ "a bind is allowed", { .bind = p->dir }, p->file, O_RDONLY,
		    0 },
		{ "and no more than it is", { .bind = p->dir }, p->file,
		    O_WRONLY, EACCES },
		{ "a writable one", { .bind = p->dir, .bind_writable = true },
		    p->file, O_WRONLY, 0 },
		{ "programs are always there", { 0 }, "/usr", O_RDONLY, 0 },
		{ "and can't be written", { 0 }, "/usr/bin/env", O_WRONLY,
		    EACCES },
		{ "the null device", { 0 }, "/dev/null", O_RDWR, 0 },
		{ "what runs is shown", { 0 }, "/proc/self/status", O_RDONLY,
		    0 },
		{ "memory can't be written", { 0 }, "/proc/self/mem", O_RDWR,
		    EACCES },
		{ "whatever a policy says", { .read_write = "/proc" },
		    "/proc/self/mem", O_RDWR, EACCES },
		{ "in any words", { .read_write = "/proc/self/" },
		    "/proc/self/mem", O_RDWR, EACCES },
		{ "the root isn't listed", { 0 }, "/", O_RDONLY | O_DIRECTORY,
		    EACCES },
	};

	if (!is_available() || is_always_allowed(p->dir))
		skip();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].why);
		assert_int_equal(
		    try_open(&rows[i].wish, rows[i].path, rows[i].flags),
		    rows[i].error);
	}
}

static void
test_a_path_that_is_missing_is_named_or_refused(void **state)
{
	struct wish w = { .read_only = "/no/such/place" };
	struct facts facts = { 0 };
	struct error e;
	int ruleset;

	(void)state;
	if (!is_available())
		skip();
	assert_int_equal(prepare(&w, &ruleset, &facts, &e), 0);
	(void)close(ruleset);
	assert_int_equal(facts.n, 1);
	assert_non_null(strstr(facts.v[0].level, "/no/such/place"));

	w.hard = true;
	assert_int_equal(prepare(&w, &ruleset, &facts, &e), -1);
	assert_int_equal(ruleset, -1);
	assert_non_null(strstr(e.text, "/no/such/place"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_a_session_reads_and_writes_what_its_policy_says,
		    set_up, tear_down),
		cmocka_unit_test(
		    test_a_path_that_is_missing_is_named_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
