/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_client_hello.c - hellos of real clients, from the fuzzer's seeds, and
 * hellos that are built here to be wrong.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "proxyd/client_hello.h"

#define SEEDS "tests/fuzz/proxyd/fuzz_client_hello.corpus/"
#define BYTES(text) text, sizeof(text) - 1

static void
close_file(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

static size_t
read_seed(const char *name, uint8_t *ret, size_t size)
{
	_cleanup_(close_file) FILE *f = NULL;
	char path[200];

	(void)snprintf(path, sizeof(path), SEEDS "%s", name);
	f = fopen(path, "re");
	if (!f)
		fail_msg("%s: run from the root of the tree", path);
	return fread(ret, 1, size, f);
}

static const struct {
	const char *seed;
	const char *sni;
	bool has_alpn, h2, http11;
} seeds[] = {
	{ "openssl-tls13", "api.example.com", true, true, true },
	{ "openssl-tls12", "api.example.com", false, false, false },
	{ "openssl-no-sni", "", true, false, true },
	{ "openssl-split", "api.example.com", true, true, false },
	{ "curl", "api.example.com", true, true, true },
	{ "node", "api.example.com", true, true, true },
	{ "python", "api.example.com", false, false, false },
};

static void
test_hellos_of_real_clients_are_read_however_they_come(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		uint8_t bytes[4096];
		size_t n = read_seed(seeds[i].seed, bytes, sizeof(bytes));
		struct client_hello h;
		struct error e;

		for (size_t k = 0; k < n; k++)
			if (client_hello_parse(bytes, k, &h, &e) !=
			    CLIENT_HELLO_MORE)
				fail_msg("%s, cut at %zu", seeds[i].seed, k);
		if (client_hello_parse(bytes, n, &h, &e) != CLIENT_HELLO_TLS)
			fail_msg("%s: %s", seeds[i].seed, e.text);
		assert_string_equal(h.sni, seeds[i].sni);
		assert_int_equal(h.has_alpn, seeds[i].has_alpn);
		assert_int_equal(h.alpn_h2, seeds[i].h2);
		assert_int_equal(h.alpn_http11, seeds[i].http11);
		assert_false(h.has_ech);
	}
}

static void
test_other_protocols_are_not_tls(void **state)
{
	static const char *const texts[] = { "GET / HTTP/1.1\r\n", "SSH-2.0-",
		"\x15\x03\x01", "\x16\x02", "\x16\x03\x05", "\x80\x2e\x01" };
	struct client_hello h;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(
		    client_hello_parse(texts[i], strlen(texts[i]), &h, &e),
		    CLIENT_HELLO_NOT_TLS);
}

struct hello {
	uint8_t bytes[CLIENT_HELLO_PEEK_MAX + 64];
	size_t n;
};

static void
put(struct hello *h, const void *p, size_t n)
{
	memcpy(h->bytes + h->n, p, n);
	h->n += n;
}

static void
put_16(struct hello *h, size_t v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	put(h, b, 2);
}

/* One record with a hello of these extensions, each with its header. */
static void
build(struct hello *h, const void *extensions, size_t n)
{
	static const uint8_t random[32];
	size_t body = 2 + 32 + 1 + 4 + 2 + 2 + n;

	h->n = 0;
	put(h, "\x16\x03\x01", 3);
	put_16(h, 4 + body);
	put(h, "\1\0", 2);
	put_16(h, body);
	put(h, "\3\3", 2);
	put(h, random, sizeof(random));
	put(h, "\0\0\2\x13\x01\1\0", 7);
	put_16(h, n);
	put(h, extensions, n);
}

#define SNI(list) "\0\0" list
#define ALPN "\0\x10"
#define ECH "\xfe\x0d"

