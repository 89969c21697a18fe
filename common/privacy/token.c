/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token.c - credentials that say what they are by a prefix, and by a checksum
 * where their issuer put one in.
 */
#include <openssl/evp.h>
#include <string.h>

#include "common/json/scan.h"
#include "common/privacy/credential.h"
#include "common/privacy/text.h"

#define HEADER_MAX 1024 /* of a JWT, in base64 */
#define TOKEN_MAX 4096
#define SHORTEST 20 /* AKIA and 16 */
#define CHECKED_RANDOM 30
#define CHECKED_LEN 36

typedef bool check_fn(const char *rest, size_t n);

/* "ghp_" and its like: the last six characters are the CRC-32 of the thirty
 * before, in base 62. */
static bool
has_checksum(const char *rest, size_t n)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz";
	uint32_t crc = 0xffffffff;

	if (n != CHECKED_LEN)
		return false;
	for (size_t i = 0; i < CHECKED_RANDOM; i++) {
		crc ^= (uint8_t)rest[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	crc = ~crc;
	for (size_t i = CHECKED_LEN; i > CHECKED_RANDOM; i--) {
		if (rest[i - 1] != digits[crc % 62])
			return false;
		crc /= 62;
	}
	return true;
}

static bool
is_aws_id(const char *rest, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is(rest[i], IS_UPPER | IS_DIGIT))
			return false;
	return !text_is_sample(rest, n);
}

/* "sk-" alone is short: programs have words like that. */
static bool
is_random_alnum(const char *rest, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is(rest[i], IS_ALNUM))
			return false;
	return text_looks_random(rest, n);
}

static bool
is_hex(const char *rest, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is(rest[i], IS_HEX))
			return false;
	return text_looks_random(rest, n);
}

static bool
is_fine_grained(const char *rest, size_t n)
{
	return n == 82 && rest[22] == '_' && text_looks_random(rest, n);
}

/* What a JWT's parts decode to is of no use but for the first, which is a JSON
 * object that names an algorithm (RFC 7519, RFC 7515 4.1.1). */
