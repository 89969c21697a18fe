/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock.h - filesystem_policy as a Landlock ruleset (landlock(7)).
 *
 * The ruleset is made once, of the paths that are there; each session is
 * restricted by it anew, and so is a domain of its own.  best_effort goes on
 * without what the kernel can't do and says so in the facts; hard_requirement
 * fails.
 */
#ifndef SUPERVISORD_LANDLOCK_H
#define SUPERVISORD_LANDLOCK_H

#include "common/error.h"

struct facts;
struct plan;

/* ret is a ruleset's descriptor, or -1 where none can be had. */
int landlock_prepare(
    const struct plan *, int *ret, struct facts *, struct error *);

#endif
