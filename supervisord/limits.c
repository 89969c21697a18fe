/* SPDX-License-Identifier: Apache-2.0 */
/* limits.c - see limits.h. */
#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>

#include "supervisord/limits.h"

static const struct {
	__rlimit_resource_t what;
	rlim_t soft;
	rlim_t hard;
} rows[] = {
	/* One byte rather than none: a core pattern that is a pipe is asked
	 * for at 0, not at 1. */
	{ RLIMIT_CORE, 1, 1 },
	{ RLIMIT_NOFILE, 4096, 65536 },
	{ RLIMIT_MEMLOCK, 8 << 20, 8 << 20 },
	{ RLIMIT_MSGQUEUE, 819200, 819200 },
	{ RLIMIT_SIGPENDING, 4096, 4096 },
	{ RLIMIT_RTPRIO, 0, 0 },
	{ RLIMIT_NICE, 0, 0 },
};

#define PROCESSES 4096 /* counted for the user inside its namespace */

/* Never above what we have: only root could. */
static int
set_one(__rlimit_resource_t what, rlim_t soft, rlim_t hard)
{
	struct rlimit now, next;

	if (getrlimit(what, &now) < 0)
		return -1;
	next.rlim_max = hard < now.rlim_max ? hard : now.rlim_max;
	next.rlim_cur = soft < next.rlim_max ? soft : next.rlim_max;
	return setrlimit(what, &next);
}

int
limits_set(int64_t pids_max, int64_t data_max)
{
	rlim_t processes = pids_max > 0 ? (rlim_t)pids_max : PROCESSES;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (set_one(rows[i].what, rows[i].soft, rows[i].hard) < 0)
			return -1;
	if (data_max > 0 &&
	    set_one(RLIMIT_DATA, (rlim_t)data_max, (rlim_t)data_max) < 0)
		return -1;
	return set_one(RLIMIT_NPROC, processes, processes);
}
