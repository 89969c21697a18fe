/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h - a growing run of bytes with a limit, consumed from the front.
 *
 * For text too: buf_printf() and buf_str() keep a NUL behind the last byte
 * that doesn't count.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *base; /* the allocation */
	size_t start;  /* first byte in use */
	size_t len;    /* bytes in use */
	size_t cap;    /* of the allocation */
	size_t limit;  /* most bytes in use; 0 is none */
};

#define BUF_INIT                                                               \
	{                                                                      \
		NULL, 0, 0, 0, 0                                               \
	}

void buf_free(struct buf *); /* leaves an empty buf with the same limit */
void buf_wipe(struct buf *); /* the same, of what may hold a secret */
static inline uint8_t *
buf_data(const struct buf *b)
{
	return b->base != NULL ? b->base + b->start : NULL;
}
/* Room for n more bytes behind the last, to be claimed with buf_grew(). NULL
 * if that would exceed the limit. */
uint8_t *buf_room(struct buf *, size_t n);
void buf_grew(struct buf *, size_t n);
/* -1 and nothing appended if that would exceed the limit. */
int buf_append(struct buf *, const void *, size_t n);
int buf_puts(struct buf *, const char *);
int buf_printf(struct buf *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_consume(struct buf *, size_t n); /* n <= len */
/* The content as a C string, borrowed until the next call. */
const char *buf_str(struct buf *);
/* The content as an owned C string; the buf is empty then. */
char *buf_take_str(struct buf *);

#endif
