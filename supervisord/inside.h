/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inside.h - the first process of a sandbox: it builds what surrounds it,
 * gives up what it needed for that, and serves io.openshell.Supervisor.
 */
#ifndef SUPERVISORD_INSIDE_H
#define SUPERVISORD_INSIDE_H

#include <stdbool.h>

#include "common/error.h"
#include "supervisord/idmap.h"
#include "supervisord/plan.h"

struct cgroup;

/* What the launcher and the first process tell each other over a SEQPACKET
 * pair: "go" with the maps, the filters, "built" or the error, "live". */
struct inside_go {
	struct idmap map;
	bool cgroup_limits; /* the sandbox's memory is bound as a whole */
};

struct inside_built {
	int failed;
	struct error error;
	struct facts facts;
};

/* Enters the control groups first; born as cgroup_join() has it.  sync and
 * socket (bound, not listening) are owned.  Never returns. */
_Noreturn void inside_main(const struct plan *, const struct cgroup *,
    bool born, int sync, int socket);

#endif
