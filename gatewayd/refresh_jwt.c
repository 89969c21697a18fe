/* SPDX-License-Identifier: Apache-2.0 */
/* refresh_jwt.c - see refresh_jwt.h. */
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/xalloc.h"
#include "gatewayd/refresh_jwt.h"

static void
free_key(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void
free_bio(BIO **b)
{
	BIO_free_all(*b);
}

static void
free_context(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

/* base64url without padding (RFC 7515 2). */
static void
put_base64url(struct buf *b, const void *p, size_t n)
{
	autofree char *text = xmalloc((n + 2) / 3 * 4 + 1);
	int len = EVP_EncodeBlock((uint8_t *)text, p, (int)n);

	for (int i = 0; i < len; i++)
		text[i] = (char)(text[i] == '+'   ? '-'
				 : text[i] == '/' ? '_'
						  : text[i]);
	while (len > 0 && text[len - 1] == '=')
		len--;
	(void)buf_append(b, text, (size_t)len);
}

static int
check_size(const EVP_PKEY *key, struct error *e)
{
	int bits = EVP_PKEY_get_bits(key);
	BIGNUM *d = NULL;
	bool is_short;

	if (bits < REFRESH_JWT_BITS_MIN)
		return error_set(e, ERR_INVALID, "it has less than %d bits",
		    REFRESH_JWT_BITS_MIN);
	if (bits > REFRESH_JWT_BITS_MAX)
		return error_set(e, ERR_INVALID, "it has more than %d bits",
		    REFRESH_JWT_BITS_MAX);
	is_short = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_D, &d) == 1 &&
		   BN_num_bits(d) <= bits;
	BN_clear_free(d);
	return is_short ? 0
			: error_set(e, ERR_INVALID,
			      "its exponent is longer than its modulus");
}

static EVP_PKEY *
read_key(const char *pem, struct error *e)
{
	_cleanup_(free_bio) BIO *in = BIO_new_mem_buf(pem, -1);
	/* An empty passphrase: without one OpenSSL would ask the terminal. */
	EVP_PKEY *key =
	    PEM_read_bio_PrivateKey(in, NULL, NULL, (void *)(uintptr_t) "");

	ERR_clear_error();
	if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
		(void)error_set(e, ERR_INVALID,
		    "it is no RSA private key in PEM without a passphrase");
	} else if (check_size(key, e) == 0) {
		return key;
	}
	EVP_PKEY_free(key);
	return NULL;
}

int
refresh_jwt_sign(struct buf *to, const char *header, const char *claims,
    const char *key_pem, struct error *e)
{
	_cleanup_(free_key) EVP_PKEY *key = read_key(key_pem, e);
	_cleanup_(free_context) EVP_MD_CTX *c = EVP_MD_CTX_new();
	_cleanup_(buf_free) struct buf text = BUF_INIT;
	autofree uint8_t *signature = NULL;
	size_t n;

	if (key == NULL)
		return -1;
	put_base64url(&text, header, strlen(header));
	(void)buf_puts(&text, ".");
	put_base64url(&text, claims, strlen(claims));
	n = (size_t)EVP_PKEY_get_size(key);
	signature = xmalloc(n);
	if (c == NULL ||
	    EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(c, signature, &n, buf_data(&text), text.len) != 1) {
		ERR_clear_error();
		return error_set(e, ERR_INVALID, "it can't sign");
	}
	(void)buf_append(to, buf_data(&text), text.len);
	(void)buf_puts(to, ".");
	put_base64url(to, signature, n);
	return 0;
}
