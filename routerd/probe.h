/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - is there a model at the end of a route?
 *
 * The smallest request of each protocol that the backend offers is tried until
 * one is answered; that something is wrong with the key, the quota or the
 * backend ends it.  The answer is hostile: a little of it is read, to say what
 * the backend complained of.
 */
#ifndef ROUTERD_PROBE_H
#define ROUTERD_PROBE_H

#include <stdint.h>

#include "common/error.h"

#define PROBE_MS 30000
#define PROBE_ANSWER_MAX 4096 /* bytes that are read of one */

struct router_route;
struct worker;

/* The result goes to fd, which it owns; see router.h.  -1: the route is no
 * route. */
int probe_start(struct worker *, struct router_route *, int fd, struct error *);
/* The tick: ends those whose time is up. */
void probes_check_time(struct worker *, int64_t now_ms);

#endif