static const struct {
	const char *why;
	const char *bytes;
	size_t n;
	enum client_hello_kind kind;
} extensions[] = {
	{ "none", BYTES(""), CLIENT_HELLO_TLS },
	{ "a name", BYTES(SNI("\0\6\0\4\0\0\1a")), CLIENT_HELLO_TLS },
	{ "an unknown one", BYTES("\x12\x34\0\1x"), CLIENT_HELLO_TLS },
	{ "an unknown one twice", BYTES("\x12\x34\0\0\x12\x34\0\0"),
	    CLIENT_HELLO_TLS },
	{ "the name twice",
	    BYTES(SNI("\0\6\0\4\0\0\1a") SNI("\0\6\0\4\0\0\1b")),
	    CLIENT_HELLO_BAD },
	{ "two names in the list", BYTES(SNI("\0\x0a\0\x08\0\0\1a\0\0\1b")),
	    CLIENT_HELLO_BAD },
	{ "a name of another type", BYTES(SNI("\0\6\0\4\1\0\1a")),
	    CLIENT_HELLO_BAD },
	{ "an empty list", BYTES(SNI("\0\2\0\0")), CLIENT_HELLO_BAD },
	{ "an empty extension", BYTES(SNI("\0\0")), CLIENT_HELLO_BAD },
	{ "an empty name", BYTES(SNI("\0\5\0\3\0\0\0")), CLIENT_HELLO_BAD },
	{ "bytes behind the list", BYTES(SNI("\0\7\0\4\0\0\1ax")),
	    CLIENT_HELLO_BAD },
	{ "a name longer than its list", BYTES(SNI("\0\6\0\4\0\0\2a")),
	    CLIENT_HELLO_BAD },
	{ "a list longer than its extension", BYTES(SNI("\0\6\0\5\0\0\1a")),
	    CLIENT_HELLO_BAD },
	{ "a name with a NUL", BYTES(SNI("\0\x08\0\6\0\0\3a\0b")),
	    CLIENT_HELLO_BAD },
	{ "a name with a space", BYTES(SNI("\0\x08\0\6\0\0\3a b")),
	    CLIENT_HELLO_BAD },
	{ "an IPv4 address",
	    BYTES(SNI("\0\x0c\0\x0a\0\0\7"
		      "1.2.3.4")),
	    CLIENT_HELLO_BAD },
	{ "an IPv6 address", BYTES(SNI("\0\x08\0\6\0\0\3::1")),
	    CLIENT_HELLO_BAD },
	{ "an empty protocol list", BYTES(ALPN "\0\2\0\0"), CLIENT_HELLO_BAD },
	{ "an empty protocol", BYTES(ALPN "\0\3\0\1\0"), CLIENT_HELLO_BAD },
	{ "a protocol that is cut", BYTES(ALPN "\0\4\0\2\2h"),
	    CLIENT_HELLO_BAD },
	{ "an extension that is cut", BYTES("\x12\x34\0\2x"),
	    CLIENT_HELLO_BAD },
	{ "half an extension's header", BYTES("\x12\x34\0"), CLIENT_HELLO_BAD },
	{ "ECH twice", BYTES(ECH "\0\0" ECH "\0\0"), CLIENT_HELLO_BAD },
};

