/* SPDX-License-Identifier: Apache-2.0 */
/*
 * websocket.c - the opening handshake, both halves.
 *
 * After a 101 the two ends speak another protocol through us, so a 101 that
 * the client would read differently than we do (an extension it didn't offer
 * changes what a frame means) must not reach it.
 */
#include <openssl/evp.h>

#include "common/http/chars.h"
#include "common/http/websocket.h"

#define KEY_SIZE 24 /* base64 of 16 bytes */

static int
missing(struct error *e, const char *what)
{
	return error_set(e, ERR_INVALID, "no WebSocket upgrade: %s", what);
}

static bool
is_base64(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '+' || c == '/';
}

/* 22 digits that end in four zero bits, and "==": the one spelling of 16
 * bytes. */
static bool
is_key(struct http_slice s)
{
	if (s.n != KEY_SIZE || s.p[22] != '=' || s.p[23] != '=')
		return false;
	for (size_t i = 0; i < 22; i++)
		if (!is_base64(s.p[i]))
			return false;
	return strchr("AQgw", s.p[21]) != NULL;
}

void
http_websocket_accept(
    struct http_slice key, char ret[HTTP_WEBSOCKET_ACCEPT_SIZE])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char text[KEY_SIZE + sizeof(guid)], sha[20];
	size_t n = key.n < KEY_SIZE ? key.n : KEY_SIZE;

	memcpy(text, key.p, n);
	memcpy(text + n, guid, sizeof(guid) - 1);
	/* Fails only if OpenSSL was built without SHA-1; the zeros then match
	 * no server's answer. */
	memset(sha, 0, sizeof(sha));
	(void)EVP_Digest(
	    text, n + sizeof(guid) - 1, sha, NULL, EVP_sha1(), NULL);
	(void)EVP_EncodeBlock((unsigned char *)ret, sha, sizeof(sha));
}

/* Is item one of the comma-separated list? */
static bool
list_has(const char *list, struct http_slice item)
{
	struct http_slice rest = { list, strlen(list) }, one;

	while (http_list_next(&rest, &one))
		if (one.n == item.n && memcmp(one.p, item.p, item.n) == 0)
			return true;
	return false;
}

static struct http_slice
extension_name(struct http_slice s)
{
	size_t n = 0;

	while (n < s.n && http_char_is(s.p[n], HTTP_CHAR_TOKEN))
		n++;
	return (struct http_slice){ s.p, n };
}

/* The names in all fields of that sort, joined by commas. */
static int
collect(const struct http_head *head, enum http_field field,
    char ret[HTTP_WEBSOCKET_OFFER_MAX + 1], struct error *e)
{
	size_t used = 0;

	for (size_t i = 0; i < head->n_headers; i++) {
		struct http_slice rest = head->headers[i].value, one;

		if (head->headers[i].field != field)
			continue;
		while (http_list_next(&rest, &one)) {
			one = extension_name(one);
			if (one.n == 0)
				return missing(e, "an offer is no token");
			if (used + one.n + 1 > HTTP_WEBSOCKET_OFFER_MAX)
				return error_set(e, ERR_LIMIT,
				    "WebSocket offers are over %d bytes",
				    HTTP_WEBSOCKET_OFFER_MAX);
			memcpy(ret + used, one.p, one.n);
			used += one.n;
			ret[used++] = ',';
		}
	}
	ret[used] = '\0';
	return 0;
}

int
http_websocket_request(
    const struct http_head *head, struct http_websocket *ret, struct error *e)
{
	const struct http_header *key, *version;

	if (!http_slice_is(head->method, "GET") || head->minor != 1)
		return missing(e, "not a GET of HTTP/1.1");
	if (!head->upgrade_websocket)
		return missing(e, "Upgrade and Connection don't say so");
	if (head->framing != HTTP_NO_BODY)
		return missing(e, "the request has a body");
	key = http_head_get(head, HTTP_SEC_WEBSOCKET_KEY);
	if (http_head_count(head, HTTP_SEC_WEBSOCKET_KEY) != 1 ||
	    !is_key(key->value))
		return missing(e, "Sec-WebSocket-Key isn't one of 16 bytes");
	version = http_head_get(head, HTTP_SEC_WEBSOCKET_VERSION);
	if (http_head_count(head, HTTP_SEC_WEBSOCKET_VERSION) != 1 ||
	    !http_slice_is(version->value, "13"))
		return missing(e, "Sec-WebSocket-Version isn't one 13");
	if (collect(head, HTTP_SEC_WEBSOCKET_PROTOCOL, ret->protocols, e) < 0 ||
	    collect(head, HTTP_SEC_WEBSOCKET_EXTENSIONS, ret->extensions, e) <
		0)
		return -1;
	http_websocket_accept(key->value, ret->accept);
	return 0;
}

void
http_websocket_offer_only(struct http_websocket *w, const char *names)
{
	size_t n = strlen(names);

	if (n > HTTP_WEBSOCKET_OFFER_MAX)
		n = 0; /* fewer offered is the safe side */
	memcpy(w->extensions, names, n);
	w->extensions[n] = '\0';
}

static int
wrong(struct error *e, const char *what)
{
	return error_set(e, ERR_PROTOCOL, "WebSocket answer: %s", what);
}

static int
check_extensions(const struct http_websocket *w, const struct http_head *head,
    struct error *e)
{
	for (size_t i = 0; i < head->n_headers; i++) {
		struct http_slice rest = head->headers[i].value, one;

		if (head->headers[i].field != HTTP_SEC_WEBSOCKET_EXTENSIONS)
			continue;
		while (http_list_next(&rest, &one))
			if (!list_has(w->extensions, extension_name(one)))
				return wrong(
				    e, "an extension that wasn't offered");
	}
	return 0;
}

int
http_websocket_response(const struct http_websocket *w,
    const struct http_head *head, struct error *e)
{
	const struct http_header *accept, *protocol;

	if (head->status != 101)
		return wrong(e, "the status isn't 101");
	if (!head->upgrade_websocket)
		return wrong(e, "Upgrade and Connection don't say so");
	accept = http_head_get(head, HTTP_SEC_WEBSOCKET_ACCEPT);
	if (http_head_count(head, HTTP_SEC_WEBSOCKET_ACCEPT) != 1 ||
	    !http_slice_is(accept->value, w->accept))
		return wrong(e, "Sec-WebSocket-Accept isn't this request's");
	protocol = http_head_get(head, HTTP_SEC_WEBSOCKET_PROTOCOL);
	if (http_head_count(head, HTTP_SEC_WEBSOCKET_PROTOCOL) > 1)
		return wrong(e, "more than one protocol");
	if (protocol && !list_has(w->protocols, protocol->value))
		return wrong(e, "a protocol that wasn't offered");
	return check_extensions(w, head, e);
}
