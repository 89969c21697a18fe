/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.h - what can start a supervisord and end it: a table of functions.
 *
 * native is the one there is: supervisord on this host, without a container
 * engine.
 */
#ifndef GATEWAYD_DRIVER_H
#define GATEWAYD_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/field.h"

struct event_base;
struct instance; /* one running sandbox */
struct supervisor_create;

/* instance is NULL when error is set; facts are borrowed. */
typedef void driver_started_fn(void *arg, struct instance *,
    const struct objects *facts, const struct error *);
typedef void driver_gone_fn(void *arg);
typedef void driver_cleaned_fn(void *arg, const struct error *); /* NULL: ok */

struct driver {
	const char *name;
	/* Starts a new one; started is called from the loop. */
	void (*create)(struct event_base *, const struct supervisor_create *,
	    driver_started_fn *started, driver_gone_fn *gone, void *arg);
	/* Finds one again that outlived us; -1 if it isn't there. */
	int (*adopt)(struct event_base *, const char *socket,
	    driver_gone_fn *gone, void *arg, struct instance **ret,
	    struct error *);
	/* Kills all of it at once; gone is called when it is dead. */
	void (*stop)(struct instance *);
	/* Removes what a dead one left in the kernel and on disk. */
	void (*clean)(struct event_base *, const char *id, const char *socket,
	    const char *state_dir, driver_cleaned_fn *, void *arg);
};

extern const struct driver driver_native;

/* A connected socket to its supervisord, for one varlink_client. */
int instance_connect(const struct instance *, int *ret_fd, struct error *);
/* Forgets it; a live one goes on living. */
void instance_free(struct instance *);

#endif
