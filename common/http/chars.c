/* SPDX-License-Identifier: Apache-2.0 */
/* chars.c - the classes of bytes, as a table. */
#include "common/http/chars.h"

/* Short names for the table alone. */
#define VAL HTTP_CHAR_VALUE
#define VIS (VAL | HTTP_CHAR_VISIBLE)
#define TOK (VIS | HTTP_CHAR_TOKEN)
#define PATH HTTP_CHAR_PATH
#define HEX HTTP_CHAR_HEX
#define UNR (TOK | PATH | HTTP_CHAR_UNRESERVED)

/* PATH is unreserved, sub-delims, ':' and '@' (RFC 3986 3.3, pchar). */
const uint8_t http_chars[256] = {
	['\t'] = VAL,
	[' '] = VAL,
	['!'] = TOK | PATH,
	['"'] = VIS,
	['#'] = TOK,
	['$'] = TOK | PATH,
	['%'] = TOK,
	['&' ... '\''] = TOK | PATH,
	['(' ... ')'] = VIS | PATH,
	['*' ... '+'] = TOK | PATH,
	[','] = VIS | PATH,
	['-' ... '.'] = UNR,
	['/'] = VIS,
	['0' ... '9'] = UNR | HEX | HTTP_CHAR_DIGIT,
	[':' ... ';'] = VIS | PATH,
	['<'] = VIS,
	['='] = VIS | PATH,
	['>' ... '?'] = VIS,
	['@'] = VIS | PATH,
	['A' ... 'F'] = UNR | HEX,
	['G' ... 'Z'] = UNR,
	['[' ... ']'] = VIS,
	['^'] = TOK,
	['_'] = UNR,
	['`'] = TOK,
	['a' ... 'f'] = UNR | HEX,
	['g' ... 'z'] = UNR,
	['{'] = VIS,
	['|'] = TOK,
	['}'] = VIS,
	['~'] = UNR,
	[0x80 ... 0xff] = VAL,
};
