/* SPDX-License-Identifier: Apache-2.0 */
/* test_identity.c - which program a process runs, and when that is nobody. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/wire/owner.h"
#include "supervisord/identity.h"

DEFINE_FREEP(identities);

static const struct {
	const char *path;
	bool is_loader;
} loaders[] = {
	{ "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", true },
	{ "/lib/ld-linux-aarch64.so.1", true },
	{ "/usr/lib/x86_64-linux-gnu/ld-2.31.so", true },
	{ "/lib/ld-musl-x86_64.so.1", true },
	{ "/usr/bin/ld.so", true },
	{ "/lib64/ld64.so.2", true },
	{ "/usr/bin/ld", false },
	{ "/usr/bin/curl", false },
	{ "/opt/ld-linux.so.2/tool", false },
	{ "/sandbox/ld", false },
};

static void
test_dynamic_loaders_are_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(loaders) / sizeof(loaders[0]); i++) {
		print_message("%s\n", loaders[i].path);
		assert_int_equal(
		    identity_is_loader(loaders[i].path), loaders[i].is_loader);
	}
}

static const struct {
	const char *stat;
	pid_t parent;
} stats[] = {
	{ "12 (cat) S 7 12 12 0 -1 4194304", 7 },
	{ "12 (a) S 1) S 7 12", 7 },
	{ "12 () R 3) Z 9) S 7 12", 7 },
	{ "12 (cat) S 0 0", 0 },
	{ "12 (cat)", 0 },
	{ "12 (cat) S", 0 },
	{ "12 (cat S 7", 0 },
	{ "", 0 },
};

static void
test_a_name_forges_no_parent(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++) {
		print_message("%s\n", stats[i].stat);
		assert_int_equal(
		    identity_parse_parent(stats[i].stat), stats[i].parent);
	}
}

/* A copy of cat in a directory of its own, which waits for its input. */
struct program {
	char dir[PATH_MAX];
	char path[PATH_MAX + 8];
	pid_t pid;
	int input;
	int proc;
};

static void
write_program(const struct program *p, const char *tail)
{
	autoclose int from = open("/bin/cat", O_RDONLY | O_CLOEXEC);
	autoclose int to =
	    open(p->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	struct stat st;

	assert_true(from >= 0 && to >= 0);
	assert_int_equal(fstat(from, &st), 0);
	assert_int_equal(
	    sendfile(to, from, NULL, (size_t)st.st_size), st.st_size);
	assert_int_equal(write(to, tail, strlen(tail)), strlen(tail));
}

static void
start(struct program *p)
{
	int in[2], started[2];
	char byte;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(started, O_CLOEXEC), 0);
	p->pid = fork();
	if (p->pid == 0) {
		(void)dup2(in[0], 0);
		(void)execl(p->path, "cat", (char *)NULL);
		_exit(1);
	}
	(void)close(in[0]);
	(void)close(started[1]);
	p->input = in[1];
	/* Its copy of the pipe closes when it executes. */
	assert_int_equal(read(started[0], &byte, 1), 0);
	(void)close(started[0]);
}

static void
end(struct program *p)
{
	(void)close(p->input);
	assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
}

static int
set_up(void **state)
{
	struct program *p = calloc(1, sizeof(*p));
	char template[] = "/tmp/openshell-unit-XXXXXX";

	assert_non_null(p);
	assert_non_null(mkdtemp(template));
	assert_non_null(realpath(template, p->dir));
	(void)snprintf(p->path, sizeof(p->path), "%s/tool", p->dir);
	p->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct program *p = *state;

	(void)unlink(p->path);
	(void)rmdir(p->dir);
	(void)close(p->proc);
	free(p);
	return 0;
}

static void
hash_of(const char *path, uint8_t hash[32])
{
	static uint8_t bytes[8 << 20];
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, bytes, sizeof(bytes));

	assert_true(n > 0);
	assert_int_equal(
	    EVP_Digest(bytes, (size_t)n, hash, NULL, EVP_sha256(), NULL), 1);
}

static void
test_a_process_is_its_file_and_those_above_it(void **state)
{
	struct program *p = *state;
	_cleanup_(identities_freep) struct identities *all =
	    identities_new(p->proc);
	autofree struct owner_reply *who = NULL;
	char self[PATH_MAX];
	const char *paths;
	uint8_t hash[32];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t n;

	self[len] = '\0';
	write_program(p, "");
	start(p);
	who = identity_take(all, p->pid, &n);
	assert_non_null(who);
	assert_int_equal(who->status, OWNER_KNOWN);
	assert_int_equal(who->pid, p->pid);
	assert_int_equal(n, sizeof(*who) + who->bytes);
	paths = (const char *)(who + 1);
	assert_string_equal(paths, p->path);
	assert_true(who->ancestors >= 1);
	assert_string_equal(paths + strlen(paths) + 1, self);
	hash_of(p->path, hash);
	assert_memory_equal(who->sha256, hash, sizeof(hash));
	end(p);
}

static void
test_a_file_that_was_replaced_is_another_program(void **state)
{
	struct program *p = *state;
	_cleanup_(identities_freep) struct identities *all =
	    identities_new(p->proc);
	static const struct {
		const char *tail;
		unsigned status;
	} rows[] = {
		{ "", OWNER_KNOWN }, { "", OWNER_KNOWN },
		{ "changed", OWNER_CHANGED },
		{ "", OWNER_KNOWN }, /* it is the first again */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		autofree struct owner_reply *who = NULL;
		size_t n;

		write_program(p, rows[i].tail);
		start(p);
		who = identity_take(all, p->pid, &n);
		assert_non_null(who);
		assert_int_equal(who->status, rows[i].status);
		end(p);
		(void)unlink(p->path);
	}
}

static void
test_a_file_that_was_deleted_is_nobody(void **state)
{
	struct program *p = *state;
	_cleanup_(identities_freep) struct identities *all =
	    identities_new(p->proc);
	autofree struct owner_reply *who = NULL;
	size_t n;

	write_program(p, "");
	start(p);
	assert_int_equal(unlink(p->path), 0);
	who = identity_take(all, p->pid, &n);
	assert_non_null(who);
	assert_string_equal((const char *)(who + 1), "");
	end(p);
}

static void
test_a_process_that_is_gone_has_no_identity(void **state)
{
	struct program *p = *state;
	_cleanup_(identities_freep) struct identities *all =
	    identities_new(p->proc);
	size_t n;

	write_program(p, "");
	start(p);
	end(p);
	assert_null(identity_take(all, p->pid, &n));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dynamic_loaders_are_known),
		cmocka_unit_test(test_a_name_forges_no_parent),
		cmocka_unit_test_setup_teardown(
		    test_a_process_is_its_file_and_those_above_it, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_file_that_was_replaced_is_another_program, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_file_that_was_deleted_is_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_process_that_is_gone_has_no_identity, set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
