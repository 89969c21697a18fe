/* SPDX-License-Identifier: Apache-2.0 */
/* chars.h - what each byte may be in HTTP/1 (RFC 9110 5.5 and 5.6). */
#ifndef COMMON_HTTP_CHARS_H
#define COMMON_HTTP_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/http/slice.h"

enum http_char {
	HTTP_CHAR_TOKEN = 1,   /* field names, methods, options */
	HTTP_CHAR_VISIBLE = 2, /* 0x21..0x7e: request targets */
	HTTP_CHAR_VALUE = 4,   /* field values: all but controls, and TAB */
	HTTP_CHAR_HEX = 8,
	HTTP_CHAR_DIGIT = 16,
	HTTP_CHAR_PATH = 32,       /* literal in a canonical path segment */
	HTTP_CHAR_UNRESERVED = 64, /* RFC 3986 2.3 */
};

extern const uint8_t http_chars[256];

static inline bool
http_char_is(char c, enum http_char class)
{
	return http_chars[(unsigned char)c] & class;
}

/* Is each byte of it? */
static inline bool
http_chars_are(struct http_slice s, enum http_char class)
{
	for (size_t i = 0; i < s.n; i++)
		if (!http_char_is(s.p[i], class))
			return false;
	return true;
}

/* Of a byte that is HTTP_CHAR_HEX. */
static inline unsigned
http_hex_value(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c | 0x20) - 'a' + 10;
}

#endif
