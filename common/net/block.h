/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block.h - the buffers of connections, lent by a pool.
 *
 * A connection holds a block only while bytes wait in it, so that an idle one
 * costs no buffer and a busy one no allocation.
 */
#ifndef COMMON_NET_BLOCK_H
#define COMMON_NET_BLOCK_H

#include <stddef.h>
#include <stdint.h>

/* A whole head (HTTP_HEAD_MAX) with what a proxy adds to it. */
#define BLOCK_BYTES 17408
#define POOL_BLOCKS_KEPT 64 /* free ones, for the next that asks */

struct block {
	uint32_t start; /* first byte in use */
	uint32_t len;   /* bytes in use */
	uint8_t bytes[BLOCK_BYTES];
};

struct pool {
	struct block *free[POOL_BLOCKS_KEPT];
	size_t n;
};

struct block *block_get(struct pool *);
/* NULL is fine. */
void block_put(struct pool *, struct block *);
void pool_clear(struct pool *);

/* Where the next bytes go, and for how many there is room; moves what is
 * there to the front if that makes room. */
uint8_t *block_room(struct block *, size_t *ret_n);
void block_consume(struct block *, size_t n); /* n <= len */

#endif
