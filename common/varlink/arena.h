/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h - the memory of one message, which dies as a whole. */
#ifndef COMMON_VARLINK_ARENA_H
#define COMMON_VARLINK_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	bool has_secrets;           /* is wiped when it is cleared */
};

/* Zeroed and aligned for anything; n * size must not come unchecked from a
 * peer. */
void *arena_alloc(struct arena *, size_t n, size_t size);
char *arena_strdup(struct arena *, const char *);
void arena_clear(struct arena *);

#endif
