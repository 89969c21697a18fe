/* SPDX-License-Identifier: Apache-2.0 */
/* test_sigv4.c - signatures are those that AWS has published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/credential/sigv4.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define AUGUST_2015 1440938160 /* 20150830T123600Z */
#define MAY_2013 1369353600    /* 20130524T000000Z */

struct field {
	const char *name;
	const char *value;
};

/* The suite's keys, and those of the examples of S3. */
static const struct sigv4_keys suite = { "AKIDEXAMPLE",
	"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
static const struct sigv4_keys s3 = { "AKIAIOSFODNN7EXAMPLE",
	"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };

static const struct {
	const char *why;
	const char *method;
	const char *path;
	const char *query;
	struct field fields[6];
	const char *body;
	const char *service;
	int64_t time_s;
	const struct sigv4_keys *keys;
	const char *names;
	const char *signature;
} published[] = {
	{ "get-vanilla", "GET", "/", NULL,
	    { { "Host", "example.amazonaws.com" },
		{ "X-Amz-Date", "20150830T123600Z" } },
	    "", "service", AUGUST_2015, &suite, "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf3"
	    "1" },
	{ "post-vanilla", "POST", "/", NULL,
	    { { "X-Amz-Date", "20150830T123600Z" },
		{ "Host", "example.amazonaws.com" } },
	    "", "service", AUGUST_2015, &suite, "host;x-amz-date",
	    "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6"
	    "b" },
	{ "get-vanilla-query-order-key-case", "GET", "/",
	    "Param2=value2&Param1=value1",
	    { { "Host", "example.amazonaws.com" },
		{ "X-Amz-Date", "20150830T123600Z" } },
	    "", "service", AUGUST_2015, &suite, "host;x-amz-date",
	    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf250"
	    "0" },
	{ "get-header-value-trim", "GET", "/", NULL,
	    { { "Host", "example.amazonaws.com" }, { "My-Header1", " value1" },
		{ "My-Header2", " \"a   b   c\"" },
		{ "X-Amz-Date", "20150830T123600Z" } },
	    "", "service", AUGUST_2015, &suite,
	    "host;my-header1;my-header2;x-amz-date",
	    "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c73"
	    "6" },
	{ "get-header-key-duplicate", "GET", "/", NULL,
	    { { "Host", "example.amazonaws.com" }, { "My-Header1", "value2" },
		{ "My-Header1", "value2" }, { "My-Header1", "value1" },
		{ "X-Amz-Date", "20150830T123600Z" } },
	    "", "service", AUGUST_2015, &suite, "host;my-header1;x-amz-date",
	    "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138e"
	    "a" },
	{ "post-x-www-form-urlencoded", "POST", "/", NULL,
	    { { "Content-Type", "application/x-www-form-urlencoded" },
		{ "Host", "example.amazonaws.com" },
		{ "X-Amz-Date", "20150830T123600Z" } },
	    "Param1=value1", "service", AUGUST_2015, &suite,
	    "content-type;host;x-amz-date",
	    "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473"
	    "a" },
	{ "IAM ListUsers", "GET", "/", "Action=ListUsers&Version=2010-05-08",
	    { { "Content-Type",
		  "application/x-www-form-urlencoded; charset=utf-8" },
		{ "Host", "iam.amazonaws.com" },
		{ "X-Amz-Date", "20150830T123600Z" } },
	    "", "iam", AUGUST_2015, &suite, "content-type;host;x-amz-date",
	    "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d"
	    "7" },
	{ "S3 GET Object", "GET", "/test.txt", NULL,
	    { { "Host", "examplebucket.s3.amazonaws.com" },
		{ "Range", "bytes=0-9" }, { "x-amz-content-sha256", EMPTY },
		{ "x-amz-date", "20130524T000000Z" } },
	    "", "s3", MAY_2013, &s3,
	    "host;range;x-amz-content-sha256;x-amz-date",
	    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb4"
	    "1" },
	{ "S3 PUT Object, whose path S3 encodes once", "PUT", "/test$file.text",
	    NULL,
	    { { "Date", "Fri, 24 May 2013 00:00:00 GMT" },
		{ "Host", "examplebucket.s3.amazonaws.com" },
		{ "x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d"
					  "2b6b4b4e99e42034a8b803f8b072" },
		{ "x-amz-date", "20130524T000000Z" },
		{ "x-amz-storage-class", "REDUCED_REDUNDANCY" } },
	    "Welcome to Amazon S3.", "s3", MAY_2013, &s3,
	    "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
	    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108b"
	    "d" },
	{ "S3 GET Bucket Lifecycle, a parameter without value", "GET", "/",
	    "lifecycle",
	    { { "Host", "examplebucket.s3.amazonaws.com" },
		{ "x-amz-content-sha256", EMPTY },
		{ "x-amz-date", "20130524T000000Z" } },
	    "", "s3", MAY_2013, &s3, "host;x-amz-content-sha256;x-amz-date",
	    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a013678354"
	    "3" },
};

static struct http_slice
slice(const char *text)
{
	return (struct http_slice){ text, text != NULL ? strlen(text) : 0 };
}

static void
test_signatures_are_those_that_were_published(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
		struct sigv4_header fields[6];
		char hash[SIGV4_HASH_SIZE], want[400];
		_cleanup_(buf_free) struct buf got = BUF_INIT;
		struct sigv4_request r = { slice(published[i].method),
			slice(published[i].path), slice(published[i].query),
			fields, 0, hash, published[i].service, "us-east-1",
			published[i].time_s };
		struct error e;

		print_message("%s\n", published[i].why);
		for (const struct field *f = published[i].fields;
		     f->name != NULL; f++)
			fields[r.n_headers++] =
			    (struct sigv4_header){ slice(f->name),
				    slice(f->value) };
		sigv4_hash(published[i].body, strlen(published[i].body), hash);
		(void)snprintf(want, sizeof(want),
		    "AWS4-HMAC-SHA256 Credential=%s/%.8s/us-east-1/%s/"
		    "aws4_request, SignedHeaders=%s, Signature=%s",
		    published[i].keys->access_key,
		    published[i].time_s == MAY_2013 ? "20130524" : "20150830",
		    published[i].service, published[i].names,
		    published[i].signature);
		assert_int_equal(
		    sigv4_sign(&r, published[i].keys, &got, &e), 0);
		assert_string_equal(buf_str(&got), want);
	}
}

static void
test_what_is_too_much_to_sign_is_refused(void **state)
{
	struct sigv4_header fields[SIGV4_HEADERS_MAX + 1];
	_cleanup_(buf_free) struct buf got = BUF_INIT;
	char query[2 * SIGV4_PARAMETERS_MAX + 3] = "";
	struct sigv4_request r = { slice("GET"), slice("/"), slice(NULL),
		fields, SIGV4_HEADERS_MAX + 1, EMPTY, "s3", "us-east-1", 0 };
	struct error e;

	(void)state;
	for (size_t i = 0; i <= SIGV4_HEADERS_MAX; i++)
		fields[i] = (struct sigv4_header){ slice("a"), slice("b") };
	assert_int_equal(sigv4_sign(&r, &s3, &got, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	r.n_headers = 1;
	for (size_t i = 0; i <= SIGV4_PARAMETERS_MAX; i++)
		memcpy(query + 2 * i, "a&", 3);
	r.query = slice(query);
	assert_int_equal(sigv4_sign(&r, &s3, &got, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	r.query.n -= 2;
	assert_int_equal(sigv4_sign(&r, &s3, &got, &e), 0);
}

static const struct {
	const char *host;
	const char *region; /* NULL: none */
} regions[] = {
	{ "s3.amazonaws.com", "us-east-1" },
	{ "iam.amazonaws.com", "us-east-1" },
	{ "s3.eu-west-1.amazonaws.com", "eu-west-1" },
	{ "bucket.s3.ap-southeast-2.amazonaws.com", "ap-southeast-2" },
	{ "bucket.s3-us-west-2.amazonaws.com", "us-west-2" },
	{ "bedrock-runtime.us-gov-west-1.amazonaws.com", "us-gov-west-1" },
	{ "vpce-1.s3.us-east-2.vpce.amazonaws.com", "us-east-2" },
	{ "s3.cn-north-1.amazonaws.com.cn", "cn-north-1" },
	{ "my.bucket-1.s3.amazonaws.com", "us-east-1" },
	{ "amazonaws.com", NULL },
	{ "s3.us-east-1.amazonaws.com.example.com", NULL },
	{ "evilamazonaws.com", NULL },
	{ "", NULL },
};

static void
test_the_region_is_in_the_endpoint_s_name(void **state)
{
	char got[SIGV4_REGION_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
		print_message("%s\n", regions[i].host);
		assert_int_equal(sigv4_region(regions[i].host, got),
		    regions[i].region != NULL);
		if (regions[i].region != NULL)
			assert_string_equal(got, regions[i].region);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signatures_are_those_that_were_published),
		cmocka_unit_test(test_what_is_too_much_to_sign_is_refused),
		cmocka_unit_test(test_the_region_is_in_the_endpoint_s_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
