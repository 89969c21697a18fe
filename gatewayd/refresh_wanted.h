/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refresh_wanted.h - how a credential is to be refreshed: what the operator
 * says, and what the provider's type says where he doesn't; complete, or
 * refused by name.
 */
#ifndef GATEWAYD_REFRESH_WANTED_H
#define GATEWAYD_REFRESH_WANTED_H

#include "common/error.h"
#include "common/field.h"
#include "common/wire/refresh.h"
#include "gatewayd/profile.h"

struct provider;
struct refresh_strategy;

/* All is borrowed, from the call and the profile. */
struct refresh_wanted {
	const struct refresh_strategy *strategy;
	const char *token_url; /* not expanded */
	struct pairs material; /* in v */
	struct pair v[2 * REFRESH_MATERIAL_MAX + PROFILE_LIST_MAX];
};

/* Zero it.  What passes can be asked for: its URL is one, its key signs.
 * ERR_INVALID says what is missing, unknown or wrong. */
int refresh_wanted_read(const struct provider *,
    const struct gateway_configure_refresh *, struct refresh_wanted *ret,
    struct error *);

#endif
