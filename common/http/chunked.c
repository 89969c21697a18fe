/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunked.c - a state machine that takes one byte at a time of the framing
 * and whole runs of the data.
 *
 *	SIZE -> [EXT] -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE
 *	                     \
 *	  size 0: TRAILER <-> TRAILER_NAME -> TRAILER_VALUE -> TRAILER_LF
 *	             \
 *	             LAST_LF -> done
 *
 * The bytes are a client's that wants a second request to look like body, or
 * a server's.  Sizes are hex digits followed by ';' or CR and by nothing else:
 * no sign, no 0x, no space.
 */
#include <assert.h>
#include <stdio.h>

#include "common/http/chars.h"
#include "common/http/chunked.h"

enum state {
	SIZE, /* zero: where a zeroed decoder starts */
	EXT,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER, /* first byte of a trailer line or of the last line */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	LAST_LF,
};

static int
on_size(struct http_chunked *d, char c, struct error *e)
{
	if (http_char_is(c, HTTP_CHAR_HEX)) {
		if (++d->digits > HTTP_CHUNK_DIGITS_MAX ||
		    d->left > INT64_MAX >> 4)
			return error_set(
			    e, ERR_PROTOCOL, "chunk size is too large");
		d->left = d->left << 4 | http_hex_value(c);
		return SIZE;
	}
	if (d->digits == 0)
		return error_set(e, ERR_PROTOCOL, "no chunk size");
	if (c == ';')
		return EXT;
	if (c == '\r')
		return SIZE_LF;
	return error_set(e, ERR_PROTOCOL, "chunk size is no hex number");
}

static int
on_ext(struct http_chunked *d, char c, struct error *e)
{
	if (c == '\r')
		return SIZE_LF;
	if (!http_char_is(c, HTTP_CHAR_VALUE))
		return error_set(
		    e, ERR_PROTOCOL, "a control byte in a chunk extension");
	/* The total, too: a byte a chunk with much around it is how little
	 * payload is made much work. */
	if (++d->ext > HTTP_CHUNK_EXT_MAX ||
	    ++d->ext_total > HTTP_CHUNK_EXT_TOTAL_MAX)
		return error_set(e, ERR_LIMIT, "chunk extensions are too long");
	return EXT;
}

static int
expect(char c, char wanted, int next, struct error *e)
{
	if (c != wanted)
		return error_set(
		    e, ERR_PROTOCOL, "CRLF is missing in the chunked coding");
	return next;
}

static int
on_size_lf(struct http_chunked *d, char c, struct error *e)
{
	d->digits = d->ext = 0;
	return expect(c, '\n', d->left > 0 ? DATA : TRAILER, e);
}

/* A trailer is checked as a field line is, and dropped. */
static int
on_trailer(struct http_chunked *d, char c, struct error *e)
{
	if (++d->trailers > HTTP_TRAILERS_MAX)
		return error_set(e, ERR_LIMIT, "trailers are too long");
	switch (d->state) {
	case TRAILER:
		if (c == '\r')
			return LAST_LF;
		break;
	case TRAILER_NAME:
		if (c == ':')
			return TRAILER_VALUE;
		break;
	case TRAILER_VALUE:
		if (c == '\r')
			return TRAILER_LF;
		if (http_char_is(c, HTTP_CHAR_VALUE))
			return TRAILER_VALUE;
		return error_set(
		    e, ERR_PROTOCOL, "a control byte in a trailer");
	default:
		return expect(c, '\n', TRAILER, e);
	}
	if (!http_char_is(c, HTTP_CHAR_TOKEN))
		return error_set(
		    e, ERR_PROTOCOL, "a trailer's name is no token");
	return TRAILER_NAME;
}

/* The state behind this byte of framing. */
static int
on_byte(struct http_chunked *d, char c, struct error *e)
{
	switch (d->state) {
	case SIZE:
		return on_size(d, c, e);
	case EXT:
		return on_ext(d, c, e);
	case SIZE_LF:
		return on_size_lf(d, c, e);
	case DATA_CR:
		return expect(c, '\r', DATA_LF, e);
	case DATA_LF:
		return expect(c, '\n', SIZE, e);
	case LAST_LF:
		d->done = true;
		return expect(c, '\n', LAST_LF, e);
	default:
		return on_trailer(d, c, e);
	}
}

ssize_t
http_chunked_decode(struct http_chunked *d, const char *p, size_t n,
    struct http_slice *ret_data, struct error *e)
{
	size_t i = 0, run;

	assert(!d->done && n > 0);
	*ret_data = (struct http_slice){ p, 0 };
	while (i < n && !d->done && d->state != DATA) {
		int next = on_byte(d, p[i], e);

		if (next < 0) {
			d->done = false;
			return -1;
		}
		d->state = (unsigned)next;
		i++;
	}
	if (i == n || d->done)
		return (ssize_t)i;
	run = n - i < d->left ? n - i : (size_t)d->left;
	*ret_data = (struct http_slice){ p + i, run };
	d->left -= run;
	d->total += run;
	if (d->left == 0)
		d->state = DATA_CR;
	return (ssize_t)(i + run);
}

size_t
http_chunk_size_line(uint64_t n, char ret[HTTP_CHUNK_SIZE_LINE])
{
	assert(n > 0); /* 0 would end the body */
	return (size_t)snprintf(
	    ret, HTTP_CHUNK_SIZE_LINE, "%llx\r\n", (unsigned long long)n);
}
