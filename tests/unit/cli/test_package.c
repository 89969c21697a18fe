/* SPDX-License-Identifier: Apache-2.0 */
/* test_package.c - what is shown of a command that only its caller has. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/package.h"
#include "common/cleanup.h"
#include "common/dirs.h"
#include "common/xalloc.h"

#define NODE "#!/usr/bin/env node\n"
#define CODEX "lib/node_modules/@v/codex"

/* A home: text, or where a link leads to. */
static const struct {
	const char *path;
	const char *text;
	const char *link;
} files[] = {
	{ "secret", "s", NULL },
	{ "bin/native", "\177ELF", NULL },
	{ "bin/node", "\177ELF", NULL },
	{ "bin/other", "\177ELF", NULL },
	{ "bin/codex", NULL, "../" CODEX "/bin/codex.js" },
	{ CODEX "/bin/codex.js", NODE, NULL },
	{ CODEX "/package.json", "{\"dependencies\":{\"nested\":\"1\"}}",
	    NULL },
	{ CODEX "/node_modules/nested/package.json", "{}", NULL },
	{ "lib/node_modules/nested/package.json", "{}", NULL },
	{ "flat/node_modules/.bin/flat", NULL, "../flat/cli" },
	{ "flat/node_modules/flat/cli", "\177ELF", NULL },
	{ "flat/node_modules/flat/package.json",
	    "{\"dependencies\":{\"dep\":\"1\",\"../../secret\":\"1\","
	    "\"missing\":\"1\"}}",
	    NULL },
	{ "flat/node_modules/dep/package.json",
	    "{\"optionalDependencies\":{\"flat\":\"1\",\"@v/deeper\":\"1\"}}",
	    NULL },
	{ "flat/node_modules/@v/deeper/package.json", "not JSON", NULL },
	{ "flat/node_modules/unrelated/package.json", "{}", NULL },
	{ "evil/node_modules/.bin/evil", NULL, "../@e/evil/cli" },
	{ "evil/node_modules/@e/evil/cli", "\177ELF", NULL },
	{ "evil/node_modules/@e/evil/package.json",
	    "{\"dependencies\":{\"mine/secrets\":\"1\",\"@corp\":\"1\","
	    "\"@corp/a/b\":\"1\",\"@corp/\":\"1\",\"@/a\":\"1\","
	    "\".hidden\":\"1\",\"@corp/..\":\"1\",\"\":\"1\",\"/\":\"1\","
	    "\"linked\":\"1\",\"@linked/a\":\"1\",\"mine/\":\"1\","
	    "\"@corp/a\":\"1\"}}",
	    NULL },
	{ "evil/node_modules/mine/secrets", "s", NULL },
	{ "evil/node_modules/@corp/a/b", "s", NULL },
	{ "evil/node_modules/@/a/b", "s", NULL },
	{ "evil/node_modules/.hidden", "s", NULL },
	{ "evil/node_modules/linked", NULL, "../elsewhere" },
	{ "evil/node_modules/@linked", NULL, "../elsewhere" },
	{ "evil/elsewhere/a/secret", "s", NULL },
	{ "share/versions/2.1", "\177ELF", NULL },
	{ "bin/claude", NULL, "claude-stable" },
	{ "bin/claude-stable", NULL, "../share/versions/2.1" },
	{ "bin/loop", NULL, "loop" },
	{ "bin/system", NULL, "/usr/bin/env" },
	{ "linked", NULL, "bin" },
};

struct home {
	char dir[64];
};

static void
make_file(const char *dir, size_t i)
{
	autofree char *path = xasprintf("%s/%s", dir, files[i].path);
	autofree char *parent =
	    xasprintf("%.*s", (int)(strrchr(path, '/') - path), path);
	struct error e;
	FILE *f;

	assert_int_equal(dirs_make(parent, &e), 0);
	if (files[i].link != NULL) {
		assert_int_equal(symlink(files[i].link, path), 0);
		return;
	}
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs(files[i].text, f);
	(void)fclose(f);
	(void)chmod(path, strcmp(files[i].path, "secret") == 0 ? 0644 : 0755);
}

