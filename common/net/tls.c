/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.c - see tls.h.
 *
 * Sockets are OpenSSL's to read and write.  It reads ahead, so that a request
 * costs one system call and not one for each record header, and it releases
 * its buffers when they are empty, so that an idle connection has none.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/net/tls.h"
#include "common/xalloc.h"

#define SESSIONS_MAX 64 /* servers of one sandbox that can be resumed with */

/* Where distributions keep the authorities; the first that is there counts. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
};

struct tls_trust {
	SSL_CTX *ctx;
};

struct tls {
	SSL *ssl;
	struct tls_sessions *sessions; /* NULL: we are the server */
	char *host;                    /* of a server */
};

struct session {
	char *host;
	SSL_SESSION *session;
	uint64_t used;
};

struct tls_sessions {
	struct session v[SESSIONS_MAX];
	size_t n;
	uint64_t clock;
};

struct tls_sessions *
tls_sessions_new(void)
{
	return xcalloc(1, sizeof(struct tls_sessions));
}

void
tls_sessions_free(struct tls_sessions *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].host);
		SSL_SESSION_free(s->v[i].session);
	}
	free(s);
}

static struct session *
session_find(struct tls_sessions *s, const char *host)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].host, host) == 0)
			return &s->v[i];
	return NULL;
}

/* A free place, or that of the one that was used longest ago. */
static struct session *
session_place(struct tls_sessions *s)
{
	struct session *oldest = &s->v[0];

	if (s->n < SESSIONS_MAX)
		return &s->v[s->n++];
	for (size_t i = 1; i < s->n; i++)
		if (s->v[i].used < oldest->used)
			oldest = &s->v[i];
	free(oldest->host);
	SSL_SESSION_free(oldest->session);
	return oldest;
}

/* The server gave a ticket; 1 keeps the reference that came with it. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *t = SSL_get_app_data(ssl);
	struct session *place = session_find(t->sessions, t->host);

	if (place != NULL) {
		SSL_SESSION_free(place->session);
	} else {
		place = session_place(t->sessions);
		place->host = xstrdup(t->host);
	}
	place->session = session;
	place->used = ++t->sessions->clock;
	return 1;
}

static int
load_authorities(SSL_CTX *ctx, const char *extra_ca, struct error *e)
{
	bool found = false;

	for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++) {
		if (SSL_CTX_load_verify_file(ctx, bundles[i]) == 1) {
			found = true;
			break;
		}
	}
	ERR_clear_error();
	if (extra_ca != NULL && SSL_CTX_load_verify_file(ctx, extra_ca) != 1) {
		ERR_clear_error();
		return error_set(e, ERR_INVALID,
		    "cannot read authorities from '%s'", extra_ca);
	}
	if (!found && extra_ca == NULL)
		log_warnx("no authorities found: no server will be trusted");
	return 0;
}

int
tls_trust_load(const char *extra_ca, enum tls_alpn alpn, struct tls_trust **ret,
    struct error *e)
{
	static const unsigned char offers[] = "\x02h2\x08http/1.1";
	size_t first = alpn == TLS_ALPN_HTTP_1 ? 3 : 0;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct tls_trust *t;

	if (ctx == NULL)
		fatalx("cannot make a TLS context");
	if (load_authorities(ctx, extra_ca, e) < 0) {
		SSL_CTX_free(ctx);
		return -1;
	}
	(void)SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	(void)SSL_CTX_set_options(
	    ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
					SSL_MODE_ENABLE_PARTIAL_WRITE |
					SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	(void)SSL_CTX_set_alpn_protos(
	    ctx, offers + first, (unsigned)(sizeof(offers) - 1 - first));
	(void)SSL_CTX_set_session_cache_mode(
	    ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);

	t = xcalloc(1, sizeof(*t));
	t->ctx = ctx;
	*ret = t;
	return 0;
}

void
tls_trust_free(struct tls_trust *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

static struct tls *
tls_new(SSL_CTX *ctx, int fd)
{
	struct tls *t = xcalloc(1, sizeof(*t));

	t->ssl = SSL_new(ctx);
	if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1)
		fatalx("cannot make a TLS connection");
	return t;
}

struct tls *
tls_server_new(SSL_CTX *ctx, int fd)
{
	struct tls *t = tls_new(ctx, fd);

	SSL_set_accept_state(t->ssl);
	return t;
}

/* The one name or address that the certificate must be for. */
static bool
expect_host(SSL *ssl, const char *host, bool is_literal)
{
	if (is_literal)
		return X509_VERIFY_PARAM_set1_ip_asc(
			   SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 &&
	       SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
		   TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)host) == 1;
}

struct tls *
tls_client_new(const struct tls_trust *trust, struct tls_sessions *sessions,
    const char *host, bool is_literal, int fd)
{
	struct tls *t = tls_new(trust->ctx, fd);
	struct session *known = session_find(sessions, host);

	t->sessions = sessions;
	t->host = xstrdup(host);
	(void)SSL_set_app_data(t->ssl, t);
	SSL_set_connect_state(t->ssl);
	if (!expect_host(t->ssl, host, is_literal))
		fatalx("cannot say which host a certificate must be for");
	/* A session was verified for this very host: it is kept under it. */
	if (known != NULL) {
		known->used = ++sessions->clock;
		(void)SSL_set_session(t->ssl, known->session);
	}
	return t;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	/* Without this a connection that ends without close_notify would make
	 * its session unusable; the peer's proof is none the worse for it. */
	SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(t->ssl);
	free(t->host);
	free(t);
}

static enum tls_result
classify(const struct tls *t, int n)
{
	enum tls_result r = TLS_FAILED;

	switch (SSL_get_error(t->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		r = TLS_EOF;
		break;
	}
	/* Left there it would be taken for the next connection's. */
	ERR_clear_error();
	return r;
}

static int
describe_failure(const struct tls *t, struct error *e)
{
	long verify = SSL_get_verify_result(t->ssl);
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	if (t->sessions != NULL && verify != X509_V_OK)
		why = X509_verify_cert_error_string(verify);
	return error_set(e, ERR_UNAVAILABLE, "TLS handshake failed: %s",
	    why != NULL ? why : "the connection ended");
}

int
tls_handshake(struct tls *t, struct error *e)
{
	int n;
	enum tls_result r;

	ERR_clear_error();
	n = SSL_do_handshake(t->ssl);
	if (n == 1)
		return 1;
	(void)describe_failure(t, e);
	r = classify(t, n);
	return r == TLS_EOF ? TLS_FAILED : (int)r;
}

ssize_t
tls_read(struct tls *t, void *to, size_t n)
{
	int r = SSL_read(t->ssl, to, (int)n);

	return r > 0 ? r : (ssize_t)classify(t, r);
}

ssize_t
tls_write(struct tls *t, const void *from, size_t n)
{
	int r = SSL_write(t->ssl, from, (int)n);

	return r > 0 ? r : (ssize_t)classify(t, r);
}

bool
tls_speaks_http_2(const struct tls *t)
{
	const unsigned char *chosen;
	unsigned n;

	SSL_get0_alpn_selected(t->ssl, &chosen, &n);
	return n == 2 && memcmp(chosen, "h2", 2) == 0;
}

bool
tls_has_pending(const struct tls *t)
{
	return SSL_has_pending(t->ssl) == 1;
}

void
tls_close_notify(struct tls *t)
{
	if (SSL_is_init_finished(t->ssl) && SSL_shutdown(t->ssl) < 0)
		ERR_clear_error();
}
