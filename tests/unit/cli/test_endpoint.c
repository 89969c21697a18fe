/* SPDX-License-Identifier: Apache-2.0 */
/* test_endpoint.c - who is taken for the gateway. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/endpoint.h"
#include "common/cleanup.h"
#include "common/unixsock.h"
#include "common/xalloc.h"

#define OTHER 65534
#define THIRD 65533

static char root[64];

/* A directory, whose it is, its mode and who listens in it.  Others than the
 * caller take root to be made. */
static const struct {
	const char *why;
	uid_t owner, listener; /* 0: the caller */
	mode_t mode;
	enum error_code own, shared; /* ERR_NONE: connected */
} cases[] = {
	{ "the caller's", 0, 0, 0700, ERR_NONE, ERR_NONE },
	{ "the caller's, which others read", 0, 0, 0755, ERR_NONE, ERR_NONE },
	{ "a group writes it", 0, 0, 0770, ERR_DENIED, ERR_NONE },
	{ "everybody writes it", 0, 0, 01777, ERR_DENIED, ERR_NONE },
	{ "another made it before and listens", OTHER, OTHER, 0755, ERR_DENIED,
	    ERR_NONE },
	{ "another made it, writable, and listens", OTHER, OTHER, 0777,
	    ERR_DENIED, ERR_DENIED },
	{ "another made it, the caller listens", OTHER, 0, 0755, ERR_DENIED,
	    ERR_NONE },
	{ "another listens in the caller's", 0, OTHER, 0755, ERR_DENIED,
	    ERR_DENIED },
	{ "another listens where all may", 0, OTHER, 01777, ERR_DENIED,
	    ERR_DENIED },
	{ "another listens in a third one's", THIRD, OTHER, 0755, ERR_DENIED,
	    ERR_DENIED },
};

/* Listens as somebody, who is known by the euid of then. */
static int
listen_as(uid_t uid, const char *path)
{
	struct error e;
	int fd = -1, r;

	assert_int_equal(unixsock_listen(path, 0666, &fd, &e), 0);
	assert_int_equal(seteuid(uid != 0 ? uid : geteuid()), 0);
	r = listen(fd, 5);
	assert_int_equal(seteuid(getuid()), 0);
	assert_int_equal(r, 0);
	return fd;
}

static void
check(const char *socket, enum endpoint kind, enum error_code expected,
    int listener)
{
	autoclose int fd = -1, peer = -1;
	struct error e = { ERR_NONE, "" };
	char byte;

	assert_int_equal(endpoint_connect(socket, kind, &fd, &e),
	    expected == ERR_NONE ? 0 : -1);
	assert_int_equal(e.code, expected);
	peer = accept(listener, NULL, NULL);
	if (expected == ERR_NONE)
		assert_true(peer >= 0);
	/* Whom we don't trust sees the end, if it sees us at all. */
	else if (peer >= 0)
		assert_int_equal(read(peer, &byte, 1), 0);
}

static void
check_case(size_t i)
{
	autofree char *dir = xasprintf("%s/%zu", root, i);
	autofree char *path = xasprintf("%s/gateway.sock", dir);
	autoclose int fd = -1;

	print_message("%s\n", cases[i].why);
	assert_int_equal(mkdir(dir, 0700), 0);
	fd = listen_as(cases[i].listener, path);
	if (cases[i].owner != 0)
		assert_int_equal(chown(dir, cases[i].owner, (gid_t)-1), 0);
	assert_int_equal(chmod(dir, cases[i].mode), 0);
	check(path, ENDPOINT_OWN, cases[i].own, fd);
	check(path, ENDPOINT_SHARED, cases[i].shared, fd);
}

static void
test_only_the_caller_and_whom_it_trusts_are_connected_to(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (geteuid() == 0 ||
		    (cases[i].owner == 0 && cases[i].listener == 0))
			check_case(i);
}

static void
test_a_place_that_is_a_link_is_refused(void **state)
{
	autofree char *dir = xasprintf("%s/real", root);
	autofree char *link = xasprintf("%s/link", root);
	autofree char *real = xasprintf("%s/gateway.sock", dir);
	autofree char *path = xasprintf("%s/gateway.sock", link);
	autoclose int fd = -1;

	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(symlink(dir, link), 0);
	fd = listen_as(0, real);
	check(path, ENDPOINT_OWN, ERR_DENIED, fd);
	check(path, ENDPOINT_SHARED, ERR_NONE, fd);
}

static void
test_nobody_there_is_no_reason_for_distrust(void **state)
{
	static const char *const places[] = { "none/", "" };
	int fd = -1;
	struct error e;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		autofree char *path =
		    xasprintf("%s/%sgateway.sock", root, places[i]);

		assert_int_equal(
		    endpoint_connect(path, ENDPOINT_OWN, &fd, &e), -1);
		assert_int_equal(e.code, ERR_UNAVAILABLE);
		assert_int_equal(
		    endpoint_connect(path, ENDPOINT_SHARED, &fd, &e), -1);
		assert_int_equal(e.code, ERR_UNAVAILABLE);
	}
	assert_int_equal(fd, -1);
}

static int
make_root(void **state)
{
	(void)state;
	(void)strcpy(root, "/tmp/openshell-endpoint.XXXXXX");
	return mkdtemp(root) == NULL ? -1 : 0;
}

static int
remove_root(void **state)
{
	autofree char *command = xasprintf("rm -rf %s", root);

	(void)state;
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_only_the_caller_and_whom_it_trusts_are_connected_to),
		cmocka_unit_test(test_a_place_that_is_a_link_is_refused),
		cmocka_unit_test(test_nobody_there_is_no_reason_for_distrust),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
