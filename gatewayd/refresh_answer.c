/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refresh_answer.c - see refresh_answer.h.
 *
 * STS answers XML unless it is asked for JSON with Accept; then it writes the
 * same members as JSON, times as seconds since the epoch.
 */
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/http/chars.h"
#include "common/json/scan.h"
#include "common/when.h"
#include "common/wire/provider.h"
#include "common/xalloc.h"
#include "gatewayd/refresh_answer.h"

#define TIME_MAX 40 /* characters */
#define EPOCH_MAX 1e11

/* A code of an error, and what the operator should do. */
struct code {
	const char *name;
	bool is_temporary;
	const char *advice;
};

static const struct code oauth_codes[] = {
	{ "invalid_grant", false,
	    "it is expired or revoked; configure new material" },
	{ "bad_refresh_token", false,
	    "it is expired or revoked; configure new material" },
	{ "invalid_client", false, "check client_id and client_secret" },
	{ "unauthorized_client", false,
	    "the client may not use this strategy" },
	{ "access_denied", false, "the client may not have this" },
	{ "invalid_scope", false, "check the scope" },
	{ "invalid_request", false, "check material and token URL" },
	{ "unsupported_grant_type", false, "check the token URL" },
	{ "temporarily_unavailable", true, "it is tried again" },
	{ "server_error", true, "it is tried again" },
	{ "slow_down", true, "it is tried again" },
	{ NULL, false, "check material and token URL" },
};

static const struct code sts_codes[] = {
	{ "AccessDenied", false,
	    "check role_arn, its trust policy, external_id" },
	{ "InvalidClientTokenId", false, "check access_key_id" },
	{ "SignatureDoesNotMatch", false,
	    "check secret_access_key and this host's clock" },
	{ "IncompleteSignature", false, "check the token URL" },
	{ "ExpiredToken", false, "the session_token is; configure a new one" },
	{ "ExpiredTokenException", false,
	    "the session_token is; configure a new one" },
	{ "RegionDisabledException", false, "check the region" },
	{ "ValidationError", false, "check role_arn and session_name" },
	{ "RequestExpired", true, "check this host's clock" },
	{ "Throttling", true, "it is tried again" },
	{ "ThrottlingException", true, "it is tried again" },
	{ "RequestLimitExceeded", true, "it is tried again" },
	{ "ServiceUnavailable", true, "it is tried again" },
	{ "InternalFailure", true, "it is tried again" },
	{ NULL, false, "check material and token URL" },
};

/* The row of a code that is a string of ours; else the last. */
static const struct code *
find_code(const struct code *c, const struct json_span *is)
{
	while (c->name != NULL && (is == NULL || !json_is(is, c->name)))
		c++;
	return c;
}

static enum refresh_outcome
fail(struct error *e, const char *why)
{
	(void)error_set(e, ERR_PROTOCOL, "the token endpoint %s", why);
	return REFRESH_FAILED;
}

/* An answer that grants nothing. */
static enum refresh_outcome
judge(unsigned status, const struct code *c, struct error *e)
{
	if (c->is_temporary) {
		(void)error_set(e, ERR_UNAVAILABLE,
		    "the token endpoint said %s: %s", c->name, c->advice);
		return REFRESH_FAILED;
	}
	if (c->name != NULL && status < 500) {
		(void)error_set(
		    e, ERR_DENIED, "refused (%s): %s", c->name, c->advice);
		return REFRESH_REFUSED;
	}
	if (status == 400 || status == 401 || status == 403) {
		(void)error_set(
		    e, ERR_DENIED, "refused (HTTP %u): %s", status, c->advice);
		return REFRESH_REFUSED;
	}
	if (status >= 300 && status < 400)
		(void)error_set(e, ERR_PROTOCOL,
		    "a redirect (HTTP %u) isn't followed: check the token URL",
		    status);
	else
		(void)error_set(e, ERR_UNAVAILABLE,
		    "the token endpoint answered HTTP %u%s", status,
		    status >= 500 || status == 429 ? "" : ": check its URL");
	return REFRESH_FAILED;
}

/* A token (RFC 6750 2.1 and what is like it): visible ASCII.  Owned; NULL: it
 * isn't one. */
static char *
take_token(const struct json_span *s)
{
	autofree char *text = NULL;
	size_t n;
	bool good;

	if (s->type != JSON_STRING || s->n > (size_t)6 * PROVIDER_VALUE_MAX)
		return NULL;
	text = xmalloc(s->n);
	n = json_unescape(s, text);
	good = n > 0 && n <= PROVIDER_VALUE_MAX;
	for (size_t i = 0; i < n; i++)
		good &= http_char_is(text[i], HTTP_CHAR_VISIBLE);
	if (good) {
		text[n] = '\0';
		return steal_ptr(&text);
	}
	OPENSSL_cleanse(text, s->n);
	return NULL;
}

/* A member that is there once; false: it isn't, or more often. */
static bool
member(const struct json_span *of, const char *name, struct json_span *ret)
{
	return json_find(of, name, ret) == 1;
}

