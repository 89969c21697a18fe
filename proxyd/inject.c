/* SPDX-License-Identifier: Apache-2.0 */
/* inject.c - see inject.h. */
#include <openssl/evp.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/http/path.h"
#include "common/http/percent.h"
#include "proxyd/inject.h"
#include "proxyd/sign.h"

void
inject_fail(struct inject *in, enum inject_result result, const char *key,
    size_t key_len)
{
	if (in->result != INJECT_OK)
		return;
	in->result = result;
	if (key_len > PLACEHOLDER_KEY_MAX)
		key_len = PLACEHOLDER_KEY_MAX;
	if (key_len > 0)
		memcpy(in->key, key, key_len);
	in->key[key_len] = '\0';
}

bool
inject_use(struct inject *in, enum credential_result r, const char *key,
    size_t key_len, const struct credential *secret)
{
	if (r == CREDENTIAL_FOUND && in->is_closed)
		inject_fail(in, INJECT_MISPLACED, key, key_len);
	else if (r == CREDENTIAL_MISMATCH)
		inject_fail(in, INJECT_MISMATCH, key, key_len);
	else if (r != CREDENTIAL_FOUND || !injected_add(in->used, secret->key,
					      secret->value, secret->value_len))
		inject_fail(in, INJECT_UNAVAILABLE, key, key_len);
	return in->result == INJECT_OK;
}

static bool
resolve(struct inject *in, const struct placeholder *p, struct credential *ret)
{
	*ret = (struct credential){ 0 };
	return inject_use(in,
	    credentials_resolve(in->credentials, p, &in->to, ret), p->key,
	    p->key_len, ret);
}

/* How a secret is written. */
typedef void put_fn(struct inject *, const struct credential *, struct buf *);

static void
put_plain(struct inject *in, const struct credential *s, struct buf *b)
{
	(void)in;
	(void)buf_append(b, s->value, s->value_len);
}

static void
put_in_query(struct inject *in, const struct credential *s, struct buf *b)
{
	(void)in;
	(void)http_percent_encode(
	    b, s->value, s->value_len, HTTP_CHAR_UNRESERVED, '-');
}

/* Nothing that a server could take for the end of a segment. */
static bool
fits_in_segment(const struct credential *s)
{
	for (size_t i = 0; i < s->value_len; i++)
		if ((unsigned char)s->value[i] < 0x20 || s->value[i] == 0x7f ||
		    strchr("/\\?#", s->value[i]) != NULL)
			return false;
	return strstr(s->value, "..") == NULL;
}

static void
put_in_path(struct inject *in, const struct credential *s, struct buf *b)
{
	if (!fits_in_segment(s)) {
		inject_fail(in, INJECT_UNAVAILABLE, s->key, strlen(s->key));
		return;
	}
	(void)http_percent_encode(
	    b, s->value, s->value_len, HTTP_CHAR_PATH, '-');
}

/* Appends text, its placeholders replaced; how many there were. */
static size_t
replace(
    struct inject *in, const char *text, size_t n, put_fn *put, struct buf *b)
{
	struct placeholder p;
	struct credential s;
	size_t at = 0, found = 0;

	for (; placeholder_find(text, n, at, &p); found++) {
		(void)buf_append(b, text + at, p.start - at);
		at = p.start + p.len;
		if (!resolve(in, &p, &s))
			return found + 1;
		put(in, &s, b);
	}
	(void)buf_append(b, text + at, n - at);
	return found;
}

void
inject_text(struct inject *in, const char *text, size_t n, struct buf *b)
{
	(void)replace(in, text, n, put_plain, b);
}

bool
inject_path(
    struct inject *in, const struct http_path *path, struct http_path *ret)
{
	_cleanup_(buf_wipe) struct buf b = BUF_INIT;
	struct error e;

	if (!marker_is_in(path->path, path->len) ||
	    replace(in, path->path, path->len, put_in_path, &b) == 0 ||
	    in->result != INJECT_OK)
		return false;
	/* The one spelling of it must be the one we have written. */
	if (http_path_canon(
		(struct http_slice){ (const char *)buf_data(&b), b.len }, true,
		ret, &e) < 0 ||
	    ret->query.p != NULL || ret->len != b.len ||
	    memcmp(ret->path, buf_data(&b), b.len) != 0 ||
	    ret->has_encoded_slash != path->has_encoded_slash) {
		inject_fail(in, INJECT_UNAVAILABLE, NULL, 0);
		return false;
	}
	return true;
}

/* A value that has a marker: what it means, with secrets, encoded anew. */
static void
put_value(struct inject *in, struct http_slice value, struct buf *b)
{
	_cleanup_(buf_wipe) struct buf plain = BUF_INIT, full = BUF_INIT;
	uint8_t *room = buf_room(&plain, value.n);
	struct credential all;

	buf_grew(&plain, http_query_decode(value, (char *)room));
	inject_text(in, (const char *)buf_data(&plain), plain.len, &full);
	all = (struct credential){ NULL, buf_str(&full), full.len };
	put_in_query(in, &all, b);
}

