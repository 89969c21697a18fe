/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_spawn.c - how a program starts, what it has then, and what is said of
 * one that doesn't.
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
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "supervisord/seccomp.h"
#include "supervisord/spawn.h"

struct outcome {
	int code;        /* as a session would report it */
	int descriptors; /* that came with the report */
	bool failed;
	struct spawn_failure failure;
	char output[4096];
};

/* Reports until the child has started or failed. */
static void
read_report(int report, struct outcome *ret)
{
	for (;;) {
		struct pollfd p = { report, POLLIN, 0 };
		struct spawn_failure f;
		char control[CMSG_SPACE(sizeof(int))];
		struct iovec iov = { &f, sizeof(f) };
		struct msghdr m = { .msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control) };
		const struct cmsghdr *h;
		ssize_t n;
		int fd;

		(void)poll(&p, 1, -1);
		n = recvmsg(report, &m, MSG_CMSG_CLOEXEC);
		if (n <= 0)
			return;
		h = CMSG_FIRSTHDR(&m);
		if (h != NULL) {
			memcpy(&fd, CMSG_DATA(h), sizeof(fd));
			(void)close(fd);
			ret->descriptors++;
		}
		if (n == (ssize_t)sizeof(f)) {
			ret->failed = true;
			ret->failure = f;
		}
	}
}

static void
run(const struct filters *f, const char *const *argv, const char *workdir,
    struct outcome *ret)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", "MINE=1",
		NULL };
	const struct confinement confinement = {
		.filter = &f->agent,
		.landlock = -1,
		.oom_score = -1,
	};
	autoclose int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out[2], report, status;
	struct error e;
	ssize_t n;
	pid_t pid;

	*ret = (struct outcome){ 0 };
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	const struct command command = {
		.argv = (char *const *)(uintptr_t)argv,
		.env = (char *const *)(uintptr_t)env,
		.workdir = workdir,
		.stdio = { null, out[1], out[1] },
	};
	pid = spawn(&confinement, &command, &report, &e);
	assert_true(pid > 0);
	(void)close(out[1]);
	read_report(report, ret);
	(void)close(report);
	for (size_t at = 0; (n = read(out[0], ret->output + at,
				 sizeof(ret->output) - 1 - at)) > 0;)
		at += (size_t)n;
	(void)close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	ret->code =
	    WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (ret->failed)
		assert_int_equal(spawn_exit_code(&ret->failure), ret->code);
}

static int
set_up(void **state)
{
	struct filters *f = calloc(1, sizeof(*f));
	struct error e;

	assert_non_null(f);
	assert_int_equal(filters_compile(f, &e), 0);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct filters *f = *state;

	filters_free(f);
	free(f);
	return 0;
}

#define SH(script)                                                             \
	{                                                                      \
		"/bin/sh", "-c", script, NULL                                  \
	}

static void
test_exit_codes_are_those_of_a_shell(void **state)
{
	static const struct {
		const char *why;
		const char *argv[4];
		const char *workdir;
		int code;
		const char *step; /* that failed, or NULL */
	} rows[] = {
		{ "success", { "true" }, "/", 0, NULL },
		{ "a failure of its own", SH("exit 3"), "/", 3, NULL },
		{ "a signal", SH("kill -9 $$"), "/", 137, NULL },
		{ "not in PATH", { "no-such-program" }, "/", 127, "execute" },
		{ "not there", { "/no/such/program" }, "/", 127, "execute" },
		{ "no program", { "" }, "/", 127, "execute" },
		{ "a directory", { "/usr" }, "/", 126, "execute" },
		{ "not executable", { "/etc/passwd" }, "/", 126, "execute" },
		{ "nowhere to start", { "true" }, "/no/such/dir", 126,
		    "enter the directory" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct outcome o;

		print_message("%s\n", rows[i].why);
		run(*state, rows[i].argv, rows[i].workdir, &o);
		assert_int_equal(o.code, rows[i].code);
		assert_int_equal(o.failed, rows[i].step != NULL);
		if (rows[i].step != NULL)
			assert_string_equal(
			    spawn_step_name(o.failure.step), rows[i].step);
	}
}

static const struct {
	const char *why;
	const char *script;
	const char *expected;
} sights[] = {
	{ "no capability",
	    "grep -E 'Cap(Inh|Prm|Eff|Amb)' /proc/self/status | cut -f2 | "
	    "sort -u",
	    "0000000000000000\n" },
	{ "no new privileges", "grep NoNewPrivs: /proc/self/status | cut -f2",
	    "1\n" },
	{ "a filter", "grep Seccomp: /proc/self/status | cut -f2", "2\n" },
	{ "three descriptors, and the one that lists them",
	    "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 " },
	{ "its own environment alone", "echo $MINE $HOME", "1\n" },
	{ "no core dumps, not even into a pipe",
	    "grep 'core file' /proc/self/limits | awk '{print $5, $6}'",
	    "1 1\n" },
	{ "a limit of core dumps that only seems to change",
	    "ulimit -c 0; grep 'core file' /proc/self/limits | "
	    "awk '{print $5}'",
	    "1\n" },
	{ "a session of its own",
	    "read a b c d e f g </proc/self/stat; "
	    "[ \"$$\" = \"$f\" ] && echo yes",
	    "yes\n" },
	{ "no ignored or blocked signals",
	    "grep -E 'Sig(Blk|Ign)' /proc/self/status | cut -f2 | sort -u",
	    "0000000000000000\n" },
	{ "files that others can't write", "umask", "0022\n" },
};

static void
test_a_program_starts_confined(void **state)
{
	for (size_t i = 0; i < sizeof(sights) / sizeof(sights[0]); i++) {
		const char *const argv[] = SH(sights[i].script);
		struct outcome o;

		print_message("%s\n", sights[i].why);
		run(*state, argv, "/", &o);
		assert_string_equal(o.output, sights[i].expected);
		assert_int_equal(o.descriptors, 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit_codes_are_those_of_a_shell),
		cmocka_unit_test(test_a_program_starts_confined),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
