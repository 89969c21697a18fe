/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/daemon.h"

static char steps[64]; /* in the order they were run */
static const char *state_dir;
static const char *verbose;
static bool start_fails;
static bool confine_fails;

static void
step(const char *name)
{
	(void)strncat(steps, name, sizeof(steps) - strlen(steps) - 1);
}

static void
on_loop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	step("loop ");
	(void)raise(SIGHUP);
	(void)raise(SIGPIPE);
	(void)raise(SIGTERM);
}

static int
start(struct event_base *base, void *ctx, struct error *e)
{
	static const struct timeval now = { 0, 0 };

	(void)ctx;
	step("start ");
	(void)event_base_once(base, -1, EV_TIMEOUT, on_loop, NULL, &now);
	return start_fails ? error_set(e, ERR_UNAVAILABLE, "not today") : 0;
}

static int
confine(void *ctx, struct error *e)
{
	(void)ctx;
	step("confine ");
	return confine_fails ? error_set(e, ERR_UNAVAILABLE, "not here") : 0;
}

static void
stop(void *ctx)
{
	(void)ctx;
	step("stop ");
}

static void
reload(void *ctx)
{
	(void)ctx;
	step("reload ");
}

static const struct daemon_option options[] = {
	{ "state-dir", "DIR", "where things lie", &state_dir },
	{ "verbose", NULL, "say more", &verbose },
	{ 0 },
};

static const struct daemon daemon_under_test = { "testd", "Does nothing.",
	options, start, confine, stop, reload };

static int
run(int argc, const char *const *args)
{
	char *argv[8] = { NULL };

	for (int i = 0; i < argc; i++)
		argv[i] = (char *)(uintptr_t)args[i];
	steps[0] = '\0';
	state_dir = verbose = NULL;
	optind = 0;
	return daemon_run(&daemon_under_test, NULL, argc, argv);
}

static void
test_the_steps_run_in_order(void **state)
{
	static const char *const args[] = { "testd", "--state-dir", "/x",
		"--verbose", "--log-level=warn" };

	(void)state;
	assert_int_equal(run(5, args), 0);
	assert_string_equal(steps, "start confine loop reload stop ");
	assert_string_equal(state_dir, "/x");
	assert_string_equal(verbose, "1");
}

static void
test_a_failing_step_ends_with_one(void **state)
{
	static const char *const args[] = { "testd" };

	(void)state;
	start_fails = true;
	assert_int_equal(run(1, args), 1);
	assert_string_equal(steps, "start stop ");
	start_fails = false;
	confine_fails = true;
	assert_int_equal(run(1, args), 1);
	assert_string_equal(steps, "start confine stop ");
	confine_fails = false;
}

static void
test_arguments_that_make_no_sense_end_with_two(void **state)
{
	static const char *const cases[][3] = {
		{ "testd", "--nonsense" },
		{ "testd", "--state-dir" },
		{ "testd", "--verbose=1" },
		{ "testd", "stray" },
		{ "testd", "--log-level=loud" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i][1]);
		assert_int_equal(run(2, cases[i]), 2);
		assert_string_equal(steps, "");
	}
}

static void
test_help_and_version_start_nothing(void **state)
{
	static const char *const help[] = { "testd", "--help" };
	static const char *const version[] = { "testd", "--version" };

	(void)state;
	assert_int_equal(run(2, help), 0);
	assert_int_equal(run(2, version), 0);
	assert_string_equal(steps, "");
}

static void
test_descriptors_are_as_many_as_may_be(void **state)
{
	static const char *const args[] = { "testd" };
	struct rlimit was, files;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	files = (struct rlimit){ 64, was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	assert_int_equal(run(1, args), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	assert_int_equal(files.rlim_cur, was.rlim_max);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
}

/* In a process of its own: it can't be undone.  0 if all is as it should. */
static int
harden(void)
{
	struct rlimit core;
	struct error e;

	if (daemon_harden(&e) < 0 || daemon_harden(&e) < 0)
		return 1;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 2;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 3;
	if (getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_max > 1)
		return 4;
	return 0;
}

static void
test_hardening_takes_what_it_says(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0)
		_exit(harden());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_steps_run_in_order),
		cmocka_unit_test(test_a_failing_step_ends_with_one),
		cmocka_unit_test(
		    test_arguments_that_make_no_sense_end_with_two),
		cmocka_unit_test(test_help_and_version_start_nothing),
		cmocka_unit_test(test_descriptors_are_as_many_as_may_be),
		cmocka_unit_test(test_hardening_takes_what_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
