/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route_push.h - all routes on their way to routerd.
 *
 * They go as a whole, in as many messages as they need, so that nobody's are
 * kept back by the size of somebody else's.  One such push at a time: what
 * changes meanwhile goes with the next, which has the newest of everything.
 */
#ifndef GATEWAYD_ROUTE_PUSH_H
#define GATEWAYD_ROUTE_PUSH_H

#include <stdbool.h>
#include <stddef.h>

struct gateway;
struct router_route;

struct route_push {
	size_t unanswered; /* messages; 0: none is under way */
	bool outdated;     /* something has changed since it began */
	bool failed;
};

/* May one begin?  Not while routerd is away, which is given everything when it
 * is up, nor while one is under way: inference_push() is called after that. */
bool route_push_begin(struct gateway *);
void route_push_send(struct gateway *, const struct router_route *, size_t n);

#endif
