/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sigv4.c - see sigv4.h.
 *
 *	canonical request -> string to sign -> HMAC with a key derived from the
 *	secret, the day, the region and the service
 */
#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/credential/sigv4.h"
#include "common/http/path.h"
#include "common/http/percent.h"
#include "common/xalloc.h"

#define HASH_BYTES 32
#define ALGORITHM "AWS4-HMAC-SHA256"

static void
put_hex(const uint8_t *p, size_t n, char *to)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*to++ = digits[p[i] >> 4];
		*to++ = digits[p[i] & 15];
	}
	*to = '\0';
}

void
sigv4_hash(const void *p, size_t n, char ret[SIGV4_HASH_SIZE])
{
	uint8_t hash[HASH_BYTES];

	if (EVP_Digest(p, n, hash, NULL, EVP_sha256(), NULL) != 1)
		abort();
	put_hex(hash, sizeof(hash), ret);
}

static void
hmac(const void *key, size_t key_len, const char *text, size_t n,
    uint8_t ret[HASH_BYTES])
{
	if (HMAC(EVP_sha256(), key, (int)key_len, (const uint8_t *)text, n, ret,
		NULL) == NULL)
		abort();
}

void
sigv4_date(int64_t time_s, char ret[SIGV4_DATE_SIZE])
{
	time_t t = (time_t)time_s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(ret, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm) == 0)
		ret[0] = '\0';
}

/* S3 encodes the path once, everybody else what is encoded already. */
static void
put_path(struct buf *b, const struct sigv4_request *r)
{
	autofree char *plain = xmalloc(r->path.n + 1);
	struct http_slice path = r->path;

	if (strcmp(r->service, "s3") == 0) {
		path.n = http_percent_decode(path.p, path.n, plain);
		path.p = plain;
	}
	(void)http_percent_encode(b, path.p, path.n, HTTP_CHAR_UNRESERVED, '/');
}

struct parameter {
	char *name; /* both encoded, owned */
	char *value;
};

static int
compare_parameters(const void *a, const void *b)
{
	const struct parameter *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r != 0 ? r : strcmp(x->value, y->value);
}

static char *
encode_again(struct http_slice s)
{
	autofree char *plain = xmalloc(s.n + 1);
	struct buf b = BUF_INIT;

	/* Here '+' is a plus sign. */
	if (s.p != NULL)
		(void)http_percent_encode(&b, plain,
		    http_percent_decode(s.p, s.n, plain), HTTP_CHAR_UNRESERVED,
		    '-');
	return buf_take_str(&b);
}

static int
put_query(struct buf *b, struct http_slice query, struct error *e)
{
	struct parameter all[SIGV4_PARAMETERS_MAX];
	struct http_slice name, value;
	size_t n = 0;
	bool too_many = false;

	while (query.p != NULL && http_query_next(&query, &name, &value)) {
		too_many = n == SIGV4_PARAMETERS_MAX;
		if (too_many)
			break;
		all[n].name = encode_again(name);
		all[n++].value = encode_again(value);
	}
	qsort(all, n, sizeof(all[0]), compare_parameters);
	for (size_t i = 0; i < n; i++) {
		(void)buf_printf(
		    b, "%s%s=%s", i > 0 ? "&" : "", all[i].name, all[i].value);
		free(all[i].name);
		free(all[i].value);
	}
	return too_many ? error_set(e, ERR_LIMIT,
			      "the query has over %d parameters to sign",
			      SIGV4_PARAMETERS_MAX)
			: 0;
}

static int
compare_names(struct http_slice a, struct http_slice b)
{
	int r = strncasecmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return r != 0 ? r : (a.n > b.n) - (a.n < b.n);
}

/* By name; of one name as they stand: insertion keeps the order. */
static void
sort_headers(const struct sigv4_request *r, struct sigv4_header *to)
{
	for (size_t i = 0; i < r->n_headers; i++) {
		size_t at = i;

		for (; at > 0 &&
		       compare_names(to[at - 1].name, r->headers[i].name) > 0;
		     at--)
			to[at] = to[at - 1];
		to[at] = r->headers[i];
	}
}

static void
put_lower(struct buf *b, struct http_slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		(void)buf_append(b, &c, 1);
	}
}

/* Trimmed, runs of white space as one. */
static void
put_value(struct buf *b, struct http_slice s)
{
	bool space = false, any = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ' ' || s.p[i] == '\t') {
			space = any;
			continue;
		}
		if (space)
			(void)buf_append(b, " ", 1);
		space = false;
		any = true;
		(void)buf_append(b, s.p + i, 1);
	}
}

