/* SPDX-License-Identifier: Apache-2.0 */
/* test_dns_message.c - queries that are answered, and how. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include "proxyd/dns_message.h"

/* id, flags (RD), one question, and so many additional records. */
#define HEAD(additional) "\x12\x34\x01\x00\0\1\0\0\0\0\0" additional
#define NAME "\3aPi\7example\3COM\0"
#define A_IN "\0\1\0\1"
#define OPT "\0\0\x29\x04\xd0\0\0\0\0\0\0"

#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *why;
	const char *bytes;
	size_t n;
	enum dns_rcode rcode;
	const char *name;
	uint16_t type;
	bool has_edns;
} queries[] = {
	{ "A", BYTES(HEAD("\0") NAME A_IN), DNS_NOERROR, "api.example.com",
	    DNS_A, false },
	{ "AAAA", BYTES(HEAD("\0") NAME "\0\x1c\0\1"), DNS_NOERROR,
	    "api.example.com", DNS_AAAA, false },
	{ "HTTPS with EDNS", BYTES(HEAD("\1") NAME "\0\x41\0\1" OPT),
	    DNS_NOERROR, "api.example.com", DNS_HTTPS, true },
	{ "EDNS with an option",
	    BYTES(HEAD("\1") NAME A_IN
		"\0\0\x29\x04\xd0\0\0\0\0\0\6\0\x0a\0\2xy"),
	    DNS_NOERROR, "api.example.com", DNS_A, true },
	{ "the root", BYTES(HEAD("\0") "\0\0\2\0\1"), DNS_NOERROR, "", 2,
	    false },
	{ "service label", BYTES(HEAD("\0") "\5_http\1a\0" A_IN), DNS_NOERROR,
	    "_http.a", DNS_A, false },
	{ "too short for a header", BYTES("\x12\x34\x01\x00\0\1\0\0\0\0\0"),
	    DNS_DROP },
	{ "an answer", BYTES("\x12\x34\x81\x80\0\1\0\0\0\0\0\0" NAME A_IN),
	    DNS_DROP },
	{ "opcode STATUS", BYTES("\x12\x34\x10\x00\0\1\0\0\0\0\0\0" NAME A_IN),
	    DNS_NOTIMP },
	{ "no question", BYTES("\x12\x34\x01\x00\0\0\0\0\0\0\0\0"),
	    DNS_FORMERR },
	{ "two questions",
	    BYTES("\x12\x34\x01\x00\0\2\0\0\0\0\0\0" NAME A_IN NAME A_IN),
	    DNS_FORMERR },
	{ "a record in the answer section",
	    BYTES("\x12\x34\x01\x00\0\1\0\1\0\0\0\0" NAME A_IN NAME A_IN
		  "\0\0\0\1\0\4\1\2\3\4"),
	    DNS_FORMERR },
	{ "a record in the authority section",
	    BYTES("\x12\x34\x01\x00\0\1\0\0\0\1\0\0" NAME A_IN OPT),
	    DNS_FORMERR },
	{ "two additional records", BYTES(HEAD("\2") NAME A_IN OPT OPT),
	    DNS_FORMERR },
	{ "an additional record that isn't OPT",
	    BYTES(HEAD("\1") NAME A_IN "\0\0\1\0\1\0\0\0\0\0\0"), DNS_FORMERR },
	{ "OPT with a name",
	    BYTES(HEAD("\1") NAME A_IN "\1a\0\0\x29\x04\xd0\0\0\0\0\0\0"),
	    DNS_FORMERR },
	{ "OPT is cut", BYTES(HEAD("\1") NAME A_IN "\0\0\x29\x04\xd0\0"),
	    DNS_FORMERR },
	{ "OPT's options are cut",
	    BYTES(HEAD("\1") NAME A_IN "\0\0\x29\x04\xd0\0\0\0\0\0\2x"),
	    DNS_FORMERR },
	{ "EDNS version 1",
	    BYTES(HEAD("\1") NAME A_IN "\0\0\x29\x04\xd0\0\1\0\0\0\0"),
	    DNS_BADVERS },
	{ "OPT is announced and missing", BYTES(HEAD("\1") NAME A_IN),
	    DNS_FORMERR },
	{ "bytes behind the question", BYTES(HEAD("\0") NAME A_IN "x"),
	    DNS_FORMERR },
	{ "bytes behind OPT", BYTES(HEAD("\1") NAME A_IN OPT "x"),
	    DNS_FORMERR },
	{ "a pointer", BYTES(HEAD("\0") "\xc0\x0c" A_IN), DNS_FORMERR },
	{ "a pointer behind a label", BYTES(HEAD("\0") "\1a\xc0\x0c" A_IN),
	    DNS_FORMERR },
	{ "an extended label", BYTES(HEAD("\0") "\x41\1a\0" A_IN),
	    DNS_FORMERR },
	{ "a label that is cut", BYTES(HEAD("\0") "\7exam"), DNS_FORMERR },
	{ "no root label", BYTES(HEAD("\0") "\1a"), DNS_FORMERR },
	{ "no name", BYTES(HEAD("\0")), DNS_FORMERR },
	{ "no class", BYTES(HEAD("\0") NAME "\0\1\0"), DNS_FORMERR },
	{ "a dot in a label", BYTES(HEAD("\0") "\3a.b\0" A_IN), DNS_FORMERR },
	{ "a NUL in a label", BYTES(HEAD("\0") "\3a\0b\0" A_IN), DNS_FORMERR },
	{ "a space in a label", BYTES(HEAD("\0") "\3a b\0" A_IN), DNS_FORMERR },
	{ "a byte over 127", BYTES(HEAD("\0") "\1\xe4\0" A_IN), DNS_FORMERR },
	{ "class CHAOS", BYTES(HEAD("\0") NAME "\0\x10\0\3"), DNS_REFUSED },
	{ "class ANY", BYTES(HEAD("\0") NAME "\0\1\0\xff"), DNS_REFUSED },
};

