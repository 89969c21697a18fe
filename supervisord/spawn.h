/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn.h - the one way in which a program starts in a sandbox.
 *
 * The child confines itself, each step for the reason that stands in spawn.c's
 * table, the system call filter last; then it hands the filter's notifications
 * to us and executes.
 */
#ifndef SUPERVISORD_SPAWN_H
#define SUPERVISORD_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

struct syscall_filter;

/* What every program of a sandbox gets. */
struct confinement {
	const struct syscall_filter *filter;
	int landlock;      /* ruleset; -1: none */
	int own_agent_ids; /* the agent has another uid than we */
	int oom_score;     /* our oom_score_adj, to be written; -1: none */
	char own_score[8]; /* what it says of us */
	int64_t pids_max;
	int64_t data_max; /* bytes a process; 0: bound together */
};

struct command {
	char *const *argv;
	char *const *env;
	const char *workdir;
	int stdio[3];
	int is_terminal; /* stdio is one, and becomes the controlling one */
};

/*
 * What the child says on *ret_report, a SEQPACKET socket: first the
 * descriptor of its notifications, then, if the program can't start, a struct
 * spawn_failure; the end without one means that it has started.
 */
struct spawn_failure {
	int step; /* of spawn_step_name() */
	int error;
};

/* The child's pid; -1 and the error if there is none. */
pid_t spawn(const struct confinement *, const struct command *, int *ret_report,
    struct error *);
const char *spawn_step_name(int step);
/* ENOENT of the last step is 127, everything else 126. */
int spawn_exit_code(const struct spawn_failure *);

#endif
