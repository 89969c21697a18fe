/* SPDX-License-Identifier: Apache-2.0 */
/* percent.c - see percent.h. */
#include "common/buf.h"
#include "common/http/percent.h"

int
http_percent_encode(
    struct buf *b, const char *p, size_t n, enum http_char literal, char also)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)p[i];
		const char escape[] = { '%', digits[c >> 4], digits[c & 15] };
		bool as_is = http_char_is(p[i], literal) || p[i] == also;

		if (buf_append(b, as_is ? p + i : escape, as_is ? 1 : 3) < 0)
			return -1;
	}
	return 0;
}

bool
http_is_escape(const char *p, const char *end)
{
	return end - p >= 3 && *p == '%' && http_char_is(p[1], HTTP_CHAR_HEX) &&
	       http_char_is(p[2], HTTP_CHAR_HEX);
}

unsigned char
http_escape_value(const char *p)
{
	return (
	    unsigned char)(http_hex_value(p[1]) << 4 | http_hex_value(p[2]));
}

size_t
http_percent_decode(const char *p, size_t n, char *out)
{
	const char *end = p + n;
	char *to = out;

	while (p < end) {
		bool escape = http_is_escape(p, end);

		*to++ = escape ? (char)http_escape_value(p) : *p;
		p += escape ? 3 : 1;
	}
	return (size_t)(to - out);
}
