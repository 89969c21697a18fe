/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet.h - a daemon's workers: processes with one loop each, that serve the
 * daemon's own interface to its parent process and to nobody else.
 *
 * What is asked of the parent is asked of every worker, and answered when all
 * have answered.  A worker that dies takes the parent along: work that only
 * some do would be worse than none.  A worker whose parent is gone ends.
 */
#ifndef COMMON_VARLINK_FLEET_H
#define COMMON_VARLINK_FLEET_H

#include "common/error.h"
#include "common/varlink/server.h"

#define FLEET_MAX 16

struct event_base;
struct fleet;

struct fleet_worker {
	const char *product; /* "openshell proxyd worker" */
	const struct interface *interface;
	const struct handler *handlers;
	/* In the worker, before it is confined: what call_ctx() is. */
	void *(*start)(void *arg, struct event_base *, unsigned index);
	void *arg;
	/* A descriptor of the parent's that workers keep; what it points to
	 * is the worker's number for it then.  NULL or -1: none. */
	int *keep;
	/* Of batches ("more"); a worker answers it when it has something. */
	const struct method *events;
};

/* "N" for people: --workers.  NULL: a CPU each. */
int fleet_count(const char *text, unsigned *ret, struct error *);
/* Forks them, before any peer is there; the worker is borrowed for good. */
struct fleet *fleet_start(
    struct event_base *, unsigned n, const struct fleet_worker *);
unsigned fleet_size(const struct fleet *);

/* How one question is asked of all; what is NULL isn't done. */
struct fleet_ask {
	const struct method *method;
	bool one; /* of them is enough: the first */
	/* Worker i's parameters; NULL: params for all. */
	const void *(*params_of)(void *ctx, unsigned i);
	void (*add)(void *ctx, const void *reply); /* one has answered */
	const void *(*reply)(void *ctx);           /* NULL: an empty one */
	void (*failed)(struct fleet *, void *ctx); /* one couldn't */
	void (*free)(void *ctx);
};

/* Answers the call: with the reply, or the first error that a worker gave. */
void fleet_ask(struct fleet *, struct call *, const struct fleet_ask *,
    const void *params, void *ctx);
/* Asks all, and nobody waits. */
void fleet_tell(struct fleet *, const struct method *, const void *params);

/* The handler of the events' method in the parent: batches of each worker go
 * on as they come, to one listener.  While there is none a batch of each waits,
 * and no other is asked for. */
int fleet_events(struct fleet *, struct call *, struct error *);

#endif