void
inject_query(struct inject *in, struct http_slice query, struct buf *b)
{
	const char *p = query.p, *end = query.n > 0 ? p + query.n : p;

	while (p < end) {
		const char *amp = memchr(p, '&', (size_t)(end - p));
		const char *stop = amp != NULL ? amp : end;
		const char *eq = memchr(p, '=', (size_t)(stop - p));
		const char *value = eq != NULL ? eq + 1 : stop;
		struct http_slice v = { value, (size_t)(stop - value) };

		if (marker_is_in(p, (size_t)(value - p)))
			inject_fail(in, INJECT_MISPLACED, NULL, 0);
		(void)buf_append(b, p, (size_t)(value - p));
		if (marker_is_in(v.p, v.n))
			put_value(in, v, b);
		else
			(void)buf_append(b, v.p, v.n);
		if (amp != NULL)
			(void)buf_append(b, "&", 1);
		p = amp != NULL ? amp + 1 : end;
	}
}

/*
 * Field values.
 */

/* The bytes of "Scheme " before what is authenticated with; 0: none. */
static size_t
scheme_len(struct http_slice v)
{
	const char *space = memchr(v.p, ' ', v.n);
	size_t n;

	if (space == NULL ||
	    !http_is_token((struct http_slice){ v.p, (size_t)(space - v.p) }))
		return 0;
	n = (size_t)(space - v.p);
	while (n < v.n && v.p[n] == ' ')
		n++;
	return n;
}

/* RFC 4648 4, with its padding; 0 if it is anything else. */
static size_t
decode_base64(struct http_slice s, struct buf *b)
{
	uint8_t *room = buf_room(b, s.n);
	int n = -1;

	if (room != NULL && s.n > 0 && s.n % 4 == 0)
		n = EVP_DecodeBlock(room, (const unsigned char *)s.p, (int)s.n);
	for (size_t i = 0; n > 0 && i < 2; i++)
		n -= s.p[s.n - 1 - i] == '=';
	buf_grew(b, n > 0 ? (size_t)n : 0);
	return b->len;
}

static void
encode_base64(const struct buf *from, struct buf *to)
{
	uint8_t *room = buf_room(to, (from->len + 2) / 3 * 4 + 1);

	if (room != NULL)
		buf_grew(to, (size_t)EVP_EncodeBlock(
				 room, buf_data(from), (int)from->len));
}

/* "user:secret", where either may be a placeholder. */
static int
inject_basic(
    struct inject *in, struct http_slice v, size_t scheme, struct buf *to)
{
	_cleanup_(buf_wipe) struct buf plain = BUF_INIT, full = BUF_INIT;
	const struct http_slice coded = { v.p + scheme, v.n - scheme };

	if (decode_base64(coded, &plain) == 0 ||
	    !marker_is_in(buf_data(&plain), plain.len))
		return HTTP_KEEP;
	inject_text(in, (const char *)buf_data(&plain), plain.len, &full);
	if (marker_is_in(buf_data(&full), full.len))
		inject_fail(in, INJECT_MISPLACED, NULL, 0);
	if (in->result != INJECT_OK)
		return -1;
	(void)buf_append(to, v.p, scheme);
	encode_base64(&full, to);
	if (!injected_add(in->used, NULL, (char *)buf_data(to) + scheme,
		to->len - scheme))
		inject_fail(in, INJECT_UNAVAILABLE, NULL, 0);
	return in->result == INJECT_OK ? HTTP_REPLACED : -1;
}

static int
inject_value(struct inject *in, struct http_slice v, struct buf *to)
{
	size_t scheme = scheme_len(v);
	struct placeholder p;
	struct credential s;

	if (!marker_is_in(v.p, v.n)) {
		if (scheme > 0 && scheme < v.n &&
		    strncasecmp(v.p, "basic ", 6) == 0)
			return inject_basic(in, v, scheme, to);
		return HTTP_KEEP;
	}
	if (!placeholder_find(v.p, v.n, 0, &p) || p.start + p.len != v.n ||
	    (p.start != 0 && p.start != scheme)) {
		inject_fail(in, INJECT_MISPLACED, NULL, 0);
		return -1;
	}
	if (!resolve(in, &p, &s))
		return -1;
	(void)buf_append(to, v.p, p.start);
	(void)buf_append(to, s.value, s.value_len);
	return HTTP_REPLACED;
}

int
inject_field(
    void *arg, const struct http_header *h, struct buf *value, struct error *e)
{
	struct inject *in = arg;
	int r;

	if (in->is_signed && sign_replaces(h->name))
		return HTTP_DROP;
	if (in->wants_identity &&
	    http_slice_is_nocase(h->name, "accept-encoding")) {
		(void)buf_puts(value, "identity");
		return HTTP_REPLACED;
	}
	if (marker_is_in(h->name.p, h->name.n))
		inject_fail(in, INJECT_MISPLACED, NULL, 0);
	r = in->result == INJECT_OK ? inject_value(in, h->value, value) : -1;
	return r < 0 ? error_set(
			   e, ERR_INVALID, "a placeholder can't be resolved")
		     : r;
}