static void
test_queries_of_stub_resolvers_and_no_others_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct dns_query q;
		struct error e = { 0 };
		enum dns_rcode r;

		r = dns_query_parse(queries[i].bytes, queries[i].n, &q, &e);
		if (r != queries[i].rcode)
			fail_msg("%s: %d", queries[i].why, r);
		if (r != DNS_NOERROR) {
			assert_int_equal(e.code, ERR_PROTOCOL);
			continue;
		}
		assert_int_equal(q.id, 0x1234);
		assert_string_equal(q.name, queries[i].name);
		assert_int_equal(q.type, queries[i].type);
		assert_int_equal(q.has_edns, queries[i].has_edns);
	}
}

/* A query for labels of such sizes, "a" repeated. */
static enum dns_rcode
query_labels(const size_t *sizes, size_t n, struct dns_query *q)
{
	uint8_t bytes[600] = { 0x12, 0x34, 1, 0, 0, 1 };
	size_t at = 12;
	struct error e;

	for (size_t i = 0; i < n; i++) {
		bytes[at++] = (uint8_t)sizes[i];
		memset(bytes + at, 'a', sizes[i]);
		at += sizes[i];
	}
	memcpy(bytes + at, "\0\0\1\0\1", 5);
	return dns_query_parse(bytes, at + 5, q, &e);
}

static void
test_the_longest_name_fits_and_a_longer_does_not(void **state)
{
	static const size_t longest[] = { 63, 63, 63, 61 };
	static const size_t longer[] = { 63, 63, 63, 62 };
	static const size_t label[] = { 64 };
	struct dns_query q;

	(void)state;
	assert_int_equal(query_labels(label, 1, &q), DNS_FORMERR);
	assert_int_equal(query_labels(longest, 4, &q), DNS_NOERROR);
	assert_int_equal(strlen(q.name), DNS_NAME_MAX);
	assert_int_equal(q.question_len, DNS_QUESTION_MAX);
	assert_int_equal(query_labels(longer, 4, &q), DNS_FORMERR);
}

