/* SPDX-License-Identifier: Apache-2.0 */
/* test_refresh.c - what token endpoints are asked, and how their answers are
 * read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "common/cleanup.h"
#include "common/xalloc.h"
#include "gatewayd/fetch.h"
#include "gatewayd/refresh_jwt.h"
#include "gatewayd/refresh_strategy.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define GOLD "g0lden"
#define NOW 1440938160 /* 2015-08-30T12:36:00Z */

/* RFC 7515 A.2.1: the key of the example, as PKCS #8. */
static const char rfc_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXO\n"
    "jS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxL\n"
    "aYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn\n"
    "juygxmj3AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5\n"
    "ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkf\n"
    "toaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg\n"
    "VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyW\n"
    "PEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/G\n"
    "O+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj\n"
    "kn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6\n"
    "XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB\n"
    "4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K\n"
    "pLttoLhyt3SmqdEf/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr\n"
    "0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqE\n"
    "lMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6\n"
    "kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAP\n"
    "rq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNw\n"
    "kgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp\n"
    "5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds2\n"
    "9+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/\n"
    "evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG\n"
    "yoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZj\n"
    "OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2\n"
    "tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3\n"
    "ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A56\n"
    "03k2+ZQwVK0JKSHuLFkuQ3U=\n"
    "-----END PRIVATE KEY-----\n";

static void
test_a_jwt_is_signed_as_the_example_of_rfc_7515_a_2(void **state)
{
	_cleanup_(buf_free) struct buf jwt = BUF_INIT;
	struct error e;

	(void)state;
	assert_int_equal(refresh_jwt_sign(&jwt, "{\"alg\":\"RS256\"}",
			     "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n "
			     "\"http://example.com/is_root\":true}",
			     rfc_key, &e),
	    0);
	assert_string_equal(buf_str(&jwt),
	    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkz"
	    "ODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUP"
	    "oj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHI"
	    "m4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAy"
	    "nRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0"
	    "GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPq"
	    "vhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmt"
	    "VrBp0igcN_IoypGlUPQGe77Rw");
}

static void
test_what_is_no_rsa_key_signs_nothing(void **state)
{
	static const char *const keys[] = {
		"",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
		/* An elliptic curve's. */
		"-----BEGIN PRIVATE KEY-----\n"
		"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+Y"
		"BIffH1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7"
		"WAczNXvp7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiF"
		"iOWt\n-----END PRIVATE KEY-----\n",
		/* 512 bits. */
		"-----BEGIN PRIVATE KEY-----\n"
		"MIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8AgEAAkEA4moboQTq037j"
		"ULS+1doyOhe0AwhAbJdohyGv9LpQ3HzapZuzEXuBcaOZkUg0lijQq6MO/jvL"
		"OGYvU5gpQDmDLQIDAQABAkAF8vfK4VAyQnFCm50wDU2ojRrjwYG/2LKcalwv"
		"N/4L7QdCz7yMf4gAvkGP0BJFfj1IutMOpACvVB21GQNT1vKBAiEA8ZWQhYN0"
		"EKJCWh6/5tvNP7nrj2yDSArJ1hgADo+EUX0CIQDv7M+CjlCCT8mQm55LHeMI"
		"U4WUKhfCA5F9n6/TzJ2ncQIhAKWIoDB79El5hRGPRFsBfVAPKvNpnUL98XL7"
		"mv5fJIFZAiEAo/BvVmlCD9jPBRWgkvlIAY94jeY5N6PSjUFJFnMRIrECIQCo"
		"soKpsQRzkYjUdyw+adpLnFOup/lZ89nMfIRo2VxG0w==\n"
		"-----END PRIVATE KEY-----\n",
	};

	(void)state;
	for (size_t i = 0; i < N(keys); i++) {
		_cleanup_(buf_free) struct buf jwt = BUF_INIT;
		struct error e;

		assert_int_equal(
		    refresh_jwt_sign(&jwt, "{}", "{}", keys[i], &e), -1);
		assert_int_equal(e.code, ERR_INVALID);
		assert_int_equal(jwt.len, 0);
		if (i == N(keys) - 1)
			assert_non_null(strstr(e.text, "2048 bits"));
	}
}

