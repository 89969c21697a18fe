/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice.h - a run of bytes inside somebody else's buffer.
 *
 * Not NUL-terminated; dead when the buffer moves or is consumed.  A slice that
 * stands for something absent has p == NULL.
 */
#ifndef COMMON_HTTP_SLICE_H
#define COMMON_HTTP_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "common/xalloc.h"

struct http_slice {
	const char *p;
	size_t n;
};

static inline bool
http_slice_is(struct http_slice s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

/* ASCII case doesn't count. */
static inline bool
http_slice_is_nocase(struct http_slice s, const char *text)
{
	return s.n == strlen(text) && strncasecmp(s.p, text, s.n) == 0;
}

/* An owned C string; NULL for an absent slice. */
static inline char *
http_slice_dup(struct http_slice s)
{
	return s.p ? xstrndup(s.p, s.n) : NULL;
}

#endif
