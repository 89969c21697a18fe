/* SPDX-License-Identifier: Apache-2.0 */
/* test_shown.c - which paths may be shown in a sandbox, and by whom. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/varlink/server.h"
#include "common/wire/supervisor.h"
#include "common/xalloc.h"
#include "gatewayd/gateway.h"
#include "gatewayd/shown.h"

struct place {
	char dir[64];
	struct gateway gw;
};

static int
make_place(void **state)
{
	static const char *const dirs[] = { "state", "config", "runtime",
		"state/sandboxes", "package" };
	struct place *p = xcalloc(1, sizeof(*p));
	autofree char *link = NULL;

	(void)strcpy(p->dir, "/tmp/openshell-shown.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		autofree char *path = xasprintf("%s/%s", p->dir, dirs[i]);

		assert_int_equal(mkdir(path, 0700), 0);
	}
	link = xasprintf("%s/link", p->dir);
	assert_int_equal(symlink("state", link), 0);
	p->gw.dirs = (struct dirs){ xasprintf("%s/runtime", p->dir),
		xasprintf("%s/state", p->dir), xasprintf("%s/config", p->dir) };
	*state = p;
	return 0;
}

static int
remove_place(void **state)
{
	struct place *p = *state;
	autofree char *command = xasprintf("rm -rf %s", p->dir);

	assert_int_equal(system(command), 0);
	dirs_clear(&p->gw.dirs);
	free(p);
	return 0;
}

/* Below the place, unless it begins with "/". */
static const struct {
	const char *why;
	const char *path;
	enum error_code expected;
} cases[] = {
	{ "a package", "package", ERR_NONE },
	{ "what isn't there", "missing", ERR_NONE },
	{ "the state", "state", ERR_INVALID },
	{ "a part of it", "state/sandboxes", ERR_INVALID },
	{ "the configuration", "config", ERR_INVALID },
	{ "the sockets", "runtime", ERR_INVALID },
	{ "a link to the state", "link", ERR_INVALID },
	{ "a part of it by a link", "link/sandboxes", ERR_INVALID },
	{ "what holds all of them", "", ERR_INVALID },
	{ "what holds that", "/tmp", ERR_INVALID },
	{ "the root", "/", ERR_INVALID },
	{ "a way up", "package/../state", ERR_INVALID },
	{ "a dot", "package/.", ERR_INVALID },
};

static enum error_code
check(struct place *p, const char *path, uid_t uid)
{
	struct peer peer = { .uid = uid };
	autofree char *full = *path == '/' ? xstrdup(path)
			      : *path == '\0'
				  ? xstrdup(p->dir)
				  : xasprintf("%s/%s", p->dir, path);
	const char *v[] = { "/usr/bin", full };
	struct strings paths = { v, 2 };
	struct error e = { 0 };

	if (shown_check(&p->gw, &peer, &paths, &e) == 0)
		return ERR_NONE;
	assert_int_not_equal(e.code, ERR_NONE);
	return e.code;
}

static void
test_a_path_is_plain_and_not_the_gateways(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].why);
		assert_int_equal(
		    check(*state, cases[i].path, geteuid()), cases[i].expected);
	}
}

static void
test_a_stranger_shows_nothing(void **state)
{
	struct strings none = { NULL, 0 };
	struct peer stranger = { .uid = geteuid() + 1 };
	struct place *p = *state;
	struct error e;

	assert_int_equal(check(p, "package", geteuid() + 1), ERR_DENIED);
	assert_int_equal(check(p, "package", 0), ERR_NONE);
	assert_int_equal(shown_check(&p->gw, &stranger, &none, &e), 0);
}

static void
test_what_is_gone_is_left_out(void **state)
{
	struct place *p = *state;
	autofree char *link = xasprintf("%s/link", p->dir);
	const char *v[] = { "/nonexistent/x", link, "/usr" };
	struct supervisor_bind binds[3];

	assert_int_equal(shown_binds(&(struct strings){ v, 3 }, binds), 2);
	assert_string_equal(binds[0].source, link);
	assert_string_equal(binds[0].target, link);
	assert_false(binds[0].writable);
	assert_string_equal(binds[1].source, "/usr");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_path_is_plain_and_not_the_gateways),
		cmocka_unit_test(test_a_stranger_shows_nothing),
		cmocka_unit_test(test_what_is_gone_is_left_out),
	};

	return cmocka_run_group_tests(tests, make_place, remove_place);
}
