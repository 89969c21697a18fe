/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs.h - the file system that a sandbox sees, by construction.
 *
 * Nothing of the host is there that isn't in rootfs.c's tables: its programs
 * (/usr, /bin, /lib*, /opt) and the harmless part of /etc, read-only; no
 * /home, /root, /run, /var, /sys, no secrets of /etc.  The rest is made anew.
 *
 * Runs in the new mount, user and PID namespaces, with CAP_SYS_ADMIN there.
 */
#ifndef SUPERVISORD_ROOTFS_H
#define SUPERVISORD_ROOTFS_H

#include <stddef.h>

#include "common/error.h"

struct facts;
struct idmap;
struct plan;

/* The home and what else is bound, opened as whoever started us: directories
 * on the way may be closed to the sandbox's users. */
struct reached {
	int *fds; /* owned; the home, then plan->spec->binds */
	size_t n;
};
int rootfs_reach(const struct plan *, struct reached *, struct error *);

/* Builds the tree and makes it the root; closes what was reached. */
int rootfs_build(const struct plan *, const struct idmap *, struct reached *,
    struct facts *, struct error *);
/* Hides what /proc tells of the host; /proc/sys and the root can't be written
 * any more. */
int rootfs_seal(struct error *);

#endif
