/* SPDX-License-Identifier: Apache-2.0 */
/*
 * package.c - see package.h.
 *
 * What it reads is the caller's own: links, first lines, package.json.  A loop
 * of links and a package that depends on itself have an end, though.
 */
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/package.h"
#include "common/cleanup.h"
#include "common/dirs.h"
#include "common/wire/limits.h"
#include "common/wire/supervisor.h"
#include "common/xalloc.h"

#define LINKS_MAX 16
#define MANIFEST_MAX (1 << 20)
#define MODULES "/node_modules/"

struct search {
	const char *path; /* the caller's PATH */
	struct package *ret;
};

static bool
is_in_every_sandbox(const char *path)
{
	for (const char *const *p = supervisor_programs; *p != NULL; p++)
		if (dirs_is_within(path, *p))
			return true;
	return false;
}

static bool
is_program(const char *path)
{
	struct stat st;

	return access(path, X_OK) == 0 && stat(path, &st) == 0 &&
	       S_ISREG(st.st_mode);
}

/* False if it is known already, or there are too many. */
static bool
add_path(struct strings *list, const char *path)
{
	for (size_t i = 0; i < list->n; i++)
		if (dirs_is_within(path, list->v[i]))
			return false;
	if (list->n == WIRE_SHOWN_MAX)
		return false;
	list->v = xreallocarray(list->v, list->n + 1, sizeof(*list->v));
	list->v[list->n++] = xstrdup(path);
	return true;
}

/*
 * npm's packages.
 */

static void add_module(struct search *, const char *modules, const char *name);

static cJSON *
read_manifest(const char *package)
{
	autofree char *path = xasprintf("%s/package.json", package);
	autofree char *text = xmalloc(MANIFEST_MAX);
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, MANIFEST_MAX);

	return n < 0 ? NULL : cJSON_ParseWithLength(text, (size_t)n);
}

/* "name" or "@scope/name": all else of a manifest leads elsewhere. */
static bool
is_package_name(const char *name)
{
	const char *rest = name;

	if (*name == '@') {
		rest = strchr(name, '/');
		if (rest == NULL || rest == name + 1)
			return false;
		rest++;
	}
	return *rest != '\0' && *rest != '.' && *rest != '@' &&
	       strchr(rest, '/') == NULL;
}

/* What it depends on and doesn't bring along lies beside it. */
static void
add_dependencies(struct search *s, const char *modules, const char *package)
{
	static const char *const kinds[] = { "dependencies",
		"optionalDependencies" };
	cJSON *manifest = read_manifest(package);
	const cJSON *one;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		cJSON_ArrayForEach(one, cJSON_GetObjectItem(manifest, kinds[i]))
		{
			autofree char *own =
			    xasprintf("%s" MODULES "%s", package, one->string);

			if (is_package_name(one->string) &&
			    access(own, F_OK) < 0)
				add_module(s, modules, one->string);
		}
	cJSON_Delete(manifest);
}

/* Is path, of the real directory modules, there and no link to elsewhere, as
 * `npm link` and a scope that is one make them? */
static bool
is_in_place(const char *path)
{
	autofree char *real = realpath(path, NULL);

	return real != NULL && strcmp(real, path) == 0;
}

/* modules ends with "/node_modules/" and has no links. */
static void
add_module(struct search *s, const char *modules, const char *name)
{
	autofree char *path = xasprintf("%s%s", modules, name);

	if (is_in_place(path) && add_path(&s->ret->paths, path))
		add_dependencies(s, modules, path);
}

/* The package that a file is of; one that lies in another belongs to that. */
static void
add_package_of(struct search *s, const char *file)
{
	const char *found = strstr(file, MODULES);
	autofree char *modules = NULL, *name = NULL;
	size_t n;

	if (found == NULL) {
		(void)add_path(&s->ret->paths, file);
		return;
	}
	found += strlen(MODULES);
	modules = xasprintf("%.*s", (int)(found - file), file);
	n = strcspn(found, "/");
	if (*found == '@' && found[n] == '/')
		n += 1 + strcspn(found + n + 1, "/");
	name = xasprintf("%.*s", (int)n, found);
	add_module(s, modules, name);
}

/*
 * Links and interpreters.
 */

static char *look_up(const char *name, const char *path);