static bool
is_jose_header(const char *p, size_t n)
{
	char padded[HEADER_MAX + 4];
	unsigned char plain[HEADER_MAX];
	struct json_span top, alg;
	struct error e;
	size_t len = n;
	int got;

	if (n > HEADER_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		padded[i] = p[i] == '-' ? '+' : p[i] == '_' ? '/' : p[i];
	while (len % 4 != 0)
		padded[len++] = '=';
	got = EVP_DecodeBlock(plain, (unsigned char *)padded, (int)len);
	if (got < 0 || len - n > 2)
		return false;
	got -= (int)(len - n);
	return json_parse((char *)plain, (size_t)got, &top, &e) == 0 &&
	       json_find(&top, "alg", &alg) > 0;
}

static const struct token {
	const char *prefix;
	const char *kind;
	unsigned set;
	unsigned short min; /* bytes behind the prefix */
	unsigned short max;
	check_fn *check;
} tokens[] = {
	{ "AKIA", "aws-access-key", IS_ALNUM, 16, 16, is_aws_id },
	{ "ASIA", "aws-access-key", IS_ALNUM, 16, 16, is_aws_id },
	{ "AIza", "google-api-key", IS_URL64, 35, 35, text_looks_random },
	{ "ATATT3", "atlassian-token", IS_URL64, 60, 300, text_looks_random },
	{ "EAACEdEose0cBA", "facebook-token", IS_ALNUM, 20, 300, NULL },
	{ "GOCSPX-", "google-client-secret", IS_URL64, 28, 28,
	    text_looks_random },
	{ "ddp_", "datadog-token", IS_ALNUM, 36, 36, text_looks_random },
	{ "dapi", "databricks-token", IS_HEX, 32, 34, is_hex },
	{ "dckr_pat_", "docker-token", IS_URL64, 27, 27, text_looks_random },
	{ "dop_v1_", "digitalocean-token", IS_HEX, 64, 64, is_hex },
	{ "dp.pt.", "doppler-token", IS_ALNUM, 40, 44, text_looks_random },
	{ "ghp_", "github-token", IS_ALNUM, 36, 36, has_checksum },
	{ "gho_", "github-token", IS_ALNUM, 36, 36, has_checksum },
	{ "ghu_", "github-token", IS_ALNUM, 36, 36, has_checksum },
	{ "ghs_", "github-token", IS_ALNUM, 36, 36, has_checksum },
	{ "ghr_", "github-token", IS_ALNUM, 36, 36, has_checksum },
	{ "github_pat_", "github-token", IS_WORD, 82, 82, is_fine_grained },
	{ "glpat-", "gitlab-token", IS_URL64, 20, 64, text_looks_random },
	{ "glptt-", "gitlab-token", IS_URL64, 40, 40, text_looks_random },
	{ "glrt-", "gitlab-token", IS_URL64, 20, 64, text_looks_random },
	{ "gldt-", "gitlab-token", IS_URL64, 20, 64, text_looks_random },
	{ "gsk_", "groq-key", IS_ALNUM, 48, 56, text_looks_random },
	{ "hf_", "huggingface-token", IS_ALNUM, 34, 37, NULL },
	{ "hvs.", "vault-token", IS_URL64, 24, 200, text_looks_random },
	{ "lin_api_", "linear-key", IS_ALNUM, 32, 48, text_looks_random },
	{ "npm_", "npm-token", IS_ALNUM, 36, 36, has_checksum },
	{ "ntn_", "notion-token", IS_ALNUM, 40, 50, text_looks_random },
	{ "nvapi-", "nvidia-key", IS_URL64, 60, 70, text_looks_random },
	{ "pplx-", "perplexity-key", IS_ALNUM, 40, 56, text_looks_random },
	{ "pypi-AgEI", "pypi-token", IS_URL64, 50, 300, text_looks_random },
	{ "r8_", "replicate-token", IS_ALNUM, 37, 37, text_looks_random },
	{ "rk_live_", "stripe-key", IS_ALNUM, 20, 120, text_looks_random },
	{ "rk_test_", "stripe-key", IS_ALNUM, 20, 120, text_looks_random },
	{ "rubygems_", "rubygems-key", IS_HEX, 48, 48, is_hex },
	{ "sk_live_", "stripe-key", IS_ALNUM, 20, 120, text_looks_random },
	{ "sk_test_", "stripe-key", IS_ALNUM, 20, 120, text_looks_random },
	{ "sk-ant-", "anthropic-key", IS_URL64, 32, 160, text_looks_random },
	{ "sk-proj-", "openai-key", IS_URL64, 32, 220, text_looks_random },
	{ "sk-svcacct-", "openai-key", IS_URL64, 32, 220, text_looks_random },
	{ "sk-admin-", "openai-key", IS_URL64, 32, 220, text_looks_random },
	{ "sk-or-v1-", "openrouter-key", IS_HEX, 64, 64, is_hex },
	{ "sk-", "openai-key", IS_URL64, 32, 64, is_random_alnum },
	{ "shpat_", "shopify-token", IS_HEX, 32, 32, is_hex },
	{ "shpss_", "shopify-token", IS_HEX, 32, 32, is_hex },
	{ "tskey-", "tailscale-key", IS_URL64, 24, 80, text_looks_random },
	{ "whsec_", "stripe-key", IS_ANY64, 32, 64, text_looks_random },
	{ "xai-", "xai-key", IS_ALNUM, 60, 90, text_looks_random },
	{ "xapp-", "slack-token", IS_URL64, 40, 160, text_looks_random },
	{ "xoxa-", "slack-token", IS_URL64, 20, 200, text_looks_random },
	{ "xoxb-", "slack-token", IS_URL64, 20, 200, text_looks_random },
	{ "xoxe-", "slack-token", IS_URL64, 20, 200, text_looks_random },
	{ "xoxp-", "slack-token", IS_URL64, 20, 200, text_looks_random },
	{ "xoxr-", "slack-token", IS_URL64, 20, 200, text_looks_random },
	{ "xoxs-", "slack-token", IS_URL64, 20, 200, text_looks_random },
	{ "ya29.", "google-oauth-token", IS_URL64, 40, 400, text_looks_random },
};

/* First letters of what token_find() knows; digits begin Telegram's. */
static const bool begins_token[256] = {
	['A'] = true,
	['B'] = true,
	['E'] = true,
	['G'] = true,
	['S'] = true,
	['b'] = true,
	['d'] = true,
	['e'] = true,
	['g'] = true,
	['h'] = true,
	['l'] = true,
	['n'] = true,
	['p'] = true,
	['r'] = true,
	['s'] = true,
	['t'] = true,
	['w'] = true,
	['x'] = true,
	['y'] = true,
	['0' ... '9'] = true,
};

static bool
find_prefixed(const struct text *t, size_t at, struct found *ret)
{
	size_t left = t->n - at;

	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		const struct token *k = &tokens[i];
		size_t before, n;

		if (t->p[at] != k->prefix[0])
			continue;
		before = strlen(k->prefix);
		if (left < before + k->min ||
		    memcmp(t->p + at, k->prefix, before) != 0)
			continue;
		n = text_run(t, at + before, k->set, (size_t)k->max + 1);
		/* What ends a sentence or a flag isn't part of it. */
		while (n > k->min && t->p[at + before + n - 1] == '-')
			n--;
		if (n < k->min || n > k->max ||
		    is(text_at(t, at + before + n), IS_WORD) ||
		    (k->check != NULL && !k->check(t->p + at + before, n)))
			continue;
		*ret = (struct found){ at, at + before + n, k->kind };
		return true;
	}
	return false;
}

/* Only at the beginning of its run of letters, so that "ey-ey-ey-..." is looked
 * at once. */
