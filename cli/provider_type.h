/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provider_type.h - the types of providers that the gateway knows, as its
 * profiles describe them.
 */
#ifndef CLI_PROVIDER_TYPE_H
#define CLI_PROVIDER_TYPE_H

#include "common/varlink/arena.h"
#include "common/wire/provider.h"

struct cli;

struct provider_types {
	struct gateway_profile *v;
	size_t n;
	struct arena arena; /* of everything here */
};

/* Asks the gateway; an exit code. */
int provider_types_get(struct cli *, struct provider_types *ret);
void provider_types_clear(struct provider_types *);

/* By id or alias; NULL: none. */
const struct gateway_profile *provider_type_find(
    const struct provider_types *, const char *name);

#endif
