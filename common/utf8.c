/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.c - see utf8.h. */
#include <stdint.h>

#include "common/utf8.h"

static const struct {
	uint8_t first, last; /* of the lead byte */
	uint8_t low, high;   /* of the second byte */
	uint8_t length;
} forms[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, /* no overlong form */
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 }, /* no surrogate */
	{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 }, /* not above U+10FFFF */
};

size_t
utf8_length(const char *s)
{
	const uint8_t *u = (const uint8_t *)s;

	if (u[0] < 0x80)
		return u[0] == 0 ? 0 : 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (u[0] < forms[i].first || u[0] > forms[i].last)
			continue;
		if (u[1] < forms[i].low || u[1] > forms[i].high)
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if ((u[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

bool
utf8_is_control(const char *s)
{
	const uint8_t *u = (const uint8_t *)s;

	if (u[0] < 0x20 || u[0] == 0x7f)
		return true;
	if (u[0] == 0xc2)
		return u[1] < 0xa0; /* C1 */
	if (u[0] != 0xe2)
		return false;
	/* U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069. */
	return (u[1] == 0x80 && (u[2] == 0x8e || u[2] == 0x8f ||
				    (u[2] >= 0xa8 && u[2] <= 0xae))) ||
	       (u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9);
}
