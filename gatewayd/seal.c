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
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "gatewayd/durable.h"
#include "gatewayd/seal.h"

#define VERSION 1
#define NONCE_LEN 12
#define TAG_LEN 16

struct seal {
	uint8_t key[SEAL_KEY_LEN]; /* the newest */
	uint8_t old[SEAL_KEY_LEN];
	bool has_old;
	bool is_given; /* by systemd: the file isn't ours to change */
	char *path;
};

static int
check_file(const struct seal *s, const struct stat *st, struct error *e)
{
	/* systemd grants by an ACL, whose mask shows as the group's bits. */
	mode_t others = s->is_given ? 037 : 077;

	if (!S_ISREG(st->st_mode) || (st->st_mode & others) != 0 ||
	    (st->st_uid != geteuid() && st->st_uid != 0))
		return error_set(e, ERR_DENIED,
		    "key '%s' must be a file of mode 0600 that is ours",
		    s->path);
	if (st->st_size != SEAL_KEY_LEN && st->st_size != 2 * SEAL_KEY_LEN)
		return error_set(e, ERR_INVALID,
		    "key '%s' hasn't %d bytes, nor %d as while it is changed",
		    s->path, SEAL_KEY_LEN, 2 * SEAL_KEY_LEN);
	return 0;
}

static int
read_keys(int fd, struct seal *s, struct error *e)
{
	uint8_t keys[2 * SEAL_KEY_LEN];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return error_errno(e, "cannot look at key '%s'", s->path);
	if (check_file(s, &st, e) < 0)
		return -1;
	n = read(fd, keys, sizeof(keys));
	if (n != st.st_size)
		return error_errno(e, "cannot read key '%s'", s->path);
	s->has_old = n == sizeof(keys);
	if (s->has_old)
		memcpy(s->old, keys, SEAL_KEY_LEN);
	memcpy(s->key, keys + n - SEAL_KEY_LEN, SEAL_KEY_LEN);
	OPENSSL_cleanse(keys, sizeof(keys));
	return 0;
}

static int
write_keys(const char *path, const uint8_t *keys, size_t len, struct error *e)
{
	autoclose int old = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (durable_write(path, keys, len, 0600, e) < 0)
		return -1;
	/* It no longer has a name. */
	if (old >= 0)
		durable_wipe(old);
	return 0;
}

static int
make_key(uint8_t key[SEAL_KEY_LEN], struct error *e)
{
	if (RAND_priv_bytes(key, SEAL_KEY_LEN) != 1)
		return error_set(e, ERR_SYSTEM, "cannot make a random key");
	return 0;
}

static int
make_first(struct seal *s, bool may_make, struct error *e)
{
	if (!may_make)
		return error_set(e, ERR_NOT_FOUND,
		    "key '%s' is missing, and there are secrets that are "
		    "sealed with it: put it back",
		    s->path);
	if (make_key(s->key, e) < 0 ||
	    write_keys(s->path, s->key, SEAL_KEY_LEN, e) < 0)
		return -1;
	log_info("sealing key made path=%s", s->path);
	return 0;
}

/* Where systemd would have put it; owned, NULL if it put nothing there. */
static char *
given_path(void)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	autofree char *path =
	    dir != NULL ? xasprintf("%s/openshell-key", dir) : NULL;

	if (path == NULL || (access(path, F_OK) < 0 && errno == ENOENT))
		return NULL;
	return steal_ptr(&path);
}

static int
open_keys(struct seal *s, bool may_make, struct error *e)
{
	int no_link = s->is_given ? 0 : O_NOFOLLOW;
	autoclose int fd = open(s->path, O_RDONLY | O_CLOEXEC | no_link);

	if (fd >= 0)
		return read_keys(fd, s, e);
	if (errno == ENOENT && !s->is_given)
		return make_first(s, may_make, e);
	return error_errno(e, "cannot open key '%s'", s->path);
}

int
seal_open(const char *path, bool may_make, struct seal **ret, struct error *e)
{
	struct seal *s = xcalloc(1, sizeof(*s));
	struct error left;

	/* A key that no rename made ours has sealed nothing. */
	if (durable_clean(path, &left) < 0)
		log_warnx("%s", left.text);
	s->path = given_path();
	s->is_given = s->path != NULL;
	if (!s->is_given)
		s->path = xstrdup(path);
	if (open_keys(s, may_make, e) < 0) {
		seal_free(s);
		return -1;
	}
	*ret = s;
	return 0;
}

