/* SPDX-License-Identifier: Apache-2.0 */
/* profile_file.c - see profile_file.h. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/dirs.h"
#include "common/log.h"
#include "common/policy/policy.h"
#include "common/program.h"
#include "common/xalloc.h"
#include "gatewayd/durable.h"
#include "gatewayd/profile.h"
#include "gatewayd/profile_file.h"

#define FILE_MODE 0644 /* no secret is in one */

static struct profile *
by_id(const struct profiles *all, const char *id)
{
	struct profile *p;

	TAILQ_FOREACH(p, all, next)
	if (strcmp(p->id, id) == 0)
		return p;
	return NULL;
}

/* NULL, or the one that has this name already. */
static const struct profile *
owner_of(
    const struct profiles *all, const char *name, const struct profile *besides)
{
	const struct profile *p;

	TAILQ_FOREACH(p, all, next)
	if (p != besides && profile_is_called(p, name))
		return p;
	return NULL;
}

/* Is a name of this one free, now that old will go? */
static int
check_name(const struct profiles *all, const char *name,
    const struct profile *old, struct error *e)
{
	const struct profile *p = owner_of(all, name, old);

	if (p == NULL)
		return 0;
	if (p->is_built_in)
		return error_set(e, ERR_DENIED,
		    "'%s' is the name of profile '%s', which is built in and "
		    "can't be replaced; call yours otherwise",
		    name, p->id);
	return error_set(
	    e, ERR_EXISTS, "'%s' is the name of profile '%s'", name, p->id);
}

static int
check_names(const struct profiles *all, const struct profile *p,
    const struct profile *old, struct error *e)
{
	if (check_name(all, p->id, old, e) < 0)
		return -1;
	for (size_t i = 0; i < p->aliases.n; i++)
		if (check_name(all, p->aliases.v[i], old, e) < 0)
			return -1;
	return 0;
}

/*
 * Loading.
 */

static void
log_violations(const char *path, struct violations *bad)
{
	for (size_t i = 0; i < bad->n; i++)
		log_warnx("%s:%u:%u: %s: %s", path, bad->v[i].line,
		    bad->v[i].column, bad->v[i].path, bad->v[i].message);
	violations_clear(bad);
}

static struct profile *
read_profile(const char *path)
{
	autofree struct violations *bad = xcalloc(1, sizeof(*bad));
	autofree char *text = xmalloc(PROFILE_FILE_MAX + 1);
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, PROFILE_FILE_MAX + 1);
	struct profile *p = NULL;

	if (n < 0)
		log_warn("cannot read profile path=%s", path);
	else if (profile_parse(text, (size_t)n, &p, bad, NULL) < 0)
		log_violations(path, bad);
	return p;
}

static void
load_file(
    struct profiles *all, const char *dir, const char *name, bool is_built_in)
{
	autofree char *path = xasprintf("%s/%s", dir, name);
	struct profile *p = read_profile(path);
	struct error e;

	if (p == NULL)
		return;
	if (check_names(all, p, NULL, &e) < 0) {
		log_warnx("%s: %s", path, e.text);
		profile_free(p);
		return;
	}
	p->path = arena_strdup(&p->arena, path);
	p->is_built_in = is_built_in;
	TAILQ_INSERT_TAIL(all, p, next);
}

static int
is_yaml(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 5 &&
	       strcmp(d->d_name + n - 5, ".yaml") == 0;
}

static void
load_directory(struct profiles *all, const char *dir, bool is_built_in)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_yaml, alphasort);

	for (int i = 0; i < n; i++) {
		if (i < PROFILES_MAX)
			load_file(all, dir, names[i]->d_name, is_built_in);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static char *
own_directory(const char *config_dir)
{
	return xasprintf("%s/providers", config_dir);
}

void
profiles_load(struct profiles *all, const char *config_dir)
{
	autofree char *shipped = program_data("providers");
	autofree char *own = own_directory(config_dir);

	load_directory(all, shipped, true);
	load_directory(all, own, false);
}

void
profiles_clear(struct profiles *all)
{
	struct profile *p, *next;

	for (p = TAILQ_FIRST(all); p != NULL; p = next) {
		next = TAILQ_NEXT(p, next);
		profile_free(p);
	}
	TAILQ_INIT(all);
}

/*
 * Changing.
 */

static int
write_file(const char *path, const struct profile *p, struct error *e)
{
	return durable_write(path, p->text, strlen(p->text), FILE_MODE, e);
}

static size_t
count_own(const struct profiles *all)
{
	const struct profile *p;
	size_t n = 0;

	TAILQ_FOREACH(p, all, next)
	n += !p->is_built_in;
	return n;
}

int
profiles_add(struct profiles *all, const char *config_dir, struct profile *p,
    struct error *e)
{
	autofree char *dir = own_directory(config_dir);
	autofree char *path = xasprintf("%s/%s.yaml", dir, p->id);

	if (check_names(all, p, NULL, e) < 0)
		return -1;
	if (count_own(all) >= PROFILES_MAX)
		return error_set(e, ERR_LIMIT, "there are %d profiles already",
		    PROFILES_MAX);
	if (dirs_make(dir, e) < 0)
		return -1;
	/* One that a person put there while we run, or that we couldn't read.
	 */
	if (access(path, F_OK) == 0)
		return error_set(e, ERR_EXISTS, "'%s' is there already", path);
	if (write_file(path, p, e) < 0)
		return -1;
	p->path = arena_strdup(&p->arena, path);
	TAILQ_INSERT_TAIL(all, p, next);
	return 0;
}

/* The operator's one of that id; NULL and e. */
static struct profile *
find_own(const struct profiles *all, const char *id, struct error *e)
{
	struct profile *p = by_id(all, id);

	if (p == NULL)
		(void)error_set(
		    e, ERR_NOT_FOUND, "there is no profile '%s'", id);
	else if (p->is_built_in)
		(void)error_set(e, ERR_DENIED,
		    "profile '%s' is built in: it can't be changed or deleted",
		    id);
	return p == NULL || p->is_built_in ? NULL : p;
}

int
profiles_replace(struct profiles *all, struct profile *p, struct error *e)
{
	struct profile *old = find_own(all, p->id, e);

	if (old == NULL || check_names(all, p, old, e) < 0 ||
	    write_file(old->path, p, e) < 0)
		return -1;
	p->path = arena_strdup(&p->arena, old->path);
	TAILQ_INSERT_BEFORE(old, p, next);
	TAILQ_REMOVE(all, old, next);
	profile_free(old);
	return 0;
}

int
profiles_remove(struct profiles *all, const char *id, struct error *e)
{
	struct profile *p = find_own(all, id, e);

	if (p == NULL || durable_remove(p->path, e) < 0)
		return -1;
	TAILQ_REMOVE(all, p, next);
	profile_free(p);
	return 0;
}
