/* SPDX-License-Identifier: Apache-2.0 */
/* landlock.c - see landlock.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "supervisord/kernel.h"
#include "supervisord/landlock.h"
#include "supervisord/plan.h"

#define BEST_ABI 6 /* later ones add audit flags and nothing to handle */

#define FILE_READ (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE)
#define READ (FILE_READ | LANDLOCK_ACCESS_FS_READ_DIR)
#define FILE_WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
/* Never MAKE_CHAR and MAKE_BLOCK. */
#define WRITE                                                                  \
	(FILE_WRITE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                          \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |     \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |       \
	    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM |       \
	    LANDLOCK_ACCESS_FS_REFER)
#define ON_FILES (FILE_READ | FILE_WRITE | LANDLOCK_ACCESS_FS_IOCTL_DEV)

/* Handled rights are those that each ABI brought, and those before. */
static const uint64_t handled_by_abi[BEST_ABI + 1] = {
	[1] = (1ULL << 13) - 1,
	[2] = LANDLOCK_ACCESS_FS_REFER,
	[3] = LANDLOCK_ACCESS_FS_TRUNCATE,
	[5] = LANDLOCK_ACCESS_FS_IOCTL_DEV,
};

/* Without these a policy could give no working sandbox. */
static const struct {
	const char *path;
	uint64_t allowed;
} always[] = {
	{ "/usr", READ },
	{ "/bin", READ },
	{ "/sbin", READ },
	{ "/lib", READ },
	{ "/lib32", READ },
	{ "/lib64", READ },
	{ "/etc", READ },
	{ "/var/log", READ },
	{ "/proc", READ },
	{ "/tmp", READ | WRITE },
	{ "/var/tmp", READ | WRITE },
	{ "/dev/shm", READ | WRITE },
	{ "/dev/null", READ | WRITE },
	{ "/dev/zero", READ | WRITE },
	{ "/dev/full", READ | WRITE },
	{ "/dev/random", READ },
	{ "/dev/urandom", READ },
	{ "/dev", LANDLOCK_ACCESS_FS_READ_DIR },
	{ "/dev/tty", READ | WRITE | LANDLOCK_ACCESS_FS_IOCTL_DEV },
	{ "/dev/ptmx", READ | WRITE | LANDLOCK_ACCESS_FS_IOCTL_DEV },
	{ "/dev/pts", READ | WRITE | LANDLOCK_ACCESS_FS_IOCTL_DEV },
};

struct adding {
	int ruleset;
	uint64_t handled;
	bool hard;
	unsigned missing;
	char missing_names[96]; /* perhaps cut */
};

static void
note_missing(struct adding *a, const char *path)
{
	size_t n = strlen(a->missing_names);

	a->missing++;
	(void)snprintf(
	    a->missing_names + n, sizeof(a->missing_names) - n, " %s", path);
}

/* A path of the policy that isn't there grants nothing. */
static int
add_path(struct adding *a, const char *path, uint64_t allowed, bool ours,
    struct error *e)
{
	autoclose int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;
	struct statfs fs;

	if (fd < 0 && (ours || !a->hard)) {
		if (!ours)
			note_missing(a, path);
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return error_errno(e, "landlock: cannot open '%.150s'", path);
	if (!S_ISDIR(st.st_mode))
		allowed &= ON_FILES;
	/* Whatever a policy says: /proc/PID/mem would be a way to run one's
	 * own code as another program of the session. */
	if (fs.f_type == PROC_SUPER_MAGIC)
		allowed &= READ;
	if (sys_landlock_add_path(a->ruleset, allowed & a->handled, fd) < 0)
		return error_errno(e, "landlock: cannot allow '%.150s'", path);
	return 0;
}

static int
add_paths(struct adding *a, const char *const *paths, size_t n,
    uint64_t allowed, struct error *e)
{
	for (size_t i = 0; i < n; i++)
		if (add_path(a, paths[i], allowed, false, e) < 0)
			return -1;
	return 0;
}

/* What the creator shows is for the agent, whatever the policy says of paths
 * that it can't know. */
static int
add_binds(
    struct adding *a, const struct supervisor_create *spec, struct error *e)
{
	const struct supervisor_bind *b = spec->binds.v;

	for (size_t i = 0; i < spec->binds.n; i++)
		if (add_path(a, b[i].target,
			b[i].writable ? READ | WRITE : READ, true, e) < 0)
			return -1;
	return 0;
}

static int
add_policy(struct adding *a, const struct policy_static *p, struct error *e)
{
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		if (add_path(a, always[i].path, always[i].allowed, true, e) < 0)
			return -1;
	if (p->include_workdir &&
	    add_path(a, AGENT_HOME, READ | WRITE, true, e) < 0)
		return -1;
	if (add_paths(a, p->read_only, p->n_read_only, READ, e) < 0)
		return -1;
	return add_paths(a, p->read_write, p->n_read_write, READ | WRITE, e);
}

int
landlock_prepare(
    const struct plan *plan, int *ret, struct facts *facts, struct error *e)
{
	const struct policy_static *p = &plan->limits;
	struct landlock_ruleset attr = { 0 };
	struct adding a = { .hard = p->landlock == POLICY_HARD_REQUIREMENT };
	int abi = sys_landlock_create_ruleset(
	    NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	*ret = -1;
	if (abi < 1 && a.hard)
		return error_errno(e,
		    "landlock is a hard requirement and the kernel has none");
	if (abi < 1) {
		facts_add(facts, 0, "landlock",
		    "the kernel has none: the built view alone protects files");
		return 0;
	}
	for (int i = 1; i <= abi && i <= BEST_ABI; i++)
		attr.handled_access_fs |= handled_by_abi[i];
	if (abi >= 6)
		attr.scoped = LANDLOCK_RULESET_SCOPE_ABSTRACT_UNIX_SOCKET |
			      LANDLOCK_RULESET_SCOPE_SIGNAL;
	a.handled = attr.handled_access_fs;
	a.ruleset = sys_landlock_create_ruleset(
	    &attr, abi >= 6 ? sizeof(attr) : sizeof(attr.handled_access_fs), 0);
	if (a.ruleset < 0)
		return error_errno(e, "landlock: cannot make a ruleset");
	if (add_policy(&a, p, e) < 0 || add_binds(&a, plan->spec, e) < 0) {
		(void)close(a.ruleset);
		return -1;
	}
	facts_add(facts, abi >= BEST_ABI, "landlock", "abi %d%s%s", abi,
	    a.missing > 0 ? "; not there:" : "", a.missing_names);
	*ret = a.ruleset;
	return 0;
}
