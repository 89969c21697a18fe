/* SPDX-License-Identifier: Apache-2.0 */
/* api_policy.h - what other nouns need of policies. */
#ifndef GATEWAYD_API_POLICY_H
#define GATEWAYD_API_POLICY_H

#include <stdbool.h>

struct call;
struct policy;

/* False if the text is no policy: the call has been answered with every
 * violation. */
bool api_parse_policy(struct call *, const char *text, struct policy **ret);

#endif
