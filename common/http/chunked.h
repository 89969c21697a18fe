/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunked.h - the chunked transfer coding (RFC 9112 7.1), both ways.
 *
 * The decoder gives the body's bytes where they lie and says exactly where the
 * body ends, so that what a client sent behind it is judged as a request and
 * never forwarded with the body.  Relays therefore decode and frame anew;
 * what was around the data (extensions, trailers) isn't forwarded.
 *
 *	struct http_chunked d = { 0 };
 *	while (!d.done && n > 0) {
 *		used = http_chunked_decode(&d, p, n, &data, &e);
 *		if (used < 0)
 *			refuse;
 *		forward data, which lies in p and may be empty;
 *		p += used, n -= used;
 *	}
 */
#ifndef COMMON_HTTP_CHUNKED_H
#define COMMON_HTTP_CHUNKED_H

#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/http/slice.h"

#define HTTP_CHUNK_DIGITS_MAX 16          /* of a size; value <= INT64_MAX */
#define HTTP_CHUNK_EXT_MAX 256            /* bytes, one chunk */
#define HTTP_CHUNK_EXT_TOTAL_MAX 16384    /* bytes, one body */
#define HTTP_TRAILERS_MAX 4096            /* bytes, with their line ends */
#define HTTP_CHUNK_SIZE_LINE (16 + 2 + 1) /* hex, CRLF, NUL */

/* Zero it for each body. */
struct http_chunked {
	unsigned state;
	unsigned digits;    /* of the size being read */
	unsigned ext;       /* bytes of extensions in this chunk */
	unsigned ext_total; /* and in this body */
	unsigned trailers;  /* bytes */
	uint64_t left;      /* of the chunk being read */
	uint64_t total;     /* body bytes given so far: the caller's limit */
	bool done;
};

/*
 * Consumes framing and at most one run of data; returns the bytes consumed,
 * 1..n (n > 0, !done), and the data among them.  -1 if the coding is broken or
 * a limit exceeded; the decoder is dead then.
 */
ssize_t http_chunked_decode(struct http_chunked *, const char *p, size_t n,
    struct http_slice *ret_data, struct error *);

/*
 * The line before a chunk of n > 0 bytes; returns its length.  The chunk is
 * followed by HTTP_CHUNK_END, the body by HTTP_CHUNK_LAST.
 */
size_t http_chunk_size_line(uint64_t n, char ret[HTTP_CHUNK_SIZE_LINE]);
#define HTTP_CHUNK_END "\r\n"
#define HTTP_CHUNK_LAST "0\r\n\r\n"

#endif
