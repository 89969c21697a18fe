/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.h - heads that leave us, built from heads that were parsed.
 *
 * Nothing is copied through by default but end-to-end fields: what belongs to
 * one connection (RFC 9110 7.6.1: Connection and all it nominates, Keep-Alive,
 * Proxy-*, TE, Trailer, Upgrade) and what says where a message ends is written
 * anew from the typed head.  Framing is that of head->framing and
 * head->content_length: a caller that has buffered or changed the body sets
 * these two before.
 */
#ifndef COMMON_HTTP_WRITE_H
#define COMMON_HTTP_WRITE_H

#include "common/error.h"
#include "common/http/message.h"

struct buf;

enum http_edit {
	HTTP_KEEP,     /* the field goes out as it is */
	HTTP_DROP,     /* it doesn't */
	HTTP_REPLACED, /* the new value is in the buf */
};

/*
 * Asked for each end-to-end field; to replace a value it appends the new one
 * to `value`, which is empty.  -1 with e set ends the writing.  A new value
 * with control bytes is refused (ERR_INVALID).
 */
typedef int http_edit_fn(
    void *arg, const struct http_header *, struct buf *value, struct error *e);

struct http_extra {
	const char *name;
	const char *value;
};

struct http_request_out {
	struct http_slice path;  /* canonical, or any target if query absent */
	struct http_slice query; /* without '?'; absent: none */
	const char *authority;   /* what Host says */
	bool websocket;          /* forward the upgrade; only if
				  * head->upgrade_websocket */
	bool close;              /* ask for Connection: close */
	bool drop_expect;        /* we have answered 100 ourselves */
	const char *via;         /* "1.1 name", if the head has no Via */
	const struct http_extra *extra; /* ends with a zero row; may be NULL */
	http_edit_fn *edit;             /* may be NULL */
	void *edit_arg;
};

/* -1: the buf's limit (ERR_LIMIT) or a value that can't be written; what was
 * appended is undefined then. */
int http_write_request(struct buf *, const struct http_head *,
    const struct http_request_out *, struct error *);

struct http_response_out {
	bool websocket; /* status 101: Connection and Upgrade go out */
	bool close;     /* say Connection: close */
	const struct http_extra *extra;
	http_edit_fn *edit;
	void *edit_arg;
};

/*
 * The status line says HTTP/1.1.  A client that spoke 1.0 doesn't know
 * chunks: set head->framing to HTTP_UNTIL_CLOSE and close for it.
 */
int http_write_response(struct buf *, const struct http_head *,
    const struct http_response_out *, struct error *);

/*
 * A whole answer of our own, then the connection closes: status, type, exact
 * length, Connection: close, and the body unless the request was HEAD.  type
 * NULL: no body.
 */
int http_write_answer(struct buf *, unsigned status,
    const struct http_extra *extra, const char *type, const void *body,
    size_t n, bool head_request);

/* "Not Found"; "" for a status we don't know. */
const char *http_reason(unsigned status);

#endif
