/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.c - see seal.h.
 *
 *	version (1) | nonce (12) | ciphertext | tag (16)
 *
 * Nonces are random: 2^32 secrets under one key are far beyond a gateway.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "gatewayd/seal.h"

#define VERSION 1
#define NONCE_LEN 12
#define TAG_LEN 16

struct seal {
	uint8_t key[SEAL_KEY_LEN];
};

static int
read_key(int fd, const char *path, struct seal *s, struct error *e)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return error_errno(e, "cannot look at key '%s'", path);
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 ||
	    (st.st_uid != geteuid() && st.st_uid != 0))
		return error_set(e, ERR_DENIED,
		    "key '%s' must be a file of mode 0600 that is ours", path);
	n = read(fd, s->key, sizeof(s->key));
	if (n < 0)
		return error_errno(e, "cannot read key '%s'", path);
	if (n != sizeof(s->key) || st.st_size != sizeof(s->key))
		return error_set(e, ERR_INVALID, "key '%s' hasn't %d bytes",
		    path, SEAL_KEY_LEN);
	return 0;
}

/* A whole key under a name of its own, then renamed: a crash leaves none or
 * all of it. */
static int
make_key(const char *path, struct error *e)
{
	autofree char *temporary = xasprintf("%s.new", path);
	uint8_t key[SEAL_KEY_LEN];
	autoclose int fd = -1;
	ssize_t n;

	if (RAND_priv_bytes(key, sizeof(key)) != 1)
		return error_set(e, ERR_SYSTEM, "cannot make a random key");
	(void)unlink(temporary);
	fd = open(temporary,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(e, "cannot make key '%s'", temporary);
	n = write(fd, key, sizeof(key));
	OPENSSL_cleanse(key, sizeof(key));
	if (n != sizeof(key) || fsync(fd) < 0)
		return error_errno(e, "cannot write key '%s'", temporary);
	if (rename(temporary, path) < 0)
		return error_errno(e, "cannot name key '%s'", path);
	log_info("sealing key made path=%s", path);
	return 0;
}

int
seal_open(const char *path, struct seal **ret, struct error *e)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	autofree char *given = credentials != NULL
				   ? xasprintf("%s/openshell-key", credentials)
				   : NULL;
	struct seal *s;
	autoclose int fd = -1;

	if (given != NULL) {
		fd = open(given, O_RDONLY | O_CLOEXEC);
		path = fd >= 0 ? given : path;
	}
	if (fd < 0)
		fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		if (make_key(path, e) < 0)
			return -1;
		fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0)
		return error_errno(e, "cannot open key '%s'", path);
	s = xcalloc(1, sizeof(*s));
	if (read_key(fd, path, s, e) < 0) {
		seal_free(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void
seal_free(struct seal *s)
{
	if (s == NULL)
		return;
	OPENSSL_cleanse(s, sizeof(*s));
	free(s);
}

static void
free_context(EVP_CIPHER_CTX **c)
{
	EVP_CIPHER_CTX_free(*c);
}

void
seal_lock(const struct seal *s, const char *label, const void *secret,
    size_t len, uint8_t *ret)
{
	_cleanup_(free_context) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t *nonce = ret + 1, *text = nonce + NONCE_LEN;
	int n;

	assert(len <= INT_MAX);
	ret[0] = VERSION;
	/* None of these fails for want of anything but memory or entropy. */
	if (c == NULL || RAND_bytes(nonce, NONCE_LEN) != 1 ||
	    EVP_EncryptInit_ex2(c, EVP_aes_256_gcm(), s->key, nonce, NULL) !=
		1 ||
	    EVP_EncryptUpdate(
		c, NULL, &n, (const uint8_t *)label, (int)strlen(label)) != 1 ||
	    EVP_EncryptUpdate(c, text, &n, secret, (int)len) != 1 ||
	    EVP_EncryptFinal_ex(c, text + n, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_LEN, text + len) !=
		1)
		fatalx("cannot seal a secret");
}

int
seal_unlock(const struct seal *s, const char *label, const void *sealed,
    size_t len, char **ret, struct error *e)
{
	_cleanup_(free_context) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	const uint8_t *in = sealed;
	size_t n_text = len - SEAL_OVERHEAD;
	uint8_t tag[TAG_LEN];
	char *text;
	int n;

	if (len < SEAL_OVERHEAD || len > INT_MAX || in[0] != VERSION)
		return error_set(
		    e, ERR_DENIED, "sealed '%s' is not of our making", label);
	memcpy(tag, in + len - TAG_LEN, TAG_LEN);
	text = xcalloc(n_text + 1, 1);
	if (c == NULL ||
	    EVP_DecryptInit_ex2(c, EVP_aes_256_gcm(), s->key, in + 1, NULL) !=
		1 ||
	    EVP_DecryptUpdate(
		c, NULL, &n, (const uint8_t *)label, (int)strlen(label)) != 1 ||
	    EVP_DecryptUpdate(
		c, (uint8_t *)text, &n, in + 1 + NONCE_LEN, (int)n_text) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) != 1 ||
	    EVP_DecryptFinal_ex(c, (uint8_t *)text + n, &n) != 1) {
		OPENSSL_cleanse(text, n_text);
		free(text);
		return error_set(e, ERR_DENIED,
		    "sealed '%s' does not open: is it the right key?", label);
	}
	*ret = text;
	return 0;
}
