/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_hello.h - what a connection's first bytes say about TLS.
 *
 * Reads a ClientHello (RFC 8446 4.1.2) without answering it: the name it asks
 * for decides where a transparent connection may go, and must agree with the
 * name a tunnel was granted for.  The bytes are the workload's.  Spread over
 * several records is fine; a second SNI, a name outside the host grammar, or
 * lengths that don't add up are refused.
 */
#ifndef PROXYD_CLIENT_HELLO_H
#define PROXYD_CLIENT_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/http/authority.h"

/* The handshake message; and the bytes it may take with record headers, which
 * is the most a caller has to peek at. */
#define CLIENT_HELLO_MAX 16384
#define CLIENT_HELLO_PEEK_MAX (CLIENT_HELLO_MAX + 1024)

enum client_hello_kind {
	CLIENT_HELLO_MORE,    /* could become one: wait for more bytes */
	CLIENT_HELLO_NOT_TLS, /* the very first bytes say no */
	CLIENT_HELLO_TLS,     /* ret is filled */
	CLIENT_HELLO_BAD,     /* TLS, but broken or over a limit: e is set */
};

struct client_hello {
	char sni[HTTP_HOST_MAX + 1]; /* canonical; "" if there is none */
	bool has_alpn;
	bool alpn_h2;
	bool alpn_http11;
	bool has_ech; /* encrypted_client_hello: sni may be a front */
};

enum client_hello_kind client_hello_parse(
    const void *, size_t len, struct client_hello *ret, struct error *);

#endif