static void
test_extensions_add_up_or_the_hello_is_bad(void **state)
{
	size_t n = sizeof(extensions) / sizeof(extensions[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct hello b;
		struct client_hello h;
		struct error e = { 0 };

		build(&b, extensions[i].bytes, extensions[i].n);
		if (client_hello_parse(b.bytes, b.n, &h, &e) !=
		    extensions[i].kind)
			fail_msg("%s: %s", extensions[i].why, e.text);
	}
}

static void
test_protocols_and_ech_are_seen(void **state)
{
	struct hello b;
	struct client_hello h;
	struct error e;

	(void)state;
	build(&b, BYTES(ALPN "\0\6\0\4\3foo" ECH "\0\1x"));
	assert_int_equal(
	    client_hello_parse(b.bytes, b.n, &h, &e), CLIENT_HELLO_TLS);
	assert_true(h.has_alpn && !h.alpn_h2 && !h.alpn_http11 && h.has_ech);
	assert_string_equal(h.sni, "");
}

/* The hello again, in records of `piece` bytes of content. */
static void
split(const struct hello *in, size_t piece, struct hello *ret)
{
	ret->n = 0;
	for (size_t at = 5; at < in->n; at += piece) {
		size_t n = in->n - at < piece ? in->n - at : piece;

		put(ret, "\x16\x03\x03", 3);
		put_16(ret, n);
		put(ret, in->bytes + at, n);
	}
}

static void
test_records_may_be_as_small_as_they_like(void **state)
{
	struct hello whole, parts;
	struct client_hello h;
	struct error e;

	(void)state;
	build(&whole, BYTES(SNI("\0\6\0\4\0\0\1a")));
	for (size_t piece = 1; piece < whole.n; piece++) {
		split(&whole, piece, &parts);
		assert_int_equal(
		    client_hello_parse(parts.bytes, parts.n, &h, &e),
		    CLIENT_HELLO_TLS);
		assert_string_equal(h.sni, "a");
	}
}

static enum client_hello_kind
with_byte(size_t at, uint8_t value)
{
	struct hello b;
	struct client_hello h;
	struct error e;

	build(&b, BYTES(SNI("\0\6\0\4\0\0\1a")));
	b.bytes[at] = value;
	return client_hello_parse(b.bytes, b.n, &h, &e);
}

static void
test_broken_records_and_messages_are_bad(void **state)
{
	static const struct {
		const char *why;
		size_t at;
		uint8_t value;
		enum client_hello_kind kind;
	} rows[] = {
		{ "as built", 0, 0x16, CLIENT_HELLO_TLS },
		{ "record of 0x40xx bytes", 3, 0x41, CLIENT_HELLO_BAD },
		{ "record longer than its message", 4, 0xff, CLIENT_HELLO_BAD },
		{ "a ServerHello", 5, 2, CLIENT_HELLO_BAD },
		{ "a message of 64 KiB", 6, 1, CLIENT_HELLO_BAD },
		{ "a message of 0x41xx bytes", 7, 0x41, CLIENT_HELLO_BAD },
		{ "a shorter message", 8, 40, CLIENT_HELLO_BAD },
		{ "version 4.x", 9, 4, CLIENT_HELLO_BAD },
		{ "a session of 33 bytes", 43, 33, CLIENT_HELLO_BAD },
		{ "an odd number of suite bytes", 45, 1, CLIENT_HELLO_BAD },
		{ "no suites", 45, 0, CLIENT_HELLO_BAD },
		{ "no compression", 48, 0, CLIENT_HELLO_BAD },
		{ "shorter extensions", 51, 9, CLIENT_HELLO_BAD },
		{ "longer extensions", 51, 11, CLIENT_HELLO_BAD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (with_byte(rows[i].at, rows[i].value) != rows[i].kind)
			fail_msg("%s", rows[i].why);
}

static void
test_an_empty_record_is_bad(void **state)
{
	static const char bytes[] = "\x16\x03\x01\0\0";
	struct client_hello h;
	struct error e;

	(void)state;
	assert_int_equal(client_hello_parse(bytes, sizeof(bytes) - 1, &h, &e),
	    CLIENT_HELLO_BAD);
}

static void
test_a_hello_that_never_ends_is_given_up(void **state)
{
	static struct hello b;
	struct client_hello h;
	struct error e;

	(void)state;
	/* One byte a record, of a message that claims 16 KiB. */
	for (size_t i = 0; b.n < CLIENT_HELLO_PEEK_MAX; i++) {
		put(&b, "\x16\x03\x01\0\1", 5);
		put(&b, i == 0 ? "\1" : i == 2 ? "\x40" : "\0", 1);
	}
	assert_int_equal(
	    client_hello_parse(b.bytes, CLIENT_HELLO_PEEK_MAX - 1, &h, &e),
	    CLIENT_HELLO_MORE);
	assert_int_equal(
	    client_hello_parse(b.bytes, CLIENT_HELLO_PEEK_MAX, &h, &e),
	    CLIENT_HELLO_BAD);
	assert_int_equal(e.code, ERR_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_hellos_of_real_clients_are_read_however_they_come),
		cmocka_unit_test(test_other_protocols_are_not_tls),
		cmocka_unit_test(test_extensions_add_up_or_the_hello_is_bad),
		cmocka_unit_test(test_protocols_and_ech_are_seen),
		cmocka_unit_test(test_records_may_be_as_small_as_they_like),
		cmocka_unit_test(test_broken_records_and_messages_are_bad),
		cmocka_unit_test(test_an_empty_record_is_bad),
		cmocka_unit_test(test_a_hello_that_never_ends_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
