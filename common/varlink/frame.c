/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c - see frame.h. */
#include <stdint.h>
#include <string.h>

#include "common/utf8.h"
#include "common/varlink/frame.h"
#include "common/varlink/varlink.h"

int
frame_find(const void *data, size_t len, size_t *scanned, size_t *ret_len,
    struct error *e)
{
	const uint8_t *p = data;
	const uint8_t *end = NULL;

	if (len > *scanned)
		end = memchr(p + *scanned, '\0', len - *scanned);
	*scanned = end != NULL ? (size_t)(end - p) : len;
	if (*scanned > VARLINK_FRAME_MAX)
		return error_set(e, ERR_LIMIT, "message is over %u bytes",
		    VARLINK_FRAME_MAX);
	if (end == NULL)
		return 0;
	*ret_len = *scanned;
	*scanned = 0;
	return 1;
}

/* The character behind the string that starts after its opening quote at s;
 * NULL with the error set. */
static const char *
check_string(const char *s, struct error *e)
{
	while (*s != '"') {
		size_t n = utf8_length(s);

		if (n == 0 || (uint8_t)*s < 0x20) {
			(void)error_set(e, ERR_PROTOCOL,
			    *s == '\0' ? "message is not JSON: unended string"
				       : "message has a byte that is not text");
			return NULL;
		}
		if (strncmp(s, "\\u0000", 6) == 0) {
			(void)error_set(
			    e, ERR_PROTOCOL, "message has a NUL in a string");
			return NULL;
		}
		/* What follows the backslash is the parser's business, but a
		 * quote there ends nothing. */
		if (*s == '\\' && (s[1] == '"' || s[1] == '\\'))
			n = 2;
		s += n;
	}
	return s + 1;
}

int
frame_check(const char *text, struct error *e)
{
	const char *s = text + strspn(text, " \t\r\n");
	unsigned depth = 0;
	unsigned values = 0;

	if (*s != '{')
		return error_set(
		    e, ERR_PROTOCOL, "message is not a JSON object");
	while (*s != '\0') {
		uint8_t c = (uint8_t)*s++;

		if (c == '"') {
			s = check_string(s, e);
			if (s == NULL)
				return -1;
			continue;
		}
		if (c == '{' || c == '[') {
			if (++depth > VARLINK_DEPTH_MAX)
				return error_set(e, ERR_LIMIT,
				    "message is nested over %d deep",
				    VARLINK_DEPTH_MAX);
			values++;
		} else if (c == '}' || c == ']') {
			/* Too many of them is the parser's business. */
			depth -= depth > 0;
		} else if (c == ',') {
			values++;
		} else if (c > 0x7e ||
			   (c < 0x20 && c != '\t' && c != '\r' && c != '\n')) {
			return error_set(e, ERR_PROTOCOL,
			    "message has a byte that is not text");
		}
		if (values > FRAME_VALUES_MAX)
			return error_set(e, ERR_LIMIT,
			    "message has over %d values", FRAME_VALUES_MAX);
	}
	return 0;
}
