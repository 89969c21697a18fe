/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selector.h - host pattern, port and path glob, as an endpoint of the policy
 * language has them, for what is bound to endpoints outside a policy.
 */
#ifndef COMMON_POLICY_SELECTOR_H
#define COMMON_POLICY_SELECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct selector;

/* path NULL or "": all paths.  ERR_INVALID for what no endpoint could have. */
int selector_new(const char *host, uint16_t port, const char *path,
    struct selector **ret, struct error *);
void selector_free(struct selector *); /* NULL is fine */

/* host is canonical (http/authority.h) and path is (http/path.h); path NULL:
 * may there be one that it matches? */
bool selector_matches(
    const struct selector *, const char *host, uint16_t port, const char *path);

#endif
