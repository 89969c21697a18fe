/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dirs.c - see dirs.h.
 *
 * The environment is the caller's own and trusted; /tmp is not: whoever made
 * the directory there first may be an attacker, so that dirs_check() looks at
 * what is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/dirs.h"
#include "common/xalloc.h"

#define SERVICE_USER "openshell"

static bool
is_system(void)
{
	const struct passwd *pw;

	if (geteuid() == 0)
		return true;
	pw = getpwnam(SERVICE_USER);
	return pw != NULL && pw->pw_uid == geteuid();
}

/* An owned path, or NULL if the variable isn't set to an absolute path: the
 * XDG specification says to ignore relative ones. */
static char *
from_environment(const char *variable, const char *suffix)
{
	const char *value = getenv(variable);

	if (value == NULL || value[0] != '/')
		return NULL;
	return xasprintf("%s%s", value, suffix);
}

static char *
under_home(const char *suffix, struct error *e)
{
	const struct passwd *pw;
	char *path = from_environment("HOME", suffix);

	if (path != NULL)
		return path;
	pw = getpwuid(geteuid());
	if (pw == NULL || pw->pw_dir == NULL || pw->pw_dir[0] != '/') {
		(void)error_set(
		    e, ERR_NOT_FOUND, "no home directory; HOME is not set");
		return NULL;
	}
	return xasprintf("%s%s", pw->pw_dir, suffix);
}

static char *
person_runtime(struct error *e)
{
	char *path = from_environment("XDG_RUNTIME_DIR", "/openshell");

	(void)e;
	if (path == NULL)
		path = xasprintf("/tmp/openshell-%u", (unsigned)geteuid());
	return path;
}

static char *
person_state(struct error *e)
{
	char *path = from_environment("XDG_STATE_HOME", "/openshell");

	return path != NULL ? path : under_home("/.local/state/openshell", e);
}

static char *
person_config(struct error *e)
{
	char *path = from_environment("XDG_CONFIG_HOME", "/openshell");

	return path != NULL ? path : under_home("/.config/openshell", e);
}

int
dirs_find(struct dirs *ret, struct error *e)
{
	struct dirs d = { 0 };
	const struct {
		char **path;
		const char *variable;
		const char *system;
		char *(*person)(struct error *);
	} rows[] = {
		{ &d.runtime, "OPENSHELL_RUNTIME_DIR", "/run/openshell",
		    person_runtime },
		{ &d.state, "OPENSHELL_STATE_DIR", "/var/lib/openshell",
		    person_state },
		{ &d.config, "OPENSHELL_CONFIG_DIR", "/etc/openshell",
		    person_config },
	};
	bool system = is_system();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *value = getenv(rows[i].variable);

		if (value != NULL && value[0] != '\0' && value[0] != '/') {
			dirs_clear(&d);
			return error_set(e, ERR_INVALID,
			    "%s '%s' is not an absolute path", rows[i].variable,
			    value);
		}
		if (value != NULL && value[0] == '/')
			*rows[i].path = xstrdup(value);
		else if (system)
			*rows[i].path = xstrdup(rows[i].system);
		else if ((*rows[i].path = rows[i].person(e)) == NULL) {
			dirs_clear(&d);
			return -1;
		}
	}
	*ret = d;
	return 0;
}

void
dirs_clear(struct dirs *d)
{
	free(d->runtime);
	free(d->state);
	free(d->config);
	*d = (struct dirs){ 0 };
}

static int
make_parents(const char *path, struct error *e)
{
	autofree char *copy = xstrdup(path);

	for (char *p = strchr(copy + 1, '/'); p != NULL;
	     p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return error_errno(e, "cannot make '%s'", copy);
		*p = '/';
	}
	return 0;
}

int
dirs_check(const char *path, struct error *e)
{
	autofree char *copy = xstrdup(path);
	autoclose int fd = -1;
	struct stat st;

	/* A trailing slash would make O_NOFOLLOW follow. */
	for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	fd = open(copy, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return error_set(
		    e, ERR_DENIED, "'%s' is not a directory of its own", copy);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(e, "cannot open '%s'", copy);
	if (st.st_uid != geteuid())
		return error_set(e, ERR_DENIED,
		    "'%s' belongs to user %u, not to user %u", copy,
		    (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 022) != 0)
		return error_set(
		    e, ERR_DENIED, "'%s' can be written by others", copy);
	return 0;
}

int
dirs_make(const char *path, struct error *e)
{
	if (path[0] != '/')
		return error_set(
		    e, ERR_INVALID, "'%s' is not an absolute path", path);
	if (make_parents(path, e) < 0)
		return -1;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_errno(e, "cannot make '%s'", path);
	return dirs_check(path, e);
}

bool
dirs_is_plain(const char *path)
{
	if (path[0] != '/' || path[1] == '\0')
		return false;
	while (*path == '/') {
		size_t n = strcspn(++path, "/");

		if (n == 0 || (n == 1 && path[0] == '.') ||
		    (n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += n;
	}
	return true;
}

bool
dirs_is_within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 &&
	       (path[n] == '\0' || path[n] == '/');
}
