/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life.h - what makes a sandbox come, go on and go.
 *
 * Each starts something that ends later; whoever waits on the sandbox
 * (sandbox_wait) is told then.
 */
#ifndef GATEWAYD_LIFE_H
#define GATEWAYD_LIFE_H

#include <sys/types.h>

#include "common/error.h"

struct gateway;
struct policy;
struct sandbox;
struct sandbox_spec;
struct strings;

struct life_wish {
	const char *name; /* NULL: made up */
	uid_t owner;
	const struct sandbox_spec *spec;
	const struct policy *policy;
};

/* Writes it down and starts it.  When a start fails nothing is left of it. */
int life_create(struct gateway *, const struct life_wish *,
    struct sandbox **ret, struct error *);
int life_start(struct sandbox *, struct error *); /* Stopped, Error */
int life_stop(struct sandbox *, struct error *);
int life_delete(struct sandbox *, struct error *);

/* After our own restart: finds again what lives, says what died, finishes
 * what was begun. */
void life_resume(struct gateway *);
/* proxyd came up and serves these already: attaches the others, and
 * detaches those that are gone. */
void life_proxy_up(struct gateway *, const struct strings *attached);

#endif
