/* SPDX-License-Identifier: Apache-2.0 */
/* test_ca.c - the leaves that a sandbox's authority signs. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "common/cleanup.h"
#include "proxyd/ca.h"
#include "tests/unit/proxyd/authority.h"

#define LONG_HOST                                                              \
	"a-label-that-is-long-enough.and-another-one-of-them."                 \
	"and-a-third-one.example.com"
#define DAY 86400

static const int64_t now = 1790000000;
static struct authority authority;
static struct ca *ca;

static int
make_ca(void **state)
{
	struct error e;

	(void)state;
	authority = authority_make("Test CA", true);
	return ca_new(authority.cert, authority.key, &ca, &e);
}

static int
free_ca(void **state)
{
	(void)state;
	ca_free(ca);
	authority_free(&authority);
	return 0;
}

static X509 *
leaf_at(const char *host, bool is_literal, int64_t when)
{
	const struct tls_leaf *leaf;
	struct error e;

	assert_int_equal(ca_leaf(ca, host, is_literal, when, &leaf, &e), 0);
	return SSL_CTX_get0_certificate(tls_leaf_context(leaf));
}

/* By the authority, for a server, at that time. */
static bool
is_trusted(X509 *leaf, int64_t when)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	BIO *bio = BIO_new_mem_buf(authority.cert, -1);
	X509 *root = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	bool ok;

	assert_int_equal(X509_STORE_add_cert(store, root), 1);
	assert_int_equal(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
	X509_STORE_CTX_set_time(ctx, 0, (time_t)when);
	X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
	ok = X509_verify_cert(ctx) == 1;
	X509_free(root);
	BIO_free(bio);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return ok;
}

static void
test_a_leaf_is_for_its_host_and_no_other(void **state)
{
	static const struct {
		const char *host;
		bool is_literal;
		const char *other;
	} rows[] = {
		{ "api.github.com", false, "github.com" },
		{ "a_b.example.com", false, "x.a_b.example.com" },
		{ LONG_HOST, false, "example.com" },
		{ "10.1.2.3", true, "10.1.2.4" },
		{ "fd00::1", true, "fd00::2" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		X509 *leaf = leaf_at(rows[i].host, rows[i].is_literal, now);
		int mine, others;

		printf("%s\n", rows[i].host);
		if (rows[i].is_literal) {
			mine = X509_check_ip_asc(leaf, rows[i].host, 0);
			others = X509_check_ip_asc(leaf, rows[i].other, 0);
		} else {
			mine = X509_check_host(leaf, rows[i].host, 0, 0, NULL);
			others =
			    X509_check_host(leaf, rows[i].other, 0, 0, NULL);
		}
		assert_int_equal(mine, 1);
		assert_int_equal(others, 0);
	}
}

static void
test_a_leaf_is_signed_by_the_authority_for_a_week(void **state)
{
	int64_t real = (int64_t)time(NULL);
	X509 *leaf = leaf_at("dates.example.com", false, real);

	(void)state;
	assert_true(is_trusted(leaf, real));
	assert_true(is_trusted(leaf, real - DAY + 60));
	assert_true(is_trusted(leaf, real + CA_LEAF_DAYS * DAY - 60));
	assert_false(is_trusted(leaf, real - DAY - 60));
	assert_false(is_trusted(leaf, real + CA_LEAF_DAYS * DAY + 60));
	assert_int_equal(X509_check_ca(leaf), 0);
}

static void
test_serials_are_positive_and_never_the_same(void **state)
{
	const ASN1_INTEGER *a =
	    X509_get0_serialNumber(leaf_at("one.example.com", false, now));
	const ASN1_INTEGER *b =
	    X509_get0_serialNumber(leaf_at("two.example.com", false, now));

	(void)state;
	assert_int_not_equal(ASN1_INTEGER_cmp(a, b), 0);
	assert_int_equal(ASN1_STRING_length(a), 16);
	assert_int_equal(ASN1_STRING_type(a), V_ASN1_INTEGER);
	assert_int_equal(ASN1_STRING_get0_data(a)[0] & 0xc0, 0x40);
}

static void
test_a_leaf_is_kept_until_its_last_day(void **state)
{
	X509 *first = leaf_at("kept.example.com", false, now), *later;

	(void)state;
	X509_up_ref(first); /* or a new one might get its address */
	assert_ptr_equal(first, leaf_at("kept.example.com", false, now + DAY));
	later = leaf_at(
	    "kept.example.com", false, now + (CA_LEAF_DAYS - 1) * DAY + 1);
	assert_ptr_not_equal(first, later);
	X509_free(first);
}

static void
test_the_leaf_that_was_not_used_longest_goes_first(void **state)
{
	X509 *kept = leaf_at("first.example.com", false, now);
	X509 *gone = leaf_at("second.example.com", false, now);
	char host[32];

	(void)state;
	X509_up_ref(kept);
	X509_up_ref(gone);
	for (int i = 0; i < CA_LEAVES_MAX - 1; i++) {
		(void)snprintf(host, sizeof(host), "%d.example.com", i);
		(void)leaf_at(host, false, now + 1 + i / 100);
		assert_ptr_equal(
		    kept, leaf_at("first.example.com", false, now));
	}
	assert_ptr_not_equal(
	    gone, leaf_at("second.example.com", false, now + 9));
	X509_free(kept);
	X509_free(gone);
}

static void
test_signatures_have_a_limit_a_second(void **state)
{
	const struct tls_leaf *leaf;
	struct error e;
	char host[32];

	(void)state;
	for (int i = 0; i < CA_SIGN_PER_S; i++) {
		(void)snprintf(host, sizeof(host), "%d.example.org", i);
		(void)leaf_at(host, false, now + 100);
	}
	assert_int_equal(
	    ca_leaf(ca, "more.example.org", false, now + 100, &leaf, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	/* What is kept needs no signature. */
	(void)leaf_at("199.example.org", false, now + 100);
	(void)leaf_at("more.example.org", false, now + 101);
}

static void
test_what_is_no_authority_is_refused(void **state)
{
	struct authority other = authority_make("Another", true);
	struct authority leaf = authority_make("A leaf", false);
	const struct {
		const char *why;
		const char *cert;
		const char *key;
	} rows[] = {
		{ "no certificate", "", authority.key },
		{ "no key", authority.cert, "" },
		{ "the key of another", authority.cert, other.key },
		{ "a certificate that may not sign", leaf.cert, leaf.key },
		{ "the wrong way round", authority.key, authority.cert },
	};
	struct ca *none = NULL;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		printf("%s\n", rows[i].why);
		assert_int_equal(
		    ca_new(rows[i].cert, rows[i].key, &none, &e), -1);
		assert_int_equal(e.code, ERR_INVALID);
		assert_null(none);
	}
	authority_free(&other);
	authority_free(&leaf);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_ca, free_ca)
	const struct CMUnitTest tests[] = {
		TEST(test_a_leaf_is_for_its_host_and_no_other),
		TEST(test_a_leaf_is_signed_by_the_authority_for_a_week),
		TEST(test_serials_are_positive_and_never_the_same),
		TEST(test_a_leaf_is_kept_until_its_last_day),
		TEST(test_the_leaf_that_was_not_used_longest_goes_first),
		TEST(test_signatures_have_a_limit_a_second),
		TEST(test_what_is_no_authority_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