/* The directory of path, without links. */
static char *
real_directory(const char *path)
{
	autofree char *dir =
	    xasprintf("%.*s/", (int)(strrchr(path, '/') - path), path);

	return realpath(dir, NULL);
}

/* path with the links of its directory followed, not its own. */
static char *
with_real_directory(const char *path)
{
	autofree char *real = real_directory(path);

	return real == NULL ? NULL
			    : xasprintf("%s%s", real, strrchr(path, '/'));
}

/* Where path lies is looked at first. */
static void
add_search(struct search *s, const char *path)
{
	autofree char *dir = real_directory(path);
	const char *so_far =
	    s->ret->search != NULL ? s->ret->search : SUPERVISOR_PATH;
	char *longer;

	if (dir == NULL || is_in_every_sandbox(dir) ||
	    (strncmp(so_far, dir, strlen(dir)) == 0 &&
		so_far[strlen(dir)] == ':'))
		return;
	longer = xasprintf("%s:%s", dir, so_far);
	free(s->ret->search);
	s->ret->search = longer;
}

static char *
follow_link(const char *path, const char *target)
{
	int dir = (int)(strrchr(path, '/') - path);

	return *target == '/' ? xstrdup(target)
			      : xasprintf("%.*s/%s", dir, path, target);
}

/* The file that path leads to, owned; links of it that no sandbox has are
 * added.  NULL if it leads nowhere. */
static char *
resolve(struct search *s, const char *path)
{
	char *at = with_real_directory(path);
	char target[PATH_MAX];
	ssize_t n;

	for (int i = 0; at != NULL && i < LINKS_MAX; i++) {
		autofree char *next = NULL;

		n = readlink(at, target, sizeof(target) - 1);
		if (n < 0)
			return at;
		target[n] = '\0';
		if (!is_in_every_sandbox(at))
			(void)add_path(&s->ret->paths, at);
		next = follow_link(at, target);
		free(at);
		at = with_real_directory(next);
	}
	free(at);
	return NULL;
}

/* What a script's first line names, owned: NULL if it is no script. */
static char *
interpreter_of(const char *file, const char *path)
{
	char line[256] = "";
	autoclose int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	char *rest = line + 2, *word;

	if (n < 2 || line[0] != '#' || line[1] != '!')
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	word = strtok_r(rest, " \t", &rest);
	if (word == NULL || *word != '/')
		return NULL;
	if (strcmp(strrchr(word, '/'), "/env") != 0)
		return xstrdup(word);
	do
		word = strtok_r(NULL, " \t", &rest);
	while (word != NULL && *word == '-');
	return word == NULL ? NULL : look_up(word, path);
}

/* As execvp(3) finds it; NULL: nowhere.  Owned. */
static char *
look_up(const char *name, const char *path)
{
	while (*path != '\0') {
		size_t n = strcspn(path, ":");
		autofree char *at = xasprintf("%.*s/%s", (int)n, path, name);

		/* What is relative to where we are isn't there inside. */
		if (*path == '/' && is_program(at))
			return steal_ptr(&at);
		path += n + (path[n] == ':');
	}
	return NULL;
}

/* The file that runs in the end, owned; NULL if every sandbox has it. */
static char *
add_program(struct search *s, const char *path)
{
	autofree char *file = resolve(s, path);

	if (file == NULL || !is_program(file))
		return NULL;
	add_search(s, path);
	if (is_in_every_sandbox(file))
		return NULL;
	add_package_of(s, file);
	return steal_ptr(&file);
}

void
package_find(const char *command, const char *path, struct package *ret)
{
	struct search s = { path, ret };
	autofree char *found = strchr(command, '/') != NULL
				   ? xstrdup(command)
				   : look_up(command, path);

	autofree char *file = NULL, *interpreter = NULL;

	*ret = (struct package){ 0 };
	/* A relative path is one of the sandbox's. */
	if (found == NULL || *found != '/')
		return;
	file = add_program(&s, found);
	if (file != NULL)
		interpreter = interpreter_of(file, path);
	/* Which is no script itself. */
	if (interpreter != NULL)
		free(add_program(&s, interpreter));
}

void
package_clear(struct package *p)
{
	for (size_t i = 0; i < p->paths.n; i++)
		free((void *)(uintptr_t)p->paths.v[i]);
	free(p->paths.v);
	free(p->search);
	*p = (struct package){ 0 };
}
