/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.h - processes that gatewayd starts, and their end.
 *
 * Each is watched through a pidfd, so that no number can come to mean another
 * process.  A child that outlives gatewayd is meant to: it is in a session of
 * its own and nothing kills it.
 */
#ifndef GATEWAYD_CHILD_H
#define GATEWAYD_CHILD_H

#include <sys/types.h>

#include "common/error.h"

struct event_base;
struct child;

/* status is that of wait(2).  The child is freed when this returns. */
typedef void child_exit_fn(void *arg, int status);

/*
 * Executes argv[0] with the standard descriptors, program_environment() and,
 * if fd >= 0, that one as descriptor 3; nothing else is inherited.  fd stays
 * the caller's.
 */
int child_exec(struct event_base *, char *const argv[], int fd, child_exit_fn *,
    void *arg, struct child **ret, struct error *);
/* Runs work(arg) in a copy of this process, for what would block the loop. */
int child_fork(struct event_base *, int (*work)(void *arg), child_exit_fn *,
    void *arg, struct error *);

pid_t child_pid(const struct child *);
/* Nobody is told of its end any more; it is still reaped. */
void child_forget(struct child *);

#endif
