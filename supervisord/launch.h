/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch.h - from a spec to a live sandbox: the part outside of it.
 */
#ifndef SUPERVISORD_LAUNCH_H
#define SUPERVISORD_LAUNCH_H

#include <sys/types.h>

#include "common/error.h"

struct facts;
struct plan;

/* Blocks until every layer stands, milliseconds; on failure nothing is left.
 */
int launch(
    const struct plan *, pid_t *ret_pid, struct facts *ret, struct error *);

#endif
