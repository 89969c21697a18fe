/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ca.c - see ca.h.
 *
 * A leaf's SSL_CTX is kept with it, for sharing one between connections is
 * what makes a handshake cheap.  The host was checked by whoever decided.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "proxyd/ca.h"

#define SECONDS_A_DAY 86400
#define COMMON_NAME_MAX 64 /* ub-common-name, RFC 5280 appendix A */

struct tls_leaf {
	char *host;
	SSL_CTX *ctx;
	int64_t made_s;
	uint64_t used;
};

struct ca {
	X509 *cert;
	EVP_PKEY *key;
	EVP_PKEY *leaf_key; /* of all leaves */
	struct tls_leaf leaves[CA_LEAVES_MAX];
	size_t n_leaves;
	uint64_t clock;
	int64_t second; /* of the signatures counted */
	unsigned signed_then;
};

struct ssl_ctx_st *
tls_leaf_context(const struct tls_leaf *leaf)
{
	return leaf->ctx;
}

static BIO *
open_pem(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);

	if (bio == NULL)
		fatalx("cannot read from memory");
	return bio;
}

static int
read_pair(struct ca *ca, const char *cert_pem, const char *key_pem)
{
	BIO *cert = open_pem(cert_pem), *key = open_pem(key_pem);

	ca->cert = PEM_read_bio_X509(cert, NULL, NULL, NULL);
	ca->key = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
	BIO_free(cert);
	BIO_free(key);
	if (ca->cert == NULL || ca->key == NULL ||
	    X509_check_ca(ca->cert) != 1 ||
	    X509_check_private_key(ca->cert, ca->key) != 1) {
		ERR_clear_error();
		return -1;
	}
	return 0;
}

int
ca_new(
    const char *cert_pem, const char *key_pem, struct ca **ret, struct error *e)
{
	struct ca *ca = xcalloc(1, sizeof(*ca));

	if (read_pair(ca, cert_pem, key_pem) < 0) {
		ca_free(ca);
		return error_set(e, ERR_INVALID,
		    "the authority's certificate and key don't fit");
	}
	ca->leaf_key = EVP_EC_gen("P-256");
	if (ca->leaf_key == NULL)
		fatalx("cannot make a key");
	*ret = ca;
	return 0;
}

static void
leaf_clear(struct tls_leaf *leaf)
{
	free(leaf->host);
	SSL_CTX_free(leaf->ctx);
	memset(leaf, 0, sizeof(*leaf));
}

void
ca_free(struct ca *ca)
{
	if (ca == NULL)
		return;
	for (size_t i = 0; i < ca->n_leaves; i++)
		leaf_clear(&ca->leaves[i]);
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
	EVP_PKEY_free(ca->leaf_key);
	free(ca);
}

static bool
add_extension(X509 *leaf, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	int added;

	X509V3_set_ctx(&ctx, issuer, leaf, NULL, NULL, 0);
	ext = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	added = ext != NULL ? X509_add_ext(leaf, ext, -1) : 0;
	X509_EXTENSION_free(ext);
	return added == 1;
}

/* Unguessable, positive, 127 bits: RFC 5280 4.1.2.2. */
static bool
set_serial(X509 *leaf)
{
	unsigned char bytes[16];
	BIGNUM *n;
	bool ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n != NULL &&
	     BN_to_ASN1_INTEGER(n, X509_get_serialNumber(leaf)) != NULL;
	BN_free(n);
	return ok;
}

static bool
set_names(X509 *leaf, X509 *issuer, const char *host, bool is_literal)
{
	static const char subject_of_all[] = "OpenShell sandbox";
	const char *cn =
	    strlen(host) <= COMMON_NAME_MAX ? host : subject_of_all;
	autofree char *san =
	    xasprintf("%s:%s", is_literal ? "IP" : "DNS", host);

	return X509_NAME_add_entry_by_txt(X509_get_subject_name(leaf), "CN",
		   MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(leaf, X509_get_subject_name(issuer)) == 1 &&
	       add_extension(leaf, issuer, NID_subject_alt_name, san);
}

static bool
set_use(X509 *leaf, X509 *issuer)
{
	static const struct {
		int nid;
		const char *value;
	} rows[] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, "critical,digitalSignature" },
		{ NID_ext_key_usage, "serverAuth" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!add_extension(leaf, issuer, rows[i].nid, rows[i].value))
			return false;
	return true;
}

