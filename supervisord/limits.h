/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h - setrlimit(2) for every agent process: what one process, or one
 * user of the sandbox's namespace, can take.  The sandbox as a whole is bound
 * by its control groups (cgroup.h).
 */
#ifndef SUPERVISORD_LIMITS_H
#define SUPERVISORD_LIMITS_H

#include <stdint.h>

/* pids_max 0: the table's own; data_max 0: none.  -1 and errno.
 * Async-signal-safe. */
int limits_set(int64_t pids_max, int64_t data_max);

#endif
