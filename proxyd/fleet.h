/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet.h - the workers, as the parent process sees them.
 *
 * What gatewayd asks is asked of every worker, and answered when all have
 * answered.  A worker that dies takes the parent along: a sandbox whose
 * connections only some workers serve would be worse than none.
 */
#ifndef PROXYD_FLEET_H
#define PROXYD_FLEET_H

#include "common/error.h"
#include "common/varlink/server.h"

#define FLEET_MAX 16

struct event_base;
struct fleet;
struct tls_trust;

/* Forks them; before any peer is there. */
struct fleet *fleet_start(
    struct event_base *, unsigned n, const struct tls_trust *);

/* io.openshell.Proxy's handlers; the service's ctx is the fleet. */
extern const struct handler fleet_handlers[];

#endif