/* The fields, and their names alone: "host;x-amz-date". */
static void
put_headers(
    struct buf *b, struct buf *names, const struct sigv4_header *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool same =
		    i > 0 && compare_names(v[i - 1].name, v[i].name) == 0;

		if (same) {
			(void)buf_append(b, ",", 1);
		} else {
			if (i > 0) {
				(void)buf_append(b, "\n", 1);
				(void)buf_append(names, ";", 1);
			}
			put_lower(b, v[i].name);
			put_lower(names, v[i].name);
			(void)buf_append(b, ":", 1);
		}
		put_value(b, v[i].value);
	}
	(void)buf_puts(b, "\n");
}

static int
put_canonical(struct buf *b, struct buf *names, const struct sigv4_request *r,
    struct error *e)
{
	struct sigv4_header sorted[SIGV4_HEADERS_MAX];

	if (r->n_headers > SIGV4_HEADERS_MAX)
		return error_set(
		    e, ERR_LIMIT, "over %d fields to sign", SIGV4_HEADERS_MAX);
	sort_headers(r, sorted);
	(void)buf_append(b, r->method.p, r->method.n);
	(void)buf_append(b, "\n", 1);
	put_path(b, r);
	(void)buf_append(b, "\n", 1);
	if (put_query(b, r->query, e) < 0)
		return -1;
	(void)buf_append(b, "\n", 1);
	put_headers(b, names, sorted, r->n_headers);
	(void)buf_printf(b, "\n%s\n%s", buf_str(names), r->payload_hash);
	return 0;
}

static void
derive_key(const struct sigv4_request *r, const char *secret, const char *day,
    uint8_t ret[HASH_BYTES])
{
	autofree char *first = xasprintf("AWS4%s", secret);

	hmac(first, strlen(first), day, 8, ret);
	hmac(ret, HASH_BYTES, r->region, strlen(r->region), ret);
	hmac(ret, HASH_BYTES, r->service, strlen(r->service), ret);
	hmac(ret, HASH_BYTES, "aws4_request", 12, ret);
	OPENSSL_cleanse(first, strlen(first));
}

int
sigv4_sign(const struct sigv4_request *r, const struct sigv4_keys *keys,
    struct buf *to, struct error *e)
{
	_cleanup_(buf_free) struct buf canonical = BUF_INIT, names = BUF_INIT;
	char date[SIGV4_DATE_SIZE], hash[SIGV4_HASH_SIZE];
	autofree char *scope = NULL, *text = NULL;
	uint8_t key[HASH_BYTES], signature[HASH_BYTES];

	if (put_canonical(&canonical, &names, r, e) < 0)
		return -1;
	sigv4_date(r->time_s, date);
	sigv4_hash(buf_data(&canonical), canonical.len, hash);
	scope =
	    xasprintf("%.8s/%s/%s/aws4_request", date, r->region, r->service);
	text = xasprintf(ALGORITHM "\n%s\n%s\n%s", date, scope, hash);
	derive_key(r, keys->secret_key, date, key);
	hmac(key, sizeof(key), text, strlen(text), signature);
	OPENSSL_cleanse(key, sizeof(key));
	put_hex(signature, sizeof(signature), hash);
	return buf_printf(to,
	    ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
	    keys->access_key, scope, buf_str(&names), hash);
}

/* us-east-1, ap-southeast-2, us-gov-west-1, cn-north-1: the label ends in a
 * dash and a digit and has a dash before. */
static bool
is_region(const char *p, size_t n)
{
	return n >= 9 && n <= SIGV4_REGION_MAX && p[2] == '-' &&
	       p[n - 2] == '-' && p[n - 1] >= '0' && p[n - 1] <= '9';
}

bool
sigv4_region(const char *host, char ret[SIGV4_REGION_MAX + 1])
{
	static const char *const suffixes[] = { ".amazonaws.com",
		".amazonaws.com.cn", ".api.aws" };
	size_t n = strlen(host), i = 0;

	for (; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t m = strlen(suffixes[i]);

		if (n > m && strcmp(host + n - m, suffixes[i]) == 0) {
			n -= m;
			break;
		}
	}
	if (i == sizeof(suffixes) / sizeof(suffixes[0]))
		return false;
	/* The last label that is one: "bucket.s3.eu-west-1", "s3-us-west-2",
	 * "vpce-1.s3.us-east-1.vpce". */
	while (n > 0) {
		size_t start = n;

		while (start > 0 && host[start - 1] != '.')
			start--;
		if (n - start > 3 && memcmp(host + start, "s3-", 3) == 0)
			start += 3;
		if (is_region(host + start, n - start)) {
			memcpy(ret, host + start, n - start);
			ret[n - start] = '\0';
			return true;
		}
		while (start > 0 && host[start - 1] != '.')
			start--;
		n = start > 0 ? start - 1 : 0;
	}
	memcpy(ret, "us-east-1", sizeof("us-east-1"));
	return true;
}
