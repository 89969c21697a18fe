/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.h - strict HTTP/1.x heads: bytes in, a typed value or a refusal out.
 *
 * Decides what one message is and where its body ends (RFC 9112).  The bytes
 * come from the workload or from a server on the Internet; both are hostile.
 * Whatever two parsers could read differently is refused, never repaired:
 * bare CR or LF, folded lines, space before the colon, Content-Length beside
 * Transfer-Encoding, lists and signs in Content-Length, codings other than
 * `chunked`, a second Host, a Connection that nominates framing.
 *
 * No I/O, no allocation: every slice in a head points into the caller's
 * buffer, and the head dies with it.
 *
 *	struct http_scan scan = { 0 };
 *	each time bytes have come:
 *		n = http_parse_request(&scan, data, len, limit, &head, &e);
 *		n > 0   head is filled, its n bytes (with the empty line) may be
 *		        consumed once nobody needs the slices; the body follows
 *		n == 0  more bytes are needed; call again with the same start
 *		n < 0   refused: e says why, head.status is what to answer
 *
 * After n > 0 the scan is zero again, ready for the next message.
 */
#ifndef COMMON_HTTP_MESSAGE_H
#define COMMON_HTTP_MESSAGE_H

#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/http/slice.h"

#define HTTP_HEAD_FIRST_MAX 8192   /* first head on a proxy connection */
#define HTTP_HEAD_MAX 16384        /* in a tunnel, and every response */
#define HTTP_HEADERS_MAX 128       /* field lines in a head */
#define HTTP_METHOD_MAX 32         /* bytes */
#define HTTP_CONNECTION_OPTIONS 16 /* options in all Connection fields */

/* The fields that somebody decides on; all others are HTTP_OTHER. */
enum http_field {
	HTTP_OTHER,
	HTTP_AUTHORIZATION,
	HTTP_CONNECTION,
	HTTP_CONTENT_ENCODING,
	HTTP_CONTENT_LENGTH,
	HTTP_CONTENT_TYPE,
	HTTP_COOKIE,
	HTTP_EXPECT,
	HTTP_HOST,
	HTTP_HTTP2_SETTINGS,
	HTTP_KEEP_ALIVE,
	HTTP_PROXY_AUTHENTICATE,
	HTTP_PROXY_AUTHENTICATION_INFO,
	HTTP_PROXY_AUTHORIZATION,
	HTTP_PROXY_CONNECTION,
	HTTP_SEC_WEBSOCKET_ACCEPT,
	HTTP_SEC_WEBSOCKET_EXTENSIONS,
	HTTP_SEC_WEBSOCKET_KEY,
	HTTP_SEC_WEBSOCKET_PROTOCOL,
	HTTP_SEC_WEBSOCKET_VERSION,
	HTTP_TE,
	HTTP_TRAILER,
	HTTP_TRANSFER_ENCODING,
	HTTP_UPGRADE,
	HTTP_VIA,
	HTTP_FIELD_MAX_
};

struct http_header {
	struct http_slice name;  /* as it was sent */
	struct http_slice value; /* without the white space around it */
	enum http_field field;
	bool hop; /* ends here: hop-by-hop, or nominated by Connection */
};

enum http_framing {
	HTTP_NO_BODY,
	HTTP_LENGTH,      /* content_length bytes follow; may be 0 */
	HTTP_CHUNKED,     /* see chunked.h */
	HTTP_UNTIL_CLOSE, /* responses only */
};

enum http_target {
	HTTP_TARGET_ORIGIN,    /* /path?query */
	HTTP_TARGET_ABSOLUTE,  /* scheme://authority/path?query */
	HTTP_TARGET_AUTHORITY, /* host:port, CONNECT and nothing else */
	HTTP_TARGET_ASTERISK,  /* *, OPTIONS and nothing else */
};

struct http_head {
	struct http_slice method; /* requests */
	struct http_slice target; /* requests: visible ASCII */
	enum http_target target_form;
	struct http_slice reason; /* responses; may be empty */

	/* Responses: 100..599.  After a refusal: what to answer, 4xx or 505
	 * to a client, 502 for a response. */
	unsigned status;
	unsigned minor; /* HTTP/1.minor: 0 or 1 */

	enum http_framing framing;
	uint64_t content_length; /* <= INT64_MAX; with HTTP_LENGTH, or what a
				  * body that isn't sent would have */
	bool has_content_length;

	bool keep_alive; /* the sender will take another message: HTTP/1.1, no
			  * `close`, and the body has an end of its own */
	bool expect_continue;
	bool upgrade_websocket; /* Upgrade and Connection say so */
	bool upgrade_h2c;       /* Upgrade mentions h2c, or HTTP2-Settings */
	bool upgrade;           /* there is an Upgrade field of any sort */

	struct http_slice host; /* the Host value, its grammar checked
				 * (authority.h); absent in HTTP/1.0 */

	struct http_header headers[HTTP_HEADERS_MAX];
	size_t n_headers;
};

/* How much of a head that isn't complete has been looked at. */
struct http_scan {
	size_t seen;
};

/* What the request was that a response answers (RFC 9112 6.3). */
enum http_asked {
	HTTP_ASKED,         /* anything but these: */
	HTTP_ASKED_HEAD,    /* no body whatever the fields say */
	HTTP_ASKED_CONNECT, /* a tunnel follows a 2xx */
	HTTP_ASKED_UPGRADE, /* a 101 may come: only when the upgrade was
			     * forwarded, and only then is it accepted */
};

/* limit: the head's bytes with the empty line; ERR_LIMIT and 431 beyond. */
ssize_t http_parse_request(struct http_scan *, const char *buf, size_t len,
    size_t limit, struct http_head *ret, struct error *);

/*
 * Interim responses (100, 102, 103) are heads like any other, without a body:
 * forward them and parse the next.  A 101 has no body either; what follows it
 * is the other protocol.
 */
ssize_t http_parse_response(struct http_scan *, const char *buf, size_t len,
    size_t limit, enum http_asked, struct http_head *ret, struct error *);

static inline bool
http_is_interim(const struct http_head *h)
{
	return h->status < 200 && h->status != 101;
}

/* The first of that field; NULL if there is none. */
const struct http_header *http_head_get(
    const struct http_head *, enum http_field);
/* The first whose name is that, in any case. */
const struct http_header *http_head_find(
    const struct http_head *, const char *name);
/* How many there are. */
size_t http_head_count(const struct http_head *, enum http_field);

/*
 * The next element of a comma-separated list without the white space around
 * it; false at the end.  Empty elements are skipped (RFC 9110 5.6.1.2).  Not
 * for values with quoted strings.
 */
bool http_list_next(struct http_slice *rest, struct http_slice *ret);

/* Is that a token (RFC 9110 5.6.2)?  Field names and methods are. */
bool http_is_token(struct http_slice);
/* May that be written as a field value: no control byte but TAB? */
bool http_is_field_value(struct http_slice);

/* What a connection starts with, as far as its first bytes tell. */
enum http_guess {
	HTTP_GUESS_MORE,  /* a prefix of something; at most 40 bytes are
			   * needed, so a wait must have its own limit */
	HTTP_GUESS_1,     /* an HTTP/1 request line */
	HTTP_GUESS_2,     /* the preface of HTTP/2 (RFC 9113 3.4) */
	HTTP_GUESS_OTHER, /* none of these; client_hello.h knows TLS */
};
enum http_guess http_guess(const char *buf, size_t len);

#endif