static bool
find_jwt(const struct text *t, size_t at, struct found *ret)
{
	size_t header, dot, payload, signature;

	if (text_at(t, at + 1) != 'y' || is(text_before(t, at), IS_DASH))
		return false;
	header = text_run(t, at, IS_URL64, HEADER_MAX + 1);
	dot = at + header;
	if (header < 16 || header > HEADER_MAX || text_at(t, dot) != '.')
		return false;
	payload = text_run(t, dot + 1, IS_URL64, TOKEN_MAX);
	if (payload < 4 || text_at(t, dot + 1 + payload) != '.')
		return false;
	signature = text_run(t, dot + payload + 2, IS_URL64, TOKEN_MAX);
	if (!is_jose_header(t->p + at, header))
		return false;
	*ret = (struct found){ at, dot + payload + 2 + signature, "jwt" };
	return true;
}

/* SG.<22>.<43> */
static bool
find_sendgrid(const struct text *t, size_t at, struct found *ret)
{
	if (t->n - at < 69 || memcmp(t->p + at, "SG.", 3) != 0 ||
	    text_run(t, at + 3, IS_URL64, 23) != 22 ||
	    text_at(t, at + 25) != '.' ||
	    text_run(t, at + 26, IS_URL64, 44) != 43)
		return false;
	*ret = (struct found){ at, at + 69, "sendgrid-key" };
	return true;
}

/* <8 to 10 digits>:AA<33> */
static bool
find_telegram(const struct text *t, size_t at, struct found *ret)
{
	size_t digits = text_run(t, at, IS_DIGIT, 11), from = at + digits + 1;

	if (digits < 8 || digits > 10 || text_at(t, from - 1) != ':' ||
	    t->n - at < digits + 36 || memcmp(t->p + from, "AA", 2) != 0 ||
	    text_run(t, from, IS_URL64, 36) != 35)
		return false;
	*ret = (struct found){ at, from + 35, "telegram-token" };
	return true;
}

/* hooks.slack.com/services/T.../B.../<24> */
static bool
find_hook(const struct text *t, size_t at, struct found *ret)
{
	static const char host[] = "hooks.slack.com/services/T";
	size_t from = at + sizeof(host) - 1, n;

	if (t->n - at < sizeof(host) ||
	    memcmp(t->p + at, host, sizeof(host) - 1) != 0)
		return false;
	n = text_run(t, from, IS_ALNUM | IS_BASE64, 80);
	if (n < 40)
		return false;
	*ret = (struct found){ at, from + n, "slack-webhook" };
	return true;
}

/* A header's value: "Bearer <token>". */
static bool
find_bearer(const struct text *t, size_t at, struct found *ret)
{
	size_t from, n;

	if (!text_says(t, at, "bearer "))
		return false;
	from = at + 7;
	n = text_run(t, from, IS_ANY64, TOKEN_MAX);
	while (text_at(t, from + n) == '.' &&
	       is(text_at(t, from + n + 1), IS_ANY64) && n < TOKEN_MAX)
		n += 1 + text_run(t, from + n + 1, IS_ANY64, TOKEN_MAX);
	if (n < 16 || !text_looks_random(t->p + from, n) ||
	    text_is_sample(t->p + from, n))
		return false;
	while (text_at(t, from + n) == '=')
		n++;
	*ret = (struct found){ from, from + n, "bearer-token" };
	return true;
}

/* "Basic <base64 of user:password>" */
static bool
find_basic(const struct text *t, size_t at, struct found *ret)
{
	unsigned char plain[192];
	char coded[257];
	size_t from, n, pad;
	int got;

	if (!text_says(t, at, "basic "))
		return false;
	from = at + 6;
	n = text_run(t, from, IS_ALNUM | IS_BASE64, 254);
	pad = (4 - n % 4) % 4;
	if (n < 8 || n > 252 || pad == 3)
		return false;
	memcpy(coded, t->p + from, n);
	memcpy(coded + n, "===", pad);
	got = EVP_DecodeBlock(plain, (unsigned char *)coded, (int)(n + pad));
	if (got < (int)pad + 3 || memchr(plain, ':', (size_t)got - pad) == NULL)
		return false;
	for (size_t i = 0; i + pad < (size_t)got; i++)
		if (plain[i] < 0x20 || plain[i] > 0x7e)
			return false;
	while (pad-- > 0 && text_at(t, from + n) == '=')
		n++;
	*ret = (struct found){ from, from + n, "basic-auth" };
	return true;
}

/* Is what begins here as long as the shortest of tokens? */
static bool
is_long(const struct text *t, size_t at)
{
	size_t i = 0;

	while (i < SHORTEST && at + i < t->n &&
	       (is(t->p[at + i], IS_ANY64) || t->p[at + i] == '.'))
		i++;
	return i == SHORTEST;
}

bool
token_find(const struct text *t, size_t at, struct found *ret)
{
	if (!begins_token[(uint8_t)t->p[at]])
		return false;
	switch (t->p[at]) {
	case '0' ... '9':
		return find_telegram(t, at, ret);
	case 'B':
	case 'b':
		return find_bearer(t, at, ret) || find_basic(t, at, ret);
	case 'h':
		if (find_hook(t, at, ret))
			return true;
		break;
	default:
		break;
	}
	return is_long(t, at) &&
	       (find_prefixed(t, at, ret) ||
		   (t->p[at] == 'e' && find_jwt(t, at, ret)) ||
		   (t->p[at] == 'S' && find_sendgrid(t, at, ret)));
}
