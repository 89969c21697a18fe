/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup.c - see cgroup.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cgroup.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "supervisord/cgroup.h"
#include "supervisord/plan.h"

static int
write_value(const char *dir, const char *name, const char *value)
{
	autofree char *path = xasprintf("%s/%s", dir, name);
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, value, strlen(value)) < 0 ? -1 : 0;
}

static int
write_number(const char *dir, const char *name, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	return write_value(dir, name, text);
}

/* If it can be made; owned, or NULL. */
static char *
make_group(const struct cgroups *all, const char *controller, const char *id)
{
	autofree char *dir = cgroups_path(all, controller, id);

	if (dir == NULL || (mkdir(dir, 0755) < 0 && errno != EEXIST))
		return NULL;
	return steal_ptr(&dir);
}

/* Two controllers may be in one hierarchy. */
static void
keep(struct cgroup *c, const char *path, const char *tasks)
{
	autofree char *list = xasprintf("%s/%s", path, tasks);

	for (int i = 0; i < c->n; i++)
		if (strcmp(c->paths[i], path) == 0)
			return;
	c->joins[c->n] = open(list, O_WRONLY | O_CLOEXEC);
	c->paths[c->n++] = xstrdup(path);
}

struct wanted {
	const char *controller;
	const char *limit[2]; /* the file of version 1 and of version 2 */
	int64_t max;
};

/* One limit in a group: false if that can't be. */
static bool
set_limit(const char *dir, const struct wanted *w, int version)
{
	return w->max == 0 ||
	       write_number(dir, w->limit[version - 1], w->max) == 0;
}

/*
 * A controller of version 2 has to be handed down first; the kernel refuses
 * that while our own group has processes, unless it is the root.
 */
static bool
make_unified(struct cgroup *c, const struct cgroups *all_groups, const char *id,
    const struct wanted *w, size_t n)
{
	autofree char *dir = make_group(all_groups, "", id);
	autofree char *parent = NULL;
	bool all = true;

	if (dir == NULL)
		return false;
	keep(c, dir, "cgroup.procs");
	c->unified = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	parent = xstrndup(dir, (size_t)(strrchr(dir, '/') - dir));
	for (size_t i = 0; i < n; i++) {
		autofree char *enable = xasprintf("+%s", w[i].controller);
		autofree char *file = xasprintf("%s/%s", dir, w[i].limit[1]);

		(void)write_value(parent, "cgroup.subtree_control", enable);
		/* The file is there if the controller is. */
		all =
		    all && access(file, F_OK) == 0 && set_limit(dir, &w[i], 2);
	}
	if (all && w[0].max != 0)
		(void)write_value(dir, "memory.swap.max", "0");
	return all;
}

static bool
make_legacy(struct cgroup *c, const struct cgroups *all_groups, const char *id,
    const struct wanted *w, size_t n)
{
	bool all = true;

	for (size_t i = 0; i < n; i++) {
		autofree char *dir =
		    make_group(all_groups, w[i].controller, id);

		if (dir == NULL) {
			all = false;
			continue;
		}
		all = set_limit(dir, &w[i], 1) && all;
		keep(c, dir, "tasks");
	}
	return all;
}

void
cgroup_make(struct cgroup *c, const char *id, int64_t memory_max,
    int64_t pids_max, struct facts *facts)
{
	_cleanup_(cgroups_clear) struct cgroups groups;
	const struct wanted wanted[] = {
		{ "memory", { "memory.limit_in_bytes", "memory.max" },
		    memory_max },
		{ "pids", { "pids.max", "pids.max" }, pids_max },
	};
	bool ok = false;
	int version = 2;

	*c = (struct cgroup){ .unified = -1 };
	cgroups_read(&groups);
	ok = make_unified(c, &groups, id, wanted, 2);
	if (!ok) {
		version = 1;
		ok = make_legacy(c, &groups, id, wanted, 2);
	}
	c->is_full = ok;
	if (ok)
		facts_add(facts, 1, "cgroup",
		    "version %d: memory %lld bytes, %lld processes (0: any)",
		    version, (long long)memory_max, (long long)pids_max);
	else
		facts_add(facts, 0, "cgroup",
		    "none that limits: not delegated to this user; limits "
		    "hold for each process alone");
}

int
cgroup_join(const struct cgroup *c, bool born, struct error *e)
{
	/* The first is the unified one. */
	for (int i = born ? 1 : 0; i < c->n; i++)
		if (c->joins[i] < 0 || write(c->joins[i], "0", 1) != 1)
			return error_errno(
			    e, "cannot enter cgroup '%.150s'", c->paths[i]);
	return 0;
}

void
cgroup_remove(const struct cgroup *c)
{
	for (int i = 0; i < c->n; i++)
		(void)rmdir(c->paths[i]);
}

void
cgroup_clear(struct cgroup *c)
{
	for (int i = 0; i < c->n; i++) {
		free(c->paths[i]);
		if (c->joins[i] >= 0)
			(void)close(c->joins[i]);
	}
	if (c->unified >= 0)
		(void)close(c->unified);
	*c = (struct cgroup){ .unified = -1 };
}