void
refresh_answer_clear(struct refresh_answer *a)
{
	for (size_t i = 0; i < REFRESH_OUTPUTS_MAX; i++)
		free_secret(a->values[i]);
	free_secret(a->refresh_token);
	*a = (struct refresh_answer){ 0 };
}

/*
 * OAuth 2.0
 */

/* Seconds, as a number or, as some write it, a string of digits; -1. */
static int64_t
take_seconds(const struct json_span *s)
{
	struct json_span digits = *s;

	if (s->type == JSON_STRING)
		digits = (struct json_span){ s->p + 1, s->n - 2, JSON_NUMBER };
	return digits.n > 0 ? json_count(&digits) : -1;
}

static bool
is_bearer(const struct json_span *s)
{
	static const char word[] = "bearer";

	return s->type == JSON_STRING && s->n == sizeof(word) + 1 &&
	       strncasecmp(s->p + 1, word, sizeof(word) - 1) == 0;
}

static enum refresh_outcome
grant_oauth(
    const struct json_span *top, struct refresh_answer *to, struct error *e)
{
	struct json_span token, is;

	if (!member(top, "access_token", &token) ||
	    (to->values[0] = take_token(&token)) == NULL)
		return fail(e, "gave no access_token that can be used");
	if (json_find(top, "token_type", &is) != 0 && !is_bearer(&is))
		return fail(e, "gave a token_type other than Bearer");
	to->lifetime_s = REFRESH_LIFETIME_MAX_S;
	if (json_find(top, "expires_in", &is) != 0)
		to->lifetime_s = take_seconds(&is);
	if (to->lifetime_s <= 0)
		return fail(e, "gave an expires_in that is no time to come");
	if (to->lifetime_s > REFRESH_LIFETIME_MAX_S)
		to->lifetime_s = REFRESH_LIFETIME_MAX_S;
	if (json_find(top, "refresh_token", &is) != 0 &&
	    (to->refresh_token = take_token(&is)) == NULL)
		return fail(e, "gave a refresh_token that can't be used");
	return REFRESH_GRANTED;
}

enum refresh_outcome
refresh_read_oauth(unsigned status, struct http_slice body, int64_t now_s,
    struct refresh_answer *to, struct error *e)
{
	struct json_span top = { 0 }, code;
	struct error why;
	bool is_json = json_parse(body.p, body.n, &top, &why) == 0;
	bool has_code = is_json && member(&top, "error", &code);

	(void)now_s;
	if (status != 200 || has_code)
		return judge(
		    status, find_code(oauth_codes, has_code ? &code : NULL), e);
	if (!is_json)
		return fail(e, "gave an answer that isn't JSON");
	return grant_oauth(&top, to, e);
}

/*
 * AWS STS
 */

/* Seconds since the epoch, with a fraction or an exponent; or a text of
 * RFC 3339.  -1. */
static int64_t
take_time(const struct json_span *s)
{
	char text[TIME_MAX + 1] = "";
	int64_t ms;
	double seconds;

	if (s->n > TIME_MAX)
		return -1;
	if (s->type == JSON_STRING) {
		memcpy(text, s->p + 1, s->n - 2);
		return when_parse_rfc3339(text, &ms) == 0 ? ms / 1000 : -1;
	}
	memcpy(text, s->p, s->n);
	seconds = s->type == JSON_NUMBER ? strtod(text, NULL) : -1;
	return seconds >= 0 && seconds < EPOCH_MAX ? (int64_t)seconds : -1;
}

static enum refresh_outcome
grant_sts(const struct json_span *top, int64_t now_s, struct refresh_answer *to,
    struct error *e)
{
	static const char *const path[] = { "AssumeRoleResponse",
		"AssumeRoleResult", "Credentials" };
	static const char *const names[] = { "AccessKeyId", "SecretAccessKey",
		"SessionToken" };
	struct json_span at = *top, is;
	int64_t expires;

	for (size_t i = 0; i < sizeof(path) / sizeof(path[0]); i++) {
		if (!member(&at, path[i], &is))
			return fail(e, "gave no credentials");
		at = is;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!member(&at, names[i], &is) ||
		    (to->values[i] = take_token(&is)) == NULL)
			return fail(e, "gave credentials that can't be used");
	expires = member(&at, "Expiration", &is) ? take_time(&is) : -1;
	if (expires <= now_s)
		return fail(e, "gave an Expiration that is no time to come");
	to->lifetime_s = expires - now_s;
	if (to->lifetime_s > REFRESH_LIFETIME_MAX_S)
		to->lifetime_s = REFRESH_LIFETIME_MAX_S;
	return REFRESH_GRANTED;
}

enum refresh_outcome
refresh_read_sts(unsigned status, struct http_slice body, int64_t now_s,
    struct refresh_answer *to, struct error *e)
{
	struct json_span top = { 0 }, error, code;
	struct error why;
	bool is_json = json_parse(body.p, body.n, &top, &why) == 0;
	bool has_code = is_json && member(&top, "Error", &error) &&
			member(&error, "Code", &code);

	if (status != 200 || has_code)
		return judge(
		    status, find_code(sts_codes, has_code ? &code : NULL), e);
	if (!is_json)
		return fail(e, "gave an answer that isn't JSON");
	return grant_sts(&top, now_s, to, e);
}
