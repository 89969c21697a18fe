/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - commands that run in the sandbox: Supervisor.Exec, Signal, and
 * the reaping that PID 1 owes.
 *
 * A session lives until its command ends, whoever asked for it: gatewayd may
 * go and come back meanwhile.
 */
#ifndef SUPERVISORD_SESSION_H
#define SUPERVISORD_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "supervisord/spawn.h"

struct attribution;
struct call;
struct event_base;
struct sessions;
struct supervisor_exec;

/* All are borrowed and outlive it; proc is a descriptor of /proc. */
struct sessions *sessions_new(struct event_base *, const char *sandbox,
    int proc, const struct confinement *, struct attribution *);

/* Answers the call now and when the command has ended. */
int sessions_exec(struct sessions *, const struct supervisor_exec *,
    struct call *, struct error *);
int sessions_signal(struct sessions *, int64_t id, int signo, struct error *);
size_t sessions_count(const struct sessions *);

#endif
