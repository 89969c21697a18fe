/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - TLS towards clients and towards servers.
 *
 * Towards a server: TLS 1.2 or later, its chain verified against the system's
 * authorities and the operator's, its name against the host that was decided
 * on.  There is no way to switch that off.  Towards a client: whatever the
 * caller's context says.
 */
#ifndef COMMON_NET_TLS_H
#define COMMON_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

struct tls;          /* one connection's end */
struct tls_trust;    /* whom we believe, and how we speak to servers */
struct ssl_ctx_st;   /* OpenSSL's SSL_CTX */
struct tls_sessions; /* one sandbox's, to resume with servers */

/* What reads and writes return besides a count > 0. */
enum tls_result {
	TLS_EOF = 0,
	TLS_WANT_READ = -1,
	TLS_WANT_WRITE = -2,
	TLS_FAILED = -3,
};

/* What servers are offered (RFC 7301). */
enum tls_alpn { TLS_ALPN_HTTP_1, TLS_ALPN_HTTP_2_OR_1 };

/* Reads the authorities, once, before anything is confined; extra_ca may be
 * NULL. */
int tls_trust_load(const char *extra_ca, enum tls_alpn, struct tls_trust **ret,
    struct error *);
void tls_trust_free(struct tls_trust *);

struct tls_sessions *tls_sessions_new(void);
void tls_sessions_free(struct tls_sessions *);

/* fd is borrowed and outlives the result.  The sessions too, until the
 * connection ends. */
struct tls *tls_server_new(struct ssl_ctx_st *, int fd);
struct tls *tls_client_new(const struct tls_trust *, struct tls_sessions *,
    const char *host, bool is_literal, int fd);
void tls_free(struct tls *); /* NULL is fine */

/* 1 done, TLS_WANT_* or TLS_FAILED with e set. */
int tls_handshake(struct tls *, struct error *);
ssize_t tls_read(struct tls *, void *, size_t n);
/* After TLS_WANT_* the next try must begin with the same bytes. */
ssize_t tls_write(struct tls *, const void *, size_t n);
/* Did the server choose HTTP/2? */
bool tls_speaks_http_2(const struct tls *);
/* Has bytes that the kernel doesn't know of. */
bool tls_has_pending(const struct tls *);
void tls_close_notify(struct tls *);

#endif
