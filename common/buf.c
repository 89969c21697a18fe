/* SPDX-License-Identifier: Apache-2.0 */
/* buf.c - see buf.h. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/xalloc.h"

#define CAPACITY_MIN 256

void
buf_free(struct buf *b)
{
	size_t limit = b->limit;

	free(b->base);
	*b = (struct buf)BUF_INIT;
	b->limit = limit;
}

void
buf_wipe(struct buf *b)
{
	if (b->base != NULL)
		explicit_bzero(b->base, b->cap);
	buf_free(b);
}

/* Room for n more bytes and the NUL that doesn't count. */
static void
reserve(struct buf *b, size_t n)
{
	size_t need = b->len + n + 1;
	size_t cap = b->cap < CAPACITY_MIN ? CAPACITY_MIN : b->cap;

	if (b->start + need <= b->cap)
		return;
	/* Moving is cheap only while at least half the space is free: else
	 * consuming byte by byte would move everything each time. */
	if (b->start > 0 && need <= b->cap / 2) {
		memmove(b->base, b->base + b->start, b->len);
		b->start = 0;
		return;
	}
	while (cap < need)
		cap *= 2;
	uint8_t *base = xmalloc(cap);

	if (b->len > 0)
		memcpy(base, b->base + b->start, b->len);
	/* Whoever wipes a secret knows only the new one. */
	if (b->base != NULL)
		explicit_bzero(b->base, b->cap);
	free(b->base);
	b->base = base;
	b->start = 0;
	b->cap = cap;
}

uint8_t *
buf_room(struct buf *b, size_t n)
{
	/* Half the address space is nobody's honest request, and keeps the
	 * sums below from wrapping. */
	if (n > SIZE_MAX / 4 || b->len > SIZE_MAX / 4 - n)
		return NULL;
	if (b->limit != 0 && (n > b->limit || b->len > b->limit - n))
		return NULL;
	reserve(b, n);
	return b->base + b->start + b->len;
}

void
buf_grew(struct buf *b, size_t n)
{
	assert(b->start + b->len + n < b->cap);
	b->len += n;
}

int
buf_append(struct buf *b, const void *data, size_t n)
{
	uint8_t *room = buf_room(b, n);

	if (room == NULL)
		return -1;
	if (n > 0)
		memcpy(room, data, n);
	b->len += n;
	return 0;
}

int
buf_puts(struct buf *b, const char *s)
{
	return buf_append(b, s, strlen(s));
}

int
buf_printf(struct buf *b, const char *fmt, ...)
{
	/* Most texts fit into what is there, and are formatted once. */
	size_t used = b->start + b->len, spare = b->cap - used;
	va_list ap;
	uint8_t *room;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(
	    spare > 0 ? (char *)b->base + used : NULL, spare, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -1;
	room = buf_room(b, (size_t)n);
	if (room == NULL)
		return -1;
	if ((size_t)n < spare) {
		b->len += (size_t)n;
		return 0;
	}
	va_start(ap, fmt);
	(void)vsnprintf((char *)room, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void
buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->len);
	b->len -= n;
	b->start = b->len == 0 ? 0 : b->start + n;
}

const char *
buf_str(struct buf *b)
{
	reserve(b, 0);
	b->base[b->start + b->len] = '\0';
	return (const char *)b->base + b->start;
}

char *
buf_take_str(struct buf *b)
{
	char *s;

	(void)buf_str(b);
	if (b->start > 0)
		memmove(b->base, b->base + b->start, b->len + 1);
	s = (char *)b->base;
	b->base = NULL;
	buf_free(b);
	return s;
}
