/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peek.c - what the first bytes inside a tunnel are, and the two handshakes.
 *
 * The bytes are looked at where they lie, in the socket: whoever deals with
 * them afterwards, OpenSSL or splice(2), finds them all.  A server that
 * speaks first speaks neither TLS nor HTTP; that is how such protocols are
 * told from a client that is only slow.
 */
#include <string.h>
#include <time.h>

#include "common/net/tls.h"
#include "proxyd/audit.h"
#include "proxyd/ca.h"
#include "proxyd/client_hello.h"
#include "proxyd/conn.h"
#include "proxyd/forward.h"
#include "proxyd/refuse.h"
#include "proxyd/sandbox.h"
#include "proxyd/worker.h"

/* RFC 8446 6. */
enum {
	ALERT_DECODE_ERROR = 50,
	ALERT_INTERNAL_ERROR = 80,
	ALERT_UNRECOGNIZED_NAME = 112,
};

static const char h2_detail[] = "HTTP/2 is not spoken here";
static const char plain_detail[] = "it is served over TLS only";
static const char other_detail[] =
    "the endpoint is inspected and this isn't HTTP/1.1; "
    "other protocols need tls: skip or protocol: tcp";

/* The look is over: the socket is as others expect it. */
static void
stop_peeking(struct conn *c)
{
	side_wait_beyond(&c->client, 0);
	c->client.readable = true;
	c->peeked = true;
}

static enum next
peeked(struct conn *c, enum conn_state to)
{
	stop_peeking(c);
	return conn_goto(c, to);
}

/* n bytes aren't enough; without an end of its own the wait would be for what
 * can't come. */
static enum next
wait_for_more(struct conn *c, size_t n)
{
	if (side_peer_ended(&c->client))
		return DONE;
	side_wait_beyond(&c->client, n);
	return WAIT;
}

static enum next
alert(struct conn *c, unsigned char description, const char *reason)
{
	audit_connect(c, true, "proxy", c->policy, reason);
	return refuse_alert(c, description);
}

static enum next
enter_tls(struct conn *c, const struct client_hello *hello)
{
	const struct tls_leaf *leaf;
	struct error e;

	if (hello->sni[0] != '\0' && strcmp(hello->sni, c->host) != 0) {
		(void)error_set(&e, ERR_DENIED,
		    "the server name '%.100s' isn't the host that was allowed",
		    hello->sni);
		return alert(c, ALERT_UNRECOGNIZED_NAME, e.text);
	}
	if (ca_leaf(c->sandbox->ca, c->host, c->is_literal, time(NULL), &leaf,
		&e) < 0)
		return alert(c, ALERT_INTERNAL_ERROR, e.text);
	c->is_tls = true;
	c->client.tls = tls_server_new(tls_leaf_context(leaf), c->client.fd);
	return peeked(c, CONN_TLS_CLIENT);
}

static enum next
refuse_protocol(struct conn *c, const char *detail)
{
	audit_connect(c, true, "l7", c->policy, detail);
	stop_peeking(c);
	return refuse_with(c, 403, "unsupported_l7_protocol", detail, NULL);
}

static enum next
enter_plain(struct conn *c, const char *bytes, size_t n)
{
	switch (http_guess(bytes, n)) {
	case HTTP_GUESS_MORE:
		return wait_for_more(c, n);
	case HTTP_GUESS_1:
		if (c->is_inference)
			return refuse_protocol(c, plain_detail);
		return peeked(c, CONN_REQUEST);
	case HTTP_GUESS_2:
		return refuse_protocol(c, h2_detail);
	case HTTP_GUESS_OTHER:
		break;
	}
	if (c->inspection == INSPECT_REST)
		return refuse_protocol(c, other_detail);
	if (forward_is_unguarded(c, c->rules->matcher)) {
		stop_peeking(c);
		return refuse_uninspected(c);
	}
	return peeked(c, CONN_SPLICE);
}

/* The client is silent. */
static enum next
wait_for_bytes(struct conn *c)
{
	char byte;

	if (c->client.eof || c->client.failed)
		return DONE;
	if (side_peek(&c->upstream, &byte, 1) > 0) {
		if (c->inspection == INSPECT_AUTO &&
		    !forward_is_unguarded(c, c->rules->matcher))
			return peeked(c, CONN_SPLICE);
		/* Kept for whatever comes; it is known to be there. */
		return WAIT;
	}
	return c->upstream.eof || c->upstream.failed ? DONE : WAIT;
}

enum next
step_peek(struct conn *c)
{
	char *bytes = c->worker->scratch.bytes;
	struct client_hello hello;
	struct error e;
	ssize_t n = side_peek(&c->client, bytes, CLIENT_HELLO_PEEK_MAX);

	if (n <= 0)
		return wait_for_bytes(c);
	switch (client_hello_parse(bytes, (size_t)n, &hello, &e)) {
	case CLIENT_HELLO_MORE:
		return wait_for_more(c, (size_t)n);
	case CLIENT_HELLO_TLS:
		return enter_tls(c, &hello);
	case CLIENT_HELLO_BAD:
		return alert(c, ALERT_DECODE_ERROR, e.text);
	case CLIENT_HELLO_NOT_TLS:
		break;
	}
	return enter_plain(c, bytes, (size_t)n);
}

/* From here on it is routerd's. */
static enum next
join_router(struct conn *c)
{
	int fd = inference_open(&c->worker->inference, c->sandbox);

	if (fd < 0) {
		audit_connect(
		    c, true, "proxy", c->policy, "routerd is not there");
		return refuse_with(c, 503, "inference service unavailable",
		    "routerd is being started; try again", NULL);
	}
	conn_open_upstream(c, fd);
	return conn_goto(c, CONN_COPY);
}

enum next
step_tls_client(struct conn *c)
{
	struct error e;
	int r = side_handshake(&c->client, &e);

	if (r == 1)
		return c->is_inference ? join_router(c)
				       : conn_goto(c, CONN_REQUEST);
	if (r == 0)
		return WAIT;
	(void)error_prefix(&e, "the client");
	audit_connect(c, true, "proxy", c->policy, e.text);
	return DONE;
}

enum next
step_tls_upstream(struct conn *c)
{
	struct side *s = &c->upstream;
	struct error e;
	int r;

	if (s->tls == NULL)
		s->tls = tls_client_new(c->worker->trust, c->sandbox->sessions,
		    c->host, c->is_literal, s->fd);
	r = side_handshake(s, &e);
	if (r == 1)
		return conn_goto(c, CONN_REQUEST);
	if (r == 0)
		return WAIT;
	return refuse_unreachable(c, e.text);
}
