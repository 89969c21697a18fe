/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.h - asks routerd whether there is a model at the end of a route, and
 * waits for what it says.  What routerd says is what a backend said, in part:
 * it is for people.
 */
#ifndef GATEWAYD_VERIFY_H
#define GATEWAYD_VERIFY_H

#include "common/error.h"
#include "common/wire/router.h"

struct gateway;
struct verification;

/* What was found, or e; both live until the return. */
typedef void verify_done_fn(
    void *arg, const struct router_probed *, const struct error *e);

/* done is called once, from the loop. */
void verify_start(struct gateway *, const struct router_route *,
    verify_done_fn *done, void *arg);

#endif
