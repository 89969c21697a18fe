/* SPDX-License-Identifier: Apache-2.0 */
/*
 * websocket.h - the opening handshake of RFC 6455, seen from the middle.
 *
 * Decides whether a request is a valid upgrade and whether the server's 101
 * answers that very request with nothing the client didn't offer.  Frames are
 * somebody else's.
 */
#ifndef COMMON_HTTP_WEBSOCKET_H
#define COMMON_HTTP_WEBSOCKET_H

#include "common/error.h"
#include "common/http/message.h"

#define HTTP_WEBSOCKET_ACCEPT_SIZE 29 /* base64 of 20 bytes, NUL */
#define HTTP_WEBSOCKET_OFFER_MAX 1024 /* bytes of each list offered */

/* What has to be remembered of the request until its answer comes. */
struct http_websocket {
	char accept[HTTP_WEBSOCKET_ACCEPT_SIZE];       /* expected in the 101 */
	char protocols[HTTP_WEBSOCKET_OFFER_MAX + 1];  /* a,b,c; "" none */
	char extensions[HTTP_WEBSOCKET_OFFER_MAX + 1]; /* names: a,b,c */
};

/*
 * GET in HTTP/1.1, Upgrade: websocket and Connection: upgrade, exactly one
 * key of 16 bytes, exactly one version and it is 13, no body.  ERR_INVALID
 * says what is missing.
 */
int http_websocket_request(
    const struct http_head *, struct http_websocket *ret, struct error *);

/*
 * The client's offer of extensions isn't forwarded, or only as `names` (what
 * the caller writes instead, "" for none).  For relays that read frames.
 */
void http_websocket_offer_only(struct http_websocket *, const char *names);

/* A 101 with upgrade fields, the accept value once, at most one protocol and
 * it was offered, only offered extensions.  ERR_PROTOCOL otherwise. */
int http_websocket_response(
    const struct http_websocket *, const struct http_head *, struct error *);

/* base64(SHA-1(key + the GUID of RFC 6455 1.3)). */
void http_websocket_accept(
    struct http_slice key, char ret[HTTP_WEBSOCKET_ACCEPT_SIZE]);

#endif
