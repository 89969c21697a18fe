/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authority.h - a certificate authority for tests, made on the spot.
 */
#ifndef TESTS_UNIT_PROXYD_AUTHORITY_H
#define TESTS_UNIT_PROXYD_AUTHORITY_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>

struct authority {
	char *cert; /* PEM */
	char *key;
};

static inline char *
authority_text(BIO *bio)
{
	char *at, *text;
	long n = BIO_get_mem_data(bio, &at);

	text = strndup(at, (size_t)n);
	BIO_free(bio);
	return text;
}

static inline void
authority_extend(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	assert_int_equal(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

/* Without is_ca: a certificate that may sign nothing. */
static inline struct authority
authority_make(const char *name, bool is_ca)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());
	X509_NAME *subject = X509_get_subject_name(cert);

	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -86400);
	X509_gmtime_adj(X509_getm_notAfter(cert), 365 * 86400);
	assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
			     (const unsigned char *)name, -1, -1, 0),
	    1);
	assert_int_equal(X509_set_issuer_name(cert, subject), 1);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	authority_extend(cert, NID_basic_constraints,
	    is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	authority_extend(cert, NID_subject_key_identifier, "hash");
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(cert_bio, cert), 1);
	assert_int_equal(
	    PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL),
	    1);
	X509_free(cert);
	EVP_PKEY_free(key);
	return (struct authority){ authority_text(cert_bio),
		authority_text(key_bio) };
}

static inline void
authority_free(struct authority *a)
{
	free(a->cert);
	free(a->key);
}

#endif
