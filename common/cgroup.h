/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.h - where the control groups of a sandbox lie: openshell-<id> beside
 * our own process's, in each hierarchy (cgroups(7), version 1 and 2).
 *
 * supervisord makes them, gatewayd removes them: both run in the same group.
 */
#ifndef COMMON_CGROUP_H
#define COMMON_CGROUP_H

/* Texts of /proc/self/mountinfo and /proc/self/cgroup; owned, NULL if they
 * can't be read. */
struct cgroups {
	char *mounts;
	char *own;
};
void cgroups_read(struct cgroups *);
void cgroups_clear(struct cgroups *);

/* The sandbox's group where that controller is, "" being the unified
 * hierarchy; it need not exist.  Owned; NULL if there is no such hierarchy. */
char *cgroups_path(
    const struct cgroups *, const char *controller, const char *id);

/* Our path in a hierarchy, from a text of /proc/self/cgroup.  Owned, or NULL.
 */
char *cgroup_own_path(const char *text, const char *controller);

#endif
