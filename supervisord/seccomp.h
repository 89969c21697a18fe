/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp.h - which system calls there are in a sandbox: seccomp(2).
 *
 * An agent has an allow-list.  Unknown calls are ENOSYS, so that libraries
 * fall back; known dangerous ones EPERM; foreign architectures and x32 kill.
 * connect(2) is notified: the first process makes it, and knows who asked
 * (attribution.h).
 *
 * The first process loses what it built the sandbox with.
 */
#ifndef SUPERVISORD_SECCOMP_H
#define SUPERVISORD_SECCOMP_H

#include <linux/filter.h>

#include "common/error.h"

struct facts;

struct syscall_filter {
	struct sock_fprog program; /* owned */
};

/* Compiled once, by the launcher; every session loads the same. */
struct filters {
	struct syscall_filter agent;
	struct syscall_filter own;
};

int filters_compile(struct filters *, struct error *);
void filters_free(struct filters *);

/* From the launcher to the first process, over their SEQPACKET pair. */
int filters_send(const struct filters *, int fd, struct error *);
int filters_receive(struct filters *, int fd, struct error *);

void filters_describe(const struct filters *, struct facts *);

/* For good; returns the descriptor of its notifications, or -1 and errno.
 * Async-signal-safe. */
int agent_filter_load(const struct syscall_filter *);
int own_filter_load(const struct filters *, struct error *);

#endif
