/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - a sandbox's synthetic addresses, mapped: wire/names.h.
 *
 * One worker writes, all read.  Reading trusts nothing but that the mapping
 * can't shrink, which a seal says.
 */
#ifndef PROXYD_NAMES_H
#define PROXYD_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct name_map;

/* fd stays the caller's. */
int name_map_open(int fd, bool writable, struct name_map **ret, struct error *);
void name_map_free(struct name_map *);

/*
 * The address (host byte order) of a canonical name, given one if it has
 * none; writable maps only.  ERR_LIMIT when all are taken.
 */
int name_map_address(
    struct name_map *, const char *name, uint32_t *ret, struct error *);
/* NULL if the address stands for no name.  Lent as long as the map. */
const char *name_map_name(const struct name_map *, uint32_t address);
/* Is it in 198.18.0.0/15, where no real host is? */
bool name_is_synthetic(uint32_t address);

#endif
