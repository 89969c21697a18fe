/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shown.h - paths of the host that a sandbox's creator has shown in it.
 *
 * A command that isn't among the host's programs, an agent that somebody
 * installed for themselves, is of no use in a sandbox unless its package is
 * there.  Which paths that are its user's client says; here is decided which
 * it may say.  They are shown read-only, where they lie.
 */
#ifndef GATEWAYD_SHOWN_H
#define GATEWAYD_SHOWN_H

#include <stddef.h>

#include "common/error.h"

struct gateway;
struct peer;
struct strings;
struct supervisor_bind;

/*
 * ERR_DENIED unless the peer is the user that this gateway runs as, or root:
 * nobody may see by it what they couldn't otherwise.  ERR_INVALID where a path
 * isn't plain, or would show the gateway's own files.
 */
int shown_check(const struct gateway *, const struct peer *,
    const struct strings *paths, struct error *);

/* Fills one bind for each path that is still there; how many that are. */
size_t shown_binds(const struct strings *paths, struct supervisor_bind *ret);

#endif