const char *
seal_path(const struct seal *s)
{
	return s->path;
}

/*
 * Another key.
 */

bool
seal_has_two(const struct seal *s)
{
	return s->has_old;
}

int
seal_begin(struct seal *s, struct error *e)
{
	uint8_t keys[2 * SEAL_KEY_LEN];
	int r;

	assert(!s->has_old);
	if (s->is_given)
		return error_set(e, ERR_PRECONDITION,
		    "key '%s' is systemd's to change: append %d random bytes "
		    "to what it is made from and restart the gateway, which "
		    "seals all anew; then take the first %d away",
		    s->path, SEAL_KEY_LEN, SEAL_KEY_LEN);
	if (make_key(keys + SEAL_KEY_LEN, e) < 0)
		return -1;
	memcpy(keys, s->key, SEAL_KEY_LEN);
	r = write_keys(s->path, keys, sizeof(keys), e);
	if (r == 0) {
		memcpy(s->old, keys, SEAL_KEY_LEN);
		memcpy(s->key, keys + SEAL_KEY_LEN, SEAL_KEY_LEN);
		s->has_old = true;
	}
	OPENSSL_cleanse(keys, sizeof(keys));
	return r;
}

int
seal_end(struct seal *s, struct error *e)
{
	assert(s->has_old);
	if (s->is_given)
		return error_set(e, ERR_PRECONDITION,
		    "key '%s' is systemd's to change: take its first %d bytes "
		    "away now",
		    s->path, SEAL_KEY_LEN);
	if (write_keys(s->path, s->key, SEAL_KEY_LEN, e) < 0)
		return -1;
	OPENSSL_cleanse(s->old, sizeof(s->old));
	s->has_old = false;
	return 0;
}

void
seal_free(struct seal *s)
{
	if (s == NULL)
		return;
	free(s->path);
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

/* false: the key or the label is another, or a byte changed. */
static bool
open_with(const uint8_t key[SEAL_KEY_LEN], const char *label, const uint8_t *in,
    size_t n_text, char *text)
{
	_cleanup_(free_context) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	const uint8_t *sealed_text = in + 1 + NONCE_LEN;
	uint8_t tag[TAG_LEN];
	int n;

	memcpy(tag, sealed_text + n_text, TAG_LEN);
	return c != NULL &&
	       EVP_DecryptInit_ex2(c, EVP_aes_256_gcm(), key, in + 1, NULL) ==
		   1 &&
	       EVP_DecryptUpdate(c, NULL, &n, (const uint8_t *)label,
		   (int)strlen(label)) == 1 &&
	       EVP_DecryptUpdate(
		   c, (uint8_t *)text, &n, sealed_text, (int)n_text) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) ==
		   1 &&
	       EVP_DecryptFinal_ex(c, (uint8_t *)text + n, &n) == 1;
}

int
seal_unlock(const struct seal *s, const char *label, const void *sealed,
    size_t len, char **ret, struct error *e)
{
	const uint8_t *in = sealed;
	size_t n_text = len - SEAL_OVERHEAD;
	char *text;

	if (len < SEAL_OVERHEAD || len > INT_MAX || in[0] != VERSION)
		return error_set(
		    e, ERR_DENIED, "sealed '%s' is not of our making", label);
	text = xcalloc(n_text + 1, 1);
	if (!open_with(s->key, label, in, n_text, text) &&
	    (!s->has_old || !open_with(s->old, label, in, n_text, text))) {
		OPENSSL_cleanse(text, n_text);
		free(text);
		return error_set(e, ERR_DENIED,
		    "sealed '%s' does not open: is it the right key?", label);
	}
	*ret = text;
	return 0;
}

int
seal_renew(const struct seal *s, const char *label, void *sealed, size_t len,
    struct error *e)
{
	size_t n = len - SEAL_OVERHEAD;
	char *secret;

	if (seal_unlock(s, label, sealed, len, &secret, e) < 0)
		return -1;
	seal_lock(s, label, secret, n, sealed);
	OPENSSL_cleanse(secret, n);
	free(secret);
	return 0;
}