static int
make_home(void **state)
{
	struct home *h = xcalloc(1, sizeof(*h));

	(void)strcpy(h->dir, "/tmp/openshell-package.XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		make_file(h->dir, i);
	*state = h;
	return 0;
}

static int
remove_home(void **state)
{
	struct home *h = *state;
	autofree char *command = xasprintf("rm -rf %s", h->dir);

	assert_int_equal(system(command), 0);
	free(h);
	return 0;
}

#define REST                                                                   \
	"/sandbox/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:"        \
	"/usr/bin:/sbin:/bin"

/* Below the home, in order; what is searched before REST, or NULL: nothing. */
static const struct {
	const char *why;
	const char *command; /* "~" stands for the home */
	const char *shown[8];
	const char *search[3];
} cases[] = {
	{ "one file", "native", { "bin/native" }, { "bin" } },
	{ "npm's link, package and Node", "codex",
	    { "bin/codex", CODEX, "bin/node" }, { "bin" } },
	{ "packages beside it that it needs", "flat",
	    { "flat/node_modules/.bin/flat", "flat/node_modules/flat",
		"flat/node_modules/dep", "flat/node_modules/@v/deeper" },
	    { "flat/node_modules/.bin" } },
	{ "of a package's names only those of packages, and no links",
	    "~/evil/node_modules/.bin/evil",
	    { "evil/node_modules/.bin/evil", "evil/node_modules/@e/evil",
		"evil/node_modules/@corp/a" },
	    { "evil/node_modules/.bin" } },
	{ "two links to a version", "claude",
	    { "bin/claude", "bin/claude-stable", "share/versions/2.1" },
	    { "bin" } },
	{ "an absolute path", "~/bin/native", { "bin/native" }, { "bin" } },
	{ "a directory that is a link", "~/linked/native", { "bin/native" },
	    { "bin" } },
	{ "every sandbox has it", "env", { NULL }, { NULL } },
	{ "a path that every sandbox has", "/usr/bin/env", { NULL }, { NULL } },
	{ "nobody has it", "nobody-has-this", { NULL }, { NULL } },
	{ "relative to the sandbox", "./native", { NULL }, { NULL } },
	{ "relative, too", "bin/native", { NULL }, { NULL } },
	{ "a path to nothing", "~/bin/missing", { NULL }, { NULL } },
	{ "a directory", "~/bin", { NULL }, { NULL } },
	{ "what can't be executed", "~/secret", { NULL }, { NULL } },
	{ "a loop", "~/bin/loop", { "bin/loop" }, { NULL } },
	{ "a link to what every sandbox has", "system", { "bin/system" },
	    { "bin" } },
};

static char *
in_home(const struct home *h, const char *path)
{
	return *path == '~' ? xasprintf("%s%s", h->dir, path + 1)
			    : xstrdup(path);
}

static void
check_case(const struct home *h, size_t i)
{
	autofree char *path =
	    xasprintf("%s/bin:relative::%s/flat/node_modules/.bin:/usr/bin",
		h->dir, h->dir);
	autofree char *command = in_home(h, cases[i].command);
	_cleanup_(package_clear) struct package p;
	size_t n = 0;

	print_message("%s\n", cases[i].why);
	package_find(command, path, &p);
	for (; cases[i].shown[n] != NULL; n++) {
		autofree char *expected =
		    xasprintf("%s/%s", h->dir, cases[i].shown[n]);

		assert_true(n < p.paths.n);
		assert_string_equal(p.paths.v[n], expected);
	}
	assert_int_equal(p.paths.n, n);
	if (cases[i].search[0] == NULL) {
		assert_null(p.search);
		return;
	}
	autofree char *search =
	    xasprintf("%s/%s:" REST, h->dir, cases[i].search[0]);
	assert_string_equal(p.search, search);
}

static void
test_a_command_brings_its_package_and_nothing_else(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_case(*state, i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_command_brings_its_package_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, make_home, remove_home);
}
