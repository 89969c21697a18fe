/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.h - the control groups of one sandbox (common/cgroup.h), in the
 * unified hierarchy where its controllers are ours to use, else in those of
 * version 1.
 *
 * The limits hold for everything in the sandbox together.  Where nothing may
 * be written the facts say so, and the limits of a process (limits.h) remain.
 */
#ifndef SUPERVISORD_CGROUP_H
#define SUPERVISORD_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

struct facts;

#define CGROUPS_MAX 4

struct cgroup {
	char *paths[CGROUPS_MAX]; /* owned */
	int n;
	int joins[CGROUPS_MAX]; /* their lists of tasks, to write to */
	int unified;            /* descriptor for CLONE_INTO_CGROUP; -1: none */
	bool is_full;           /* all limits hold */
};

/* Makes them and sets limits; 0 is no limit.  Never fails. */
void cgroup_make(struct cgroup *, const char *id, int64_t memory_max,
    int64_t pids_max, struct facts *);
/*
 * Enters them; born: we were cloned into the unified one.  Whoever opened the
 * lists may write them, so this works in a new user namespace; and a process
 * that moves itself alone doesn't wait for the kernel's grace period, which
 * costs several milliseconds.
 */
int cgroup_join(const struct cgroup *, bool born, struct error *);
/* What is empty is removed. */
void cgroup_remove(const struct cgroup *);
void cgroup_clear(struct cgroup *);

#endif
