/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp.h - which system calls an agent has: seccomp(2), an allow-list.
 *
 * Unknown calls are ENOSYS, so that libraries fall back; known dangerous ones
 * EPERM; foreign architectures and x32 kill.  connect(2) is notified: the
 * first process makes it, and knows who asked (attribution.h).
 */
#ifndef SUPERVISORD_SECCOMP_H
#define SUPERVISORD_SECCOMP_H

#include <linux/filter.h>

#include "common/error.h"

struct facts;

/* The filter, compiled once; every session loads the same. */
struct syscall_filter {
	struct sock_fprog program; /* owned */
};

int syscall_filter_compile(
    struct syscall_filter *, struct facts *, struct error *);
void syscall_filter_free(struct syscall_filter *);
/* For good; returns the descriptor of its notifications, or -1 and errno.
 * Async-signal-safe. */
int syscall_filter_load(const struct syscall_filter *);

#endif