static void
parse(const char *bytes, size_t n, struct dns_query *q)
{
	struct error e;

	(void)dns_query_parse(bytes, n, q, &e);
}

static void
test_an_address_answers_with_the_question_as_it_came(void **state)
{
	static const char expected[] =
	    "\x12\x34\x81\x80\0\1\0\1\0\0\0\1" NAME A_IN
	    "\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4\xc6\x12\0\5" OPT;
	struct in_addr a = { htonl(0xc6120005) };
	uint8_t out[DNS_ANSWER_MAX];
	struct dns_query q;

	(void)state;
	parse(BYTES(HEAD("\1") NAME A_IN OPT), &q);
	assert_int_equal(
	    dns_answer(&q, DNS_NOERROR, &a, 30, out), sizeof(expected) - 1);
	assert_memory_equal(out, expected, sizeof(expected) - 1);
}

static const struct {
	const char *why;
	const char *query;
	size_t query_n;
	enum dns_rcode rcode;
	const char *answer;
	size_t answer_n;
} answers[] = {
	{ "no such data", BYTES(HEAD("\0") NAME "\0\x1c\0\1"), DNS_NOERROR,
	    BYTES("\x12\x34\x81\x80\0\1\0\0\0\0\0\0" NAME "\0\x1c\0\1") },
	{ "SERVFAIL", BYTES(HEAD("\0") NAME A_IN), DNS_SERVFAIL,
	    BYTES("\x12\x34\x81\x82\0\1\0\0\0\0\0\0" NAME A_IN) },
	{ "REFUSED with EDNS", BYTES(HEAD("\1") NAME A_IN OPT), DNS_REFUSED,
	    BYTES("\x12\x34\x81\x85\0\1\0\0\0\0\0\1" NAME A_IN OPT) },
	{ "no RD, no RD back", BYTES("\x12\x34\0\0\0\1\0\0\0\0\0\0" NAME A_IN),
	    DNS_REFUSED, BYTES("\x12\x34\x80\x85\0\1\0\0\0\0\0\0" NAME A_IN) },
	{ "FORMERR without a question",
	    BYTES("\x12\x34\x01\x00\0\0\0\0\0\0\0\0"), DNS_FORMERR,
	    BYTES("\x12\x34\x81\x81\0\0\0\0\0\0\0\0") },
	{ "NOTIMP with the opcode", BYTES("\x12\x34\x10\x00\0\1\0\0\0\0\0\0"),
	    DNS_NOTIMP, BYTES("\x12\x34\x90\x84\0\0\0\0\0\0\0\0") },
	{ "BADVERS has its upper bits in OPT",
	    BYTES(HEAD("\1") NAME A_IN "\0\0\x29\x04\xd0\0\1\0\0\0\0"),
	    DNS_BADVERS,
	    BYTES("\x12\x34\x81\x80\0\1\0\0\0\0\0\1" NAME A_IN
		  "\0\0\x29\x04\xd0\1\0\0\0\0\0") },
};

static void
test_refusals_are_whole_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		uint8_t out[DNS_ANSWER_MAX];
		struct dns_query q;
		size_t n;

		parse(answers[i].query, answers[i].query_n, &q);
		n = dns_answer(&q, answers[i].rcode, NULL, 0, out);
		if (n != answers[i].answer_n ||
		    memcmp(out, answers[i].answer, n) != 0)
			fail_msg("%s", answers[i].why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_queries_of_stub_resolvers_and_no_others_are_read),
		cmocka_unit_test(
		    test_the_longest_name_fits_and_a_longer_does_not),
		cmocka_unit_test(
		    test_an_address_answers_with_the_question_as_it_came),
		cmocka_unit_test(test_refusals_are_whole_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