static X509 *
sign_leaf(struct ca *ca, const char *host, bool is_literal, int64_t now_s)
{
	time_t now = (time_t)now_s;
	X509 *leaf = X509_new();

	/* A day back: clocks differ, also between us and a container. */
	if (leaf != NULL && X509_set_version(leaf, X509_VERSION_3) == 1 &&
	    set_serial(leaf) &&
	    X509_time_adj_ex(X509_getm_notBefore(leaf), -1, 0, &now) != NULL &&
	    X509_time_adj_ex(X509_getm_notAfter(leaf), CA_LEAF_DAYS, 0, &now) !=
		NULL &&
	    X509_set_pubkey(leaf, ca->leaf_key) == 1 &&
	    set_names(leaf, ca->cert, host, is_literal) &&
	    set_use(leaf, ca->cert) &&
	    X509_sign(leaf, ca->key, EVP_sha256()) > 0)
		return leaf;
	X509_free(leaf);
	return NULL;
}

/* http/1.1 or nothing; a client that speaks only others is told so. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in,
		in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *
make_context(struct ca *ca, X509 *leaf)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL || SSL_CTX_use_certificate(ctx, leaf) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, ca->leaf_key) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	(void)SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	/* These bytes don't leave the machine: the cheapest cipher first. */
	(void)SSL_CTX_set_ciphersuites(ctx,
	    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
	    "TLS_CHACHA20_POLY1305_SHA256");
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
					   SSL_OP_NO_COMPRESSION |
					   SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
					SSL_MODE_ENABLE_PARTIAL_WRITE |
					SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	/* Tickets carry the state; there is nothing to keep here. */
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	return ctx;
}

static struct tls_leaf *
find_leaf(struct ca *ca, const char *host)
{
	for (size_t i = 0; i < ca->n_leaves; i++)
		if (strcmp(ca->leaves[i].host, host) == 0)
			return &ca->leaves[i];
	return NULL;
}

static struct tls_leaf *
place_for_leaf(struct ca *ca)
{
	struct tls_leaf *oldest = &ca->leaves[0];

	if (ca->n_leaves < CA_LEAVES_MAX)
		return &ca->leaves[ca->n_leaves++];
	for (size_t i = 1; i < ca->n_leaves; i++)
		if (ca->leaves[i].used < oldest->used)
			oldest = &ca->leaves[i];
	return oldest;
}

static bool
may_sign(struct ca *ca, int64_t now_s)
{
	if (ca->second != now_s) {
		ca->second = now_s;
		ca->signed_then = 0;
	}
	return ca->signed_then++ < CA_SIGN_PER_S;
}

static SSL_CTX *
make_leaf(struct ca *ca, const char *host, bool is_literal, int64_t now_s)
{
	X509 *leaf = sign_leaf(ca, host, is_literal, now_s);
	SSL_CTX *ctx = leaf != NULL ? make_context(ca, leaf) : NULL;

	X509_free(leaf); /* the context has its own reference */
	ERR_clear_error();
	return ctx;
}

int
ca_leaf(struct ca *ca, const char *host, bool is_literal, int64_t now_s,
    const struct tls_leaf **ret, struct error *e)
{
	struct tls_leaf *leaf = find_leaf(ca, host);
	SSL_CTX *ctx;

	if (leaf == NULL ||
	    now_s - leaf->made_s > (CA_LEAF_DAYS - 1) * SECONDS_A_DAY) {
		if (!may_sign(ca, now_s))
			return error_set(
			    e, ERR_LIMIT, "too many new names in one second");
		ctx = make_leaf(ca, host, is_literal, now_s);
		if (ctx == NULL)
			return error_set(e, ERR_SYSTEM,
			    "cannot make a certificate for '%s'", host);
		if (leaf == NULL)
			leaf = place_for_leaf(ca);
		leaf_clear(leaf);
		leaf->host = xstrdup(host);
		leaf->ctx = ctx;
		leaf->made_s = now_s;
	}
	leaf->used = ++ca->clock;
	*ret = leaf;
	return 0;
}
