/* SPDX-License-Identifier: Apache-2.0 */
/* sign.c - see sign.h. */
#include <stdio.h>
#include <string.h>

#include "proxyd/inject.h"
#include "proxyd/sign.h"

#define UNSIGNED_TRAILER "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

bool
sign_replaces(struct http_slice name)
{
	static const char *const names[] = { "authorization", "x-amz-date",
		"x-amz-security-token", "x-amz-content-sha256" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (http_slice_is_nocase(name, names[i]))
			return true;
	return false;
}

static bool
is_hash(struct http_slice s)
{
	if (s.n != SIGV4_HASH_SIZE - 1)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' ||
		    strchr("0123456789abcdef", s.p[i]) == NULL)
			return false;
	return true;
}

/* What the request says of its payload; absent: nothing. */
static struct http_slice
declared(const struct http_head *head)
{
	const struct http_header *h =
	    http_head_find(head, "x-amz-content-sha256");

	return h != NULL ? h->value : (struct http_slice){ NULL, 0 };
}

/* The words that stand as they are. */
static const char *
kept_word(struct http_slice said, enum policy_signing signing)
{
	if (said.p != NULL && http_slice_is(said, UNSIGNED_TRAILER))
		return UNSIGNED_TRAILER;
	if (signing == POLICY_SIGV4_NO_BODY)
		return SIGV4_UNSIGNED;
	if (signing == POLICY_SIGV4 && said.p != NULL &&
	    http_slice_is(said, SIGV4_UNSIGNED))
		return SIGV4_UNSIGNED;
	return NULL;
}

static bool
has_body(const struct http_head *head)
{
	return head->framing == HTTP_CHUNKED ||
	       (head->framing == HTTP_LENGTH && head->content_length > 0);
}

bool
sign_needs_body(const struct http_head *head, enum policy_signing signing)
{
	struct http_slice said = declared(head);

	if (signing == POLICY_NO_SIGNING || !has_body(head) ||
	    kept_word(said, signing) != NULL)
		return false;
	return signing == POLICY_SIGV4_BODY || said.p == NULL || !is_hash(said);
}

/* False: it can't be signed. */
static bool
set_hash(const struct sign_request *r, struct signature *to)
{
	struct http_slice said = declared(r->head);
	const char *word = kept_word(said, r->rules->signing);

	if (said.n >= 9 && memcmp(said.p, "STREAMING", 9) == 0 &&
	    (word == NULL || !http_slice_is(said, UNSIGNED_TRAILER)))
		return false;
	if (word != NULL)
		(void)snprintf(to->hash, sizeof(to->hash), "%s", word);
	else if (r->rules->signing == POLICY_SIGV4 && said.p != NULL &&
		 is_hash(said))
		(void)snprintf(
		    to->hash, sizeof(to->hash), "%.*s", (int)said.n, said.p);
	else if (r->body != NULL)
		sigv4_hash(buf_data(r->body), r->body->len, to->hash);
	else
		sigv4_hash("", 0, to->hash);
	return true;
}

static bool
find(struct inject *in, const char *key, struct credential *ret)
{
	*ret = (struct credential){ 0 };
	return inject_use(in,
	    credentials_find(in->credentials, key, &in->to, ret), key,
	    strlen(key), ret);
}

/* Not everybody has one. */
static bool
find_token(struct inject *in, struct credential *ret)
{
	static const char key[] = "AWS_SESSION_TOKEN";

	*ret = (struct credential){ 0 };
	return credentials_find(in->credentials, key, &in->to, ret) ==
		   CREDENTIAL_UNKNOWN ||
	       find(in, key, ret);
}

static bool
is_signed_too(struct http_slice name)
{
	return (name.n > 6 && strncasecmp(name.p, "x-amz-", 6) == 0) ||
	       http_slice_is_nocase(name, "content-type") ||
	       http_slice_is_nocase(name, "content-md5");
}

/* What is signed: our own fields, and of the request's those that AWS wants
 * signed.  They go out as they came: a secret in one isn't foreseen. */
static bool
collect_fields(struct inject *in, const struct sign_request *r,
    const struct signature *s, struct sigv4_header *v, size_t *n)
{
	v[(*n)++] = (struct sigv4_header){ { "host", 4 },
		{ r->authority, strlen(r->authority) } };
	for (const struct http_extra *x = s->extra; x->name != NULL; x++)
		v[(*n)++] = (struct sigv4_header){ { x->name, strlen(x->name) },
			{ x->value, strlen(x->value) } };
	for (size_t i = 0; i < r->head->n_headers; i++) {
		const struct http_header *h = &r->head->headers[i];

		if (h->hop || sign_replaces(h->name) || !is_signed_too(h->name))
			continue;
		if (*n == SIGV4_HEADERS_MAX ||
		    marker_is_in(h->value.p, h->value.n)) {
			inject_fail(in, INJECT_MISPLACED, NULL, 0);
			return false;
		}
		v[(*n)++] = (struct sigv4_header){ h->name, h->value };
	}
	return true;
}

static void
set_extra(struct signature *s)
{
	size_t n = 0;

	s->extra[n++] = (struct http_extra){ "x-amz-date", s->date };
	s->extra[n++] = (struct http_extra){ "x-amz-content-sha256", s->hash };
	if (s->token.len > 0)
		s->extra[n++] = (struct http_extra){ "x-amz-security-token",
			buf_str(&s->token) };
	if (s->authorization.len > 0)
		s->extra[n++] = (struct http_extra){ "Authorization",
			buf_str(&s->authorization) };
	s->extra[n] = (struct http_extra){ 0 };
}

bool
sign_request(
    struct inject *in, const struct sign_request *r, struct signature *s)
{
	const struct policy_credentials *rules = r->rules;
	struct sigv4_header fields[SIGV4_HEADERS_MAX];
	char region[SIGV4_REGION_MAX + 1];
	struct credential id, secret, token;
	struct sigv4_request what = { .method = r->head->method,
		.path = r->path,
		.query = r->query,
		.headers = fields,
		.payload_hash = s->hash,
		.service = rules->service,
		.region = rules->region,
		.time_s = in->to.now_ms / 1000 };
	struct error e;

	if (!set_hash(r, s)) {
		inject_fail(in, INJECT_MISPLACED, NULL, 0);
		return false;
	}
	if (!find(in, "AWS_ACCESS_KEY_ID", &id) ||
	    !find(in, "AWS_SECRET_ACCESS_KEY", &secret) ||
	    !find_token(in, &token))
		return false;
	if (what.region == NULL && sigv4_region(in->to.host, region))
		what.region = region;
	sigv4_date(what.time_s, s->date);
	(void)buf_append(&s->token, token.value, token.value_len);
	set_extra(s);
	if (!collect_fields(in, r, s, fields, &what.n_headers))
		return false;
	if (what.region == NULL ||
	    sigv4_sign(&what, &(struct sigv4_keys){ id.value, secret.value },
		&s->authorization, &e) < 0) {
		inject_fail(in, INJECT_UNAVAILABLE, NULL, 0);
		return false;
	}
	set_extra(s);
	return true;
}

void
signature_clear(struct signature *s)
{
	buf_wipe(&s->token);
	buf_wipe(&s->authorization);
}
