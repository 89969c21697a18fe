/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idmap.h - which users of the host the users of a sandbox are.
 *
 *	block   root starts us: 65536 ids of the sandbox's own
 *	range   newuidmap(1) and a range in /etc/subuid: our user is 0 inside,
 *	        the agent one of the range
 *	single  neither: the agent is our user
 *
 * In all of them the agent is 1000 inside.  In single nobody is 0 there: the
 * capabilities of a new user namespace come from being cloned into it.
 */
#ifndef SUPERVISORD_IDMAP_H
#define SUPERVISORD_IDMAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

struct facts;

enum idmap_kind { IDMAP_BLOCK, IDMAP_RANGE, IDMAP_SINGLE };

struct idmap {
	enum idmap_kind kind;
	uint32_t block;    /* first uid of the block */
	uint32_t first[2]; /* of the range: uid, gid */
	uint32_t count[2];
};

/* uid_base: of the block, for root. */
void idmap_choose(uint32_t uid_base, struct idmap *ret);
/*
 * Writes the maps of a process that waits in its new user namespace.  A range
 * that can't be written falls back to single: ret tells.
 */
int idmap_write(pid_t, struct idmap *ret, struct facts *, struct error *);
/* In that namespace: becomes the id that sets it up. */
int idmap_become(const struct idmap *, struct error *);
/* Has the agent another uid than the first process? */
bool idmap_has_own_agent(const struct idmap *);

/*
 * The first range of a user in a text of subuid(5); lines name users or
 * numbers.  False if there is none with at least AGENT_ID + 1 ids.
 */
bool subid_find(const char *text, const char *user, uid_t uid,
    uint32_t *ret_first, uint32_t *ret_count);

#endif
