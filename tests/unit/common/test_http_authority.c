/* SPDX-License-Identifier: Apache-2.0 */
/* test_http_authority.c - hosts and ports, and what only looks like them. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>

#include <cmocka.h>

#include "common/http/authority.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define N253                                                                   \
	L63 "." L63 "." L63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"     \
	    "aaaaaaaaaaaaaaaaaa"

static struct http_slice
slice(const char *text)
{
	return (struct http_slice){ text, strlen(text) };
}

static const struct {
	const char *text;
	const char *host;
	uint16_t port;
	enum http_host_kind kind;
} accepted[] = {
	{ "example.com", "example.com", 0, HTTP_HOST_NAME },
	{ "Example.COM:443", "example.com", 443, HTTP_HOST_NAME },
	{ "example.com.", "example.com", 0, HTTP_HOST_NAME },
	{ "example.com.:1", "example.com", 1, HTTP_HOST_NAME },
	{ "localhost:65535", "localhost", 65535, HTTP_HOST_NAME },
	{ "a_b-c.d:080", "a_b-c.d", 80, HTTP_HOST_NAME },
	{ "1.example", "1.example", 0, HTTP_HOST_NAME },
	{ "0xe.example", "0xe.example", 0, HTTP_HOST_NAME },
	{ "0xzz", "0xzz", 0, HTTP_HOST_NAME },
	{ "1.2.3.4:80", "1.2.3.4", 80, HTTP_HOST_IPV4 },
	{ "[::1]", "::1", 0, HTTP_HOST_IPV6 },
	{ "[2001:DB8:0:0:0:0:0:1]:443", "2001:db8::1", 443, HTTP_HOST_IPV6 },
	{ "[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", 1, HTTP_HOST_IPV6 },
	{ N253, N253, 0, HTTP_HOST_NAME },
};

static void
test_hosts_and_ports_are_read_into_one_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		struct http_authority a;
		struct error e;

		if (http_authority_parse(slice(accepted[i].text), &a, &e) < 0)
			fail_msg("'%s': %s", accepted[i].text, e.text);
		assert_string_equal(a.host, accepted[i].host);
		assert_int_equal(a.port, accepted[i].port);
		assert_int_equal(a.kind, accepted[i].kind);
	}
}

static const struct {
	const char *why;
	const char *text;
} refused[] = {
	{ "nothing", "" },
	{ "only a port", ":80" },
	{ "only a dot", "." },
	{ "two trailing dots", "a.." },
	{ "leading dot", ".a" },
	{ "empty label", "a..b" },
	{ "empty port", "a:" },
	{ "port 0", "a:0" },
	{ "port 65536", "a:65536" },
	{ "port that wraps to 443", "a:65979" },
	{ "six digits", "a:000080" },
	{ "signed port", "a:+80" },
	{ "port with a space", "a: 80" },
	{ "port with a letter", "a:80x" },
	{ "hex port", "a:0x50" },
	{ "two ports", "a:443:22" },
	{ "user info", "user@a" },
	{ "user info with a colon", "a:b@c" },
	{ "space", "a b" },
	{ "leading space", " a" },
	{ "TAB", "a\tb" },
	{ "CR", "a\rb" },
	{ "LF", "a\nb" },
	{ "slash", "a/b" },
	{ "backslash", "a\\b" },
	{ "fragment", "a#b" },
	{ "query", "a?b" },
	{ "escape", "a%2eb" },
	{ "non-ASCII", "\xc3\xa4.example" },
	{ "full-width dot", "a\xef\xbc\x8e"
			    "b" },
	{ "wildcard", "*.example" },
	{ "comma", "a,b" },
	{ "label of 64", L63 "a" },
	{ "name of 254", N253 "a" },
	{ "short address", "127.1" },
	{ "address as a number", "2130706433" },
	{ "address in hex", "0x7f000001" },
	{ "hex in the last part", "127.0.0.0x1" },
	{ "octal part", "127.0.0.01" },
	{ "part over 255", "1.2.3.256" },
	{ "five parts", "1.2.3.4.5" },
	{ "number with a trailing dot", "127.1." },
	{ "name that ends in a number", "evil.example.1" },
	{ "0x alone", "0x" },
	{ "bare IPv6", "::1" },
	{ "open bracket", "[::1" },
	{ "empty brackets", "[]" },
	{ "name in brackets", "[a]" },
	{ "IPv4 in brackets", "[1.2.3.4]" },
	{ "zone", "[fe80::1%eth0]" },
	{ "bytes behind the bracket", "[::1]a" },
	{ "empty port behind the bracket", "[::1]:" },
	{ "two brackets", "[[::1]]" },
	{ "closing bracket", "a]" },
};

static void
test_what_is_no_authority_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct http_authority a;
		struct error e = { 0 };

		if (http_authority_parse(slice(refused[i].text), &a, &e) == 0)
			fail_msg("%s: gave '%s'", refused[i].why, a.host);
		assert_true(e.code != ERR_NONE);
	}
}

static void
test_a_nul_does_not_end_a_host(void **state)
{
	static const char *const hosts[] = { "evil\0.example", "\0", "a\0",
		"[::1\0]", "1.2.3.4\0" };
	static const size_t sizes[] = { 13, 1, 2, 6, 8 };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct http_authority a;
		struct error e;

		assert_int_equal(
		    http_authority_parse(
			(struct http_slice){ hosts[i], sizes[i] }, &a, &e),
		    -1);
	}
}

static void
test_hosts_alone_may_be_bare_ipv6_but_have_no_port(void **state)
{
	char host[HTTP_HOST_MAX + 1];
	enum http_host_kind kind;
	struct error e;

	(void)state;
	assert_int_equal(http_host_parse(slice("::1"), host, &kind, &e), 0);
	assert_int_equal(kind, HTTP_HOST_IPV6);
	assert_int_equal(http_host_parse(slice("A.b."), host, &kind, &e), 0);
	assert_string_equal(host, "a.b");
	assert_int_equal(http_host_parse(slice("a:1"), host, &kind, &e), -1);
	assert_int_equal(http_host_parse(slice("[::1]"), host, &kind, &e), -1);
}

static const struct {
	const char *a, *b;
	bool equal;
} pairs[] = {
	{ "a", "A.", true },
	{ "a", "a:443", true },
	{ "a:443", "a:443", true },
	{ "a", "a:80", false },
	{ "a:1", "a:2", false },
	{ "a", "b", false },
	{ "[::1]", "[0:0::1]:443", true },
	{ "[::ffff:1.2.3.4]", "1.2.3.4", false },
};

static void
test_authorities_are_compared_with_the_default_port(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct http_authority a, b;
		struct error e;

		assert_int_equal(
		    http_authority_parse(slice(pairs[i].a), &a, &e), 0);
		assert_int_equal(
		    http_authority_parse(slice(pairs[i].b), &b, &e), 0);
		if (http_authority_equal(&a, &b, 443) != pairs[i].equal)
			fail_msg("%s and %s", pairs[i].a, pairs[i].b);
	}
}

static void
test_authorities_are_written_without_the_default_port(void **state)
{
	static const char *const rows[][2] = { { "A:80", "a" },
		{ "a:81", "a:81" }, { "a", "a" }, { "[::1]:80", "[::1]" },
		{ "[::1]:81", "[::1]:81" } };
	char text[HTTP_AUTHORITY_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_authority a;
		struct error e;

		assert_int_equal(
		    http_authority_parse(slice(rows[i][0]), &a, &e), 0);
		assert_string_equal(
		    http_authority_format(&a, 80, text), rows[i][1]);
	}
}

static void
test_urls_are_taken_apart(void **state)
{
	struct http_url url;
	struct error e;

	(void)state;
	assert_int_equal(
	    http_url_parse(slice("HTTP://H.example:81/a?b"), &url, &e), 0);
	assert_true(http_slice_is_nocase(url.scheme, "http"));
	assert_string_equal(url.authority.host, "h.example");
	assert_int_equal(url.authority.port, 81);
	assert_true(http_slice_is(url.target, "/a?b"));
	assert_int_equal(http_url_parse(slice("http://[::1]"), &url, &e), 0);
	assert_int_equal(url.target.n, 0);
	assert_int_equal(http_url_parse(slice("http://a?b/c"), &url, &e), 0);
	assert_true(http_slice_is(url.target, "?b/c"));
}

static void
test_urls_with_tricks_are_refused(void **state)
{
	static const char *const urls[] = { "/a", "a", "", "://a", "http:/a",
		"http:a", "http://", "http:///a", "http://?a", "http://u@a/",
		"http://u:p@a/", "http://a:b@c/", "http://a\\@b/", "http://a#b",
		"http://a/b#c", "http://a:0/", "http://a b/", "ht%tp://a/",
		"ht tp://a/", "http://a/b c", "http://a/b\r\nX: y",
		"http://a/\x7f", "http://a/?\xc3\xbc" };

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct http_url url;
		struct error e;

		if (http_url_parse(slice(urls[i]), &url, &e) == 0)
			fail_msg("%s", urls[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts_and_ports_are_read_into_one_form),
		cmocka_unit_test(test_what_is_no_authority_is_refused),
		cmocka_unit_test(test_a_nul_does_not_end_a_host),
		cmocka_unit_test(
		    test_hosts_alone_may_be_bare_ipv6_but_have_no_port),
		cmocka_unit_test(
		    test_authorities_are_compared_with_the_default_port),
		cmocka_unit_test(
		    test_authorities_are_written_without_the_default_port),
		cmocka_unit_test(test_urls_are_taken_apart),
		cmocka_unit_test(test_urls_with_tricks_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
