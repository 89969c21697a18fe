/* SPDX-License-Identifier: Apache-2.0 */
/* block.c - see block.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/net/block.h"
#include "common/xalloc.h"

struct block *
block_get(struct pool *pool)
{
	struct block *b =
	    pool->n > 0 ? pool->free[--pool->n] : xmalloc(sizeof(*b));

	b->start = b->len = 0;
	return b;
}

void
block_put(struct pool *pool, struct block *b)
{
	if (b == NULL)
		return;
	if (pool->n < POOL_BLOCKS_KEPT)
		pool->free[pool->n++] = b;
	else
		free(b);
}

void
pool_clear(struct pool *pool)
{
	while (pool->n > 0)
		free(pool->free[--pool->n]);
}

uint8_t *
block_room(struct block *b, size_t *ret_n)
{
	if (b->len == 0) {
		b->start = 0;
	} else if (b->start > 0 && b->start + b->len > BLOCK_BYTES / 2) {
		memmove(b->bytes, b->bytes + b->start, b->len);
		b->start = 0;
	}
	*ret_n = BLOCK_BYTES - b->start - b->len;
	return b->bytes + b->start + b->len;
}

void
block_consume(struct block *b, size_t n)
{
	assert(n <= b->len);
	b->start += (uint32_t)n;
	b->len -= (uint32_t)n;
}
