/* SPDX-License-Identifier: Apache-2.0 */
/* ca.c - see ca.h. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

#include "common/cleanup.h"
#include "common/xalloc.h"
#include "gatewayd/ca.h"

#define DAYS 3650
#define SERIAL_LEN 16
#define BACKDATE_S (-3600) /* clocks inside and outside may differ */

static void
free_key(EVP_PKEY **p)
{
	EVP_PKEY_free(*p);
}

static void
free_cert(X509 **p)
{
	X509_free(*p);
}

static void
free_bio(BIO **p)
{
	BIO_free_all(*p);
}

static bool
add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext != NULL && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

static bool
set_serial(X509 *cert)
{
	uint8_t bytes[SERIAL_LEN];
	BIGNUM *n;
	bool ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] &= 0x7f; /* positive: RFC 5280 4.1.2.2 */
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n != NULL &&
	     BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;
	BN_free(n);
	return ok;
}

static bool
set_name(X509_NAME *name)
{
	return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
		   (const uint8_t *)"OpenShell", -1, -1, 0) == 1 &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
		   (const uint8_t *)"OpenShell Sandbox CA", -1, -1, 0) == 1;
}

static bool
fill(X509 *cert, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(cert);

	return X509_set_version(cert, X509_VERSION_3) == 1 &&
	       set_serial(cert) && set_name(name) &&
	       X509_set_issuer_name(cert, name) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), BACKDATE_S) != NULL &&
	       X509_time_adj_ex(X509_getm_notAfter(cert), DAYS, 0, NULL) !=
		   NULL &&
	       X509_set_pubkey(cert, key) == 1 &&
	       add_extension(
		   cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	       add_extension(
		   cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	       add_extension(cert, NID_subject_key_identifier, "hash") &&
	       X509_sign(cert, key, EVP_sha256()) > 0;
}

static char *
take_text(BIO *bio)
{
	char *data;
	long n = BIO_get_mem_data(bio, &data);

	return xstrndup(data, (size_t)n);
}

int
ca_make(char **ret_cert, char **ret_key, struct error *e)
{
	_cleanup_(free_key) EVP_PKEY *key = EVP_EC_gen("P-256");
	_cleanup_(free_cert) X509 *cert = X509_new();
	_cleanup_(free_bio) BIO *cert_pem = BIO_new(BIO_s_mem());
	/* Its memory is wiped when it is freed. */
	_cleanup_(free_bio) BIO *key_pem = BIO_new(BIO_s_secmem());

	if (key == NULL || cert == NULL || cert_pem == NULL ||
	    key_pem == NULL || !fill(cert, key) ||
	    PEM_write_bio_X509(cert_pem, cert) != 1 ||
	    PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) !=
		1)
		return error_set(e, ERR_SYSTEM,
		    "cannot make a certificate authority: %s",
		    ERR_reason_error_string(ERR_get_error()));
	*ret_cert = take_text(cert_pem);
	*ret_key = take_text(key_pem);
	return 0;
}