static EVP_PKEY *
with_long_exponent(EVP_PKEY *key, unsigned bits)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *all, *changed, *merged;
	EVP_PKEY *made = NULL;
	BIGNUM *d = NULL;

	assert_int_equal(
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_D, &d), 1);
	assert_int_equal(BN_lshift(d, d, (int)bits), 1);
	assert_int_equal(
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, d), 1);
	changed = OSSL_PARAM_BLD_to_param(build);
	assert_int_equal(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &all), 1);
	merged = OSSL_PARAM_merge(all, changed);
	assert_int_equal(EVP_PKEY_fromdata_init(c), 1);
	assert_int_equal(
	    EVP_PKEY_fromdata(c, &made, EVP_PKEY_KEYPAIR, merged), 1);
	OPENSSL_free(merged);
	OSSL_PARAM_free(all);
	OSSL_PARAM_free(changed);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(key);
	BN_free(d);
	return made;
}

/* In PEM, owned. */
static char *
make_key(unsigned bits, bool long_exponent)
{
	EVP_PKEY *key = EVP_RSA_gen(bits);
	BIO *out = BIO_new(BIO_s_mem());
	char *text, *pem;
	size_t len;

	if (long_exponent)
		key = with_long_exponent(key, bits);
	assert_int_equal(
	    PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
	len = (size_t)BIO_get_mem_data(out, &text);
	pem = xcalloc(len + 1, 1);
	memcpy(pem, text, len);
	EVP_PKEY_free(key);
	BIO_free(out);
	return pem;
}

static void
test_a_key_that_takes_long_to_sign_is_refused(void **state)
{
	static const struct {
		unsigned bits;
		bool long_exponent;
		const char *says; /* NULL: it signs */
	} cases[] = {
		{ 2048, false, NULL },
		{ 2048, true, "exponent" },
		{ 4096, false, NULL },
		{ 4104, false, "more than 4096 bits" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		_cleanup_(buf_free) struct buf jwt = BUF_INIT;
		autofree char *pem =
		    make_key(cases[i].bits, cases[i].long_exponent);
		struct error e = { 0 };
		int r = refresh_jwt_sign(&jwt, "{}", "{}", pem, &e);

		assert_int_equal(r, cases[i].says == NULL ? 0 : -1);
		if (cases[i].says == NULL)
			continue;
		assert_non_null(strstr(e.text, cases[i].says));
		assert_int_equal(jwt.len, 0);
	}
}

/*
 * Requests.
 */

struct asking {
	struct refresh_request request;
	char *header; /* all fields, one a line */
};

static int
build(struct asking *a, const char *strategy, const char *url,
    const struct pairs *material, struct error *e)
{
	const struct refresh_strategy *s = refresh_strategy_find(strategy, e);
	autofree char *text = NULL;
	struct buf all = BUF_INIT;
	struct http_url parsed;
	int result;

	assert_non_null(s);
	assert_int_equal(refresh_material_check(s, material, e), 0);
	text = refresh_expand_url(
	    s, url != NULL ? url : refresh_strategy_url(s), material, e);
	assert_non_null(text);
	assert_int_equal(fetch_check_url(text, &parsed, e), 0);
	*a = (struct asking){ 0 };
	result = refresh_build(s, text, &parsed, material, NOW, &a->request, e);
	for (const struct http_extra *h = a->request.headers; h->name != NULL;
	     h++)
		(void)buf_printf(&all, "%s: %s\n", h->name, h->value);
	a->header = buf_take_str(&all);
	return result;
}

static void
asking_clear(struct asking *a)
{
	refresh_request_clear(&a->request);
	free(a->header);
}

#define MATERIAL(...)                                                          \
	((struct pairs){ (struct pair[]){ __VA_ARGS__ },                       \
	    N(((struct pair[]){ __VA_ARGS__ })) })

static void
test_a_form_has_what_the_strategy_needs_encoded(void **state)
{
	static const struct {
		const char *strategy;
		struct pair material[5];
		const char *body;
	} cases[] = {
		{ "oauth2-refresh-token",
		    { { "refresh_token", "1//a&b=c" }, { "client_id", "me" } },
		    "grant_type=refresh_token&refresh_token=1%2F%2Fa%26b%3Dc"
		    "&client_id=me" },
		{ "oauth2-refresh-token",
		    { { "client_secret", "s +%" }, { "refresh_token", "r" },
			{ "client_id", "me" }, { "scope", "a b" } },
		    "grant_type=refresh_token&refresh_token=r&client_id=me"
		    "&client_secret=s%20%2B%25&scope=a%20b" },
		{ "oauth2-client-credentials",
		    { { "client_id", "\xc3\xa9" }, { "client_secret", "s" } },
		    "grant_type=client_credentials&client_id=%C3%A9"
		    "&client_secret=s" },
		{ "oauth2-client-credentials",
		    { { "client_id", "i" }, { "client_secret", "s" },
			{ "tenant_id", "t" }, { "scope", "x/.default" } },
		    "grant_type=client_credentials&client_id=i"
		    "&client_secret=s&scope=x%2F.default" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct pairs material = {
			(struct pair *)(uintptr_t)cases[i].material, 0
		};
		struct asking a;
		struct error e;

		while (material.v[material.n].name != NULL)
			material.n++;
		assert_int_equal(build(&a, cases[i].strategy,
				     "https://a.example/token", &material, &e),
		    0);
		assert_string_equal(buf_str(&a.request.body), cases[i].body);
		assert_string_equal(a.header,
		    "Content-Type: application/x-www-form-urlencoded; "
		    "charset=utf-8\nAccept: application/json\n");
		asking_clear(&a);
	}
}

static void
test_a_service_accounts_claims_are_these(void **state)
{
	static const char prefix[] =
	    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
	    "&assertion=";
	_cleanup_(buf_free) struct buf want = BUF_INIT;
	struct asking a;
	struct error e;

	(void)state;
	assert_int_equal(
	    build(&a, "google-service-account-jwt", NULL,
		&MATERIAL({ "client_email", "r\"b@e.com" },
		    { "private_key", rfc_key }, { "subject", "you@e.com" },
		    { "scope", "a b" }),
		&e),
	    0);
	assert_memory_equal(
	    buf_str(&a.request.body), prefix, sizeof(prefix) - 1);
	assert_int_equal(
	    refresh_jwt_sign(&want, "{\"alg\":\"RS256\",\"typ\":\"JWT\"}",
		"{\"iss\":\"r\\\"b@e.com\",\"sub\":\"you@e.com\","
		"\"scope\":\"a b\","
		"\"aud\":\"https://oauth2.googleapis.com/token\","
		"\"iat\":1440938160,\"exp\":1440941760}",
		rfc_key, &e),
	    0);
	assert_string_equal(
	    buf_str(&a.request.body) + sizeof(prefix) - 1, buf_str(&want));
	asking_clear(&a);
}

/* The signature was computed from AWS's description by another program. */
static void
test_assume_role_is_signed_with_all_that_goes_out(void **state)
{
	struct asking a;
	struct error e;

	(void)state;
	assert_int_equal(
	    build(&a, "aws-sts-assume-role", NULL,
		&MATERIAL({ "role_arn", "arn:aws:iam::123456789012:role/demo" },
		    { "session_name", "open-shell" }, { "external_id", "a/b" },
		    { "region", "eu-west-1" },
		    { "access_key_id", "AKIDEXAMPLE" },
		    { "session_token", "tok/1+=" },
		    { "secret_access_key",
			"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }),
		&e),
	    0);
	assert_string_equal(a.request.authority, "sts.eu-west-1.amazonaws.com");
	assert_string_equal(buf_str(&a.request.body),
	    "Action=AssumeRole&DurationSeconds=3600&ExternalId=a%2Fb"
	    "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fdemo"
	    "&RoleSessionName=open-shell&Version=2011-06-15");
	assert_string_equal(a.header,
	    "Content-Type: application/x-www-form-urlencoded; charset=utf-8\n"
	    "Accept: application/json\n"
	    "X-Amz-Date: 20150830T123600Z\n"
	    "X-Amz-Security-Token: tok/1+=\n"
	    "Authorization: AWS4-HMAC-SHA256 "
	    "Credential=AKIDEXAMPLE/20150830/eu-west-1/sts/aws4_request, "
	    "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "
	    "Signature=91d7a703a39b09dc1735577fee71c96704f8a6351b15d85931413"
	    "32b7d895093\n");
	asking_clear(&a);
}

static void
test_material_is_complete_and_known(void **state)
{
	static const struct {
		const char *why;
		struct pair material[4];
		const char *says; /* NULL: it is right */
	} cases[] = {
		{ "right", { { "client_id", "i" }, { "refresh_token", "r" } },
		    NULL },
		{ "something is missing", { { "client_id", "i" } },
		    "'refresh_token'" },
		{ "unknown", { { "client_id", "i" }, { "colour", "red" } },
		    "'colour'" },
		{ "empty", { { "client_id", "" }, { "refresh_token", "r" } },
		    "'client_id'" },
		{ "a line break",
		    { { "client_id", "i" }, { "refresh_token", "r\nx" } },
		    "'refresh_token'" },
		{ "twice",
		    { { "client_id", "i" }, { "refresh_token", "r" },
			{ "client_id", "j" } },
		    "'client_id' is given twice" },
	};
	struct error e;
	const struct refresh_strategy *s =
	    refresh_strategy_find("oauth2-refresh-token", &e);

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct pairs material = {
			(struct pair *)(uintptr_t)cases[i].material, 0
		};
		int result;

		while (material.v[material.n].name != NULL)
			material.n++;
		result = refresh_material_check(s, &material, &e);
		if (result != (cases[i].says != NULL ? -1 : 0))
			fail_msg("%s", cases[i].why);
		if (result < 0 && strstr(e.text, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].why, e.text);
	}
	assert_true(refresh_material_is_secret(s, "refresh_token"));
	assert_true(refresh_material_is_secret(s, "client_secret"));
	assert_false(refresh_material_is_secret(s, "client_id"));
	assert_null(refresh_strategy_find("magic", &e));
	assert_non_null(strstr(e.text, "aws-sts-assume-role"));
}

static void
test_a_url_takes_material_that_is_no_secret_and_no_path(void **state)
{
	static const struct {
		const char *url;
		const char *tenant;
		const char *expanded; /* NULL: refused */
	} cases[] = {
		{ "https://a/b", "t", "https://a/b" },
		{ "https://a/{tenant_id}/b", "t-1.x", "https://a/t-1.x/b" },
		{ "https://{tenant_id}{tenant_id}", "t", "https://tt" },
		{ "https://a/{tenant_id}", "../x", NULL },
		{ "https://a/{tenant_id}", "a@b", NULL },
		{ "https://a/{client_secret}", "t", NULL },
		{ "https://a/{scope}", "t", NULL },
		{ "https://a/{colour}", "t", NULL },
		{ "https://a/{}", "t", NULL },
		{ "https://a/}{tenant_id", "t", NULL },
		{ "https://a/{tenant_id", "t", NULL },
	};
	struct error e;
	const struct refresh_strategy *s =
	    refresh_strategy_find("oauth2-client-credentials", &e);

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct pairs material =
		    MATERIAL({ "client_id", "i" }, { "client_secret", GOLD },
			{ "tenant_id", cases[i].tenant });
		autofree char *got =
		    refresh_expand_url(s, cases[i].url, &material, &e);

		if ((got == NULL) != (cases[i].expanded == NULL) ||
		    (got != NULL && strcmp(got, cases[i].expanded) != 0))
			fail_msg("%s: %s", cases[i].url, got);
	}
}

/*
 * Answers.
 */

static enum refresh_outcome
read_answer(const char *strategy, unsigned status, const char *body,
    struct refresh_answer *a, struct error *e)
{
	const struct refresh_strategy *s = refresh_strategy_find(strategy, e);
	/* Exactly its bytes, so that a read beyond them is seen. */
	autofree char *text = xmemdup(body, strlen(body) + 1);
	enum refresh_outcome outcome;

	text = realloc(text, strlen(body) > 0 ? strlen(body) : 1);
	*a = (struct refresh_answer){ 0 };
	e->text[0] = '\0';
	outcome = refresh_read(
	    s, status, (struct http_slice){ text, strlen(body) }, NOW, a, e);
	/* Nobody's secret is in what people are told. */
	assert_null(strstr(e->text, GOLD));
	return outcome;
}

static void
test_a_grant_is_taken_as_it_is_written(void **state)
{
	static const struct {
		const char *body;
		const char *token;
		const char *refresh_token;
		int64_t lifetime_s;
	} cases[] = {
		{ "{\"access_token\":\"a.b-c_d~e+f/g=\",\"expires_in\":60}",
		    "a.b-c_d~e+f/g=", NULL, 60 },
		{ "{\"access_token\":\"t\"}", "t", NULL, 3600 },
		{ "{\"access_token\":\"t\",\"expires_in\":86400,"
		  "\"token_type\":\"bearer\",\"refresh_token\":\"r\"}",
		    "t", "r", 3600 },
		{ " {\"token_type\":\"Bearer\",\"expires_in\":\"599\","
		  "\"access_token\":\"\\u0041\\/\",\"x\":[{}]}\r\n",
		    "A/", NULL, 599 },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct refresh_answer a;
		struct error e;

		assert_int_equal(read_answer("oauth2-refresh-token", 200,
				     cases[i].body, &a, &e),
		    REFRESH_GRANTED);
		assert_string_equal(a.values[0], cases[i].token);
		assert_null(a.values[1]);
		if (cases[i].refresh_token == NULL)
			assert_null(a.refresh_token);
		else
			assert_string_equal(
			    a.refresh_token, cases[i].refresh_token);
		assert_int_equal(a.lifetime_s, cases[i].lifetime_s);
		refresh_answer_clear(&a);
	}
}

#define T "\"access_token\":\"" GOLD "\""

static void
test_what_grants_nothing_is_a_refusal_or_a_failure(void **state)
{
	static const struct {
		unsigned status;
		const char *body;
		enum refresh_outcome outcome;
		const char *says;
	} cases[] = {
		{ 400, "{\"error\":\"invalid_grant\"}", REFRESH_REFUSED,
		    "invalid_grant" },
		{ 401, "{\"error\":\"invalid_client\"}", REFRESH_REFUSED,
		    "client_secret" },
		{ 400, "{\"error\":\"" GOLD "\"}", REFRESH_REFUSED,
		    "HTTP 400" },
		{ 401, GOLD, REFRESH_REFUSED, "HTTP 401" },
		{ 403, "", REFRESH_REFUSED, "HTTP 403" },
		{ 200, "{\"error\":\"invalid_grant\"," T "}", REFRESH_REFUSED,
		    "invalid_grant" },
		{ 400, "{\"error\":\"invalid_gran\\u0074\"}", REFRESH_REFUSED,
		    "invalid_grant" },
		{ 400, "{\"error\":\"temporarily_unavailable\"}",
		    REFRESH_FAILED, "temporarily_unavailable" },
		{ 500, "{\"error\":\"invalid_grant\"}", REFRESH_FAILED,
		    "HTTP 500" },
		{ 503, "", REFRESH_FAILED, "HTTP 503" },
		{ 429, "{}", REFRESH_FAILED, "HTTP 429" },
		{ 404, "{}", REFRESH_FAILED, "check its URL" },
		{ 302, "{" T "}", REFRESH_FAILED, "redirect" },
		{ 201, "{" T "}", REFRESH_FAILED, "HTTP 201" },
		{ 200, "{\"error\":\"" GOLD "\"}", REFRESH_FAILED, "HTTP 200" },
		{ 200, "", REFRESH_FAILED, "JSON" },
		{ 200, "{" T, REFRESH_FAILED, "JSON" },
		{ 200, "[" T "]", REFRESH_FAILED, "JSON" },
		{ 200, "{}", REFRESH_FAILED, "access_token" },
		{ 200, "{" T "," T "}", REFRESH_FAILED, "access_token" },
		{ 200, "{\"access_token\":\"\"}", REFRESH_FAILED,
		    "access_token" },
		{ 200, "{\"access_token\":5}", REFRESH_FAILED, "access_token" },
		{ 200, "{\"access_token\":\"a\\nb\"}", REFRESH_FAILED,
		    "access_token" },
		{ 200, "{\"access_token\":\"a\\u0000b\"}", REFRESH_FAILED,
		    "access_token" },
		{ 200, "{\"access_token\":\"a b\"}", REFRESH_FAILED,
		    "access_token" },
		{ 200, "{" T ",\"token_type\":\"mac\"}", REFRESH_FAILED,
		    "token_type" },
		{ 200, "{" T ",\"token_type\":null}", REFRESH_FAILED,
		    "token_type" },
		{ 200, "{" T ",\"expires_in\":0}", REFRESH_FAILED,
		    "expires_in" },
		{ 200, "{" T ",\"expires_in\":-5}", REFRESH_FAILED,
		    "expires_in" },
		{ 200, "{" T ",\"expires_in\":\"\"}", REFRESH_FAILED,
		    "expires_in" },
		{ 200, "{" T ",\"expires_in\":1e3}", REFRESH_FAILED,
		    "expires_in" },
		{ 200, "{" T ",\"refresh_token\":\"\"}", REFRESH_FAILED,
		    "refresh_token" },
		{ 200, "{" T ",\"refresh_token\":\"\\r\"}", REFRESH_FAILED,
		    "refresh_token" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct refresh_answer a;
		struct error e;
		enum refresh_outcome is = read_answer("oauth2-refresh-token",
		    cases[i].status, cases[i].body, &a, &e);

		if (is != cases[i].outcome ||
		    strstr(e.text, cases[i].says) == NULL)
			fail_msg("%u %s: %d %s", cases[i].status, cases[i].body,
			    (int)is, e.text);
		refresh_answer_clear(&a);
	}
}

#define STS(credentials)                                                       \
	"{\"AssumeRoleResponse\":{\"AssumeRoleResult\":{\"Credentials\":"      \
	"{" credentials "}},\"ResponseMetadata\":{\"RequestId\":\"1\"}}}"
#define KEYS                                                                   \
	"\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"" GOLD "/+\","         \
	"\"SessionToken\":\"t==\","

static void
test_sts_gives_three_values_and_their_end(void **state)
{
	static const struct {
		const char *expiration;
		int64_t lifetime_s;
	} cases[] = {
		{ STS(KEYS "\"Expiration\":1440938220"), 60 },
		{ STS(KEYS "\"Expiration\":1.44093822E9"), 60 },
		{ STS(KEYS "\"Expiration\":1440938220.75"), 60 },
		{ STS(KEYS "\"Expiration\":\"2015-08-30T12:37:00Z\""), 60 },
		{ STS(KEYS "\"Expiration\":\"2015-08-30T12:37:00.359Z\""), 60 },
		{ STS(KEYS "\"Expiration\":\"2015-08-30T14:37:00+02:00\""),
		    60 },
		{ STS(KEYS "\"Expiration\":1540938220"), 3600 },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct refresh_answer a;
		struct error e;

		assert_int_equal(read_answer("aws-sts-assume-role", 200,
				     cases[i].expiration, &a, &e),
		    REFRESH_GRANTED);
		assert_string_equal(a.values[0], "ASIA");
		assert_string_equal(a.values[1], GOLD "/+");
		assert_string_equal(a.values[2], "t==");
		assert_int_equal(a.lifetime_s, cases[i].lifetime_s);
		refresh_answer_clear(&a);
	}
}

static void
test_what_sts_refuses_or_garbles_gives_nothing(void **state)
{
	static const struct {
		unsigned status;
		const char *body;
		enum refresh_outcome outcome;
		const char *says;
	} cases[] = {
		{ 403, "{\"Error\":{\"Code\":\"AccessDenied\"}}",
		    REFRESH_REFUSED, "AccessDenied" },
		{ 400, "{\"Error\":{\"Code\":\"ValidationError\"}}",
		    REFRESH_REFUSED, "role_arn" },
		{ 400, "{\"Error\":{\"Code\":\"Throttling\"}}", REFRESH_FAILED,
		    "Throttling" },
		{ 403, "<ErrorResponse/>", REFRESH_REFUSED, "HTTP 403" },
		{ 400, "{\"Error\":{\"Code\":\"" GOLD "\"}}", REFRESH_REFUSED,
		    "HTTP 400" },
		{ 500, "{}", REFRESH_FAILED, "HTTP 500" },
		{ 200, "<AssumeRoleResponse/>", REFRESH_FAILED, "JSON" },
		{ 200, "{}", REFRESH_FAILED, "no credentials" },
		{ 200, "{\"AssumeRoleResponse\":5}", REFRESH_FAILED,
		    "no credentials" },
		{ 200, STS("\"AccessKeyId\":\"A\""), REFRESH_FAILED,
		    "can't be used" },
		{ 200, STS(KEYS KEYS "\"Expiration\":1440938220"),
		    REFRESH_FAILED, "can't be used" },
		{ 200, STS(KEYS "\"Expiration\":1440938160"), REFRESH_FAILED,
		    "Expiration" },
		{ 200, STS(KEYS "\"Expiration\":1e300"), REFRESH_FAILED,
		    "Expiration" },
		{ 200, STS(KEYS "\"Expiration\":\"2015-08-30T12:37:00\""),
		    REFRESH_FAILED, "Expiration" },
		{ 200, STS(KEYS "\"Expiration\":\"2015-08-30T12:37:00.x Z\""),
		    REFRESH_FAILED, "Expiration" },
		{ 200, STS(KEYS "\"Expiration\":\"2015-06-31T12:37:00Z\""),
		    REFRESH_FAILED, "Expiration" },
		{ 200, STS(KEYS "\"Expiration\":\"1540938220000\""),
		    REFRESH_FAILED, "Expiration" },
		{ 200, STS(KEYS "\"Expiration\":null"), REFRESH_FAILED,
		    "Expiration" },
		{ 200, STS(KEYS "\"x\":1"), REFRESH_FAILED, "Expiration" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct refresh_answer a;
		struct error e;
		enum refresh_outcome is = read_answer("aws-sts-assume-role",
		    cases[i].status, cases[i].body, &a, &e);

		if (is != cases[i].outcome ||
		    strstr(e.text, cases[i].says) == NULL)
			fail_msg("%u %s: %d %s", cases[i].status, cases[i].body,
			    (int)is, e.text);
		refresh_answer_clear(&a);
	}
}

/*
 * The client's pure parts.
 */

static void
test_only_https_and_the_loopback_are_asked(void **state)
{
	static const struct {
		const char *url;
		uint16_t port; /* 0: refused */
	} cases[] = {
		{ "https://a.example/token", 443 },
		{ "HTTPS://a.example:8443", 8443 },
		{ "https://[2001:db8::1]/", 443 },
		{ "http://127.0.0.1/t", 80 },
		{ "http://127.1.2.3:81/t", 81 },
		{ "http://[::1]:8090/t", 8090 },
		{ "http://localhost:8090/t", 8090 },
		{ "http://a.example/token", 0 },
		{ "http://127.0.0.1.example/t", 0 },
		{ "http://127.example/t", 0 },
		{ "http://localhost.example/t", 0 },
		{ "http://[::2]/t", 0 },
		{ "http://[::ffff:127.0.0.1]/t", 0 },
		{ "http://169.254.169.254/t", 0 },
		{ "ftp://a.example/", 0 },
		{ "file:///etc/passwd", 0 },
		{ "https://me@a.example/", 0 },
		{ "https://a.example/#x", 0 },
		{ "https://a.example/a b", 0 },
		{ "https://a.example/\r\nX: y", 0 },
		{ "https:///token", 0 },
		{ "https://2130706433/", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct http_url url;
		struct error e;
		int result = fetch_check_url(cases[i].url, &url, &e);

		if (result != (cases[i].port != 0 ? 0 : -1))
			fail_msg("%s", cases[i].url);
		if (result == 0)
			assert_int_equal(fetch_port(&url), cases[i].port);
	}
}

static void
test_retry_after_is_seconds_or_a_date(void **state)
{
	static const struct {
		const char *value;
		int64_t seconds;
	} cases[] = {
		{ "0", 0 },
		{ "120", 120 },
		{ "Sun, 30 Aug 2015 12:37:00 GMT", 60 },
		{ "Sun, 30 Aug 2015 12:00:00 GMT", 0 },
		{ "99999999999999999999999", 86400 },
		{ "Sun, 30 Aug 2099 12:37:00 GMT", 86400 },
		{ "", -1 },
		{ "-1", -1 },
		{ " 1", -1 },
		{ "1s", -1 },
		{ "soon", -1 },
		{ "Sun, 30 Aug 2015 12:37:00 CET", -1 },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		assert_int_equal(
		    fetch_parse_retry((struct http_slice){ cases[i].value,
					  strlen(cases[i].value) },
			NOW),
		    cases[i].seconds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_jwt_is_signed_as_the_example_of_rfc_7515_a_2),
		cmocka_unit_test(test_what_is_no_rsa_key_signs_nothing),
		cmocka_unit_test(test_a_key_that_takes_long_to_sign_is_refused),
		cmocka_unit_test(
		    test_a_form_has_what_the_strategy_needs_encoded),
		cmocka_unit_test(test_a_service_accounts_claims_are_these),
		cmocka_unit_test(
		    test_assume_role_is_signed_with_all_that_goes_out),
		cmocka_unit_test(test_material_is_complete_and_known),
		cmocka_unit_test(
		    test_a_url_takes_material_that_is_no_secret_and_no_path),
		cmocka_unit_test(test_a_grant_is_taken_as_it_is_written),
		cmocka_unit_test(
		    test_what_grants_nothing_is_a_refusal_or_a_failure),
		cmocka_unit_test(test_sts_gives_three_values_and_their_end),
		cmocka_unit_test(
		    test_what_sts_refuses_or_garbles_gives_nothing),
		cmocka_unit_test(test_only_https_and_the_loopback_are_asked),
		cmocka_unit_test(test_retry_after_is_seconds_or_a_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
