/* SPDX-License-Identifier: Apache-2.0 */
/* test_privacy_body.c - which parts of a request are looked at, and what that
 * costs at most.  Nothing here was ever anybody's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/privacy/model.h"

#define LONG_BODY 200000
#define LONG_SECONDS 2.0 /* a linear walk takes a hundredth of it */

static const uint8_t key[PRIVACY_KEY_LEN] = "a key of the sandbox's own";

static const char all[] = "detectors:\n"
			  "  - { type: credential, action: redact }\n"
			  "  - { type: private-key, action: block }\n"
			  "  - { type: payment-card, action: redact }\n"
			  "  - { type: email, action: redact }\n"
			  "  - { type: phone, action: redact }\n"
			  "  - { type: iban, action: redact }\n"
			  "  - { type: national-id, action: redact }\n";

static struct privacy_matcher *
compile(const char *config)
{
	_cleanup_(privacy_freep) struct privacy *p = NULL;
	struct privacy_matcher *m = NULL;
	struct error e;

	assert_int_equal(privacy_parse(config, strlen(config), &p, &e), 0);
	assert_int_equal(privacy_compile(p, &m, &e), 0);
	return m;
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What makes a long body: n bytes of `repeat` between the two. */
struct shape {
	const char *why;
	const char *before;
	const char *repeat;
	const char *behind;
};

static void
fill(const struct shape *s, struct buf *ret)
{
	assert_int_equal(buf_puts(ret, s->before), 0);
	while (ret->len < LONG_BODY)
		assert_int_equal(buf_puts(ret, s->repeat), 0);
	assert_int_equal(buf_puts(ret, s->behind), 0);
}

static void
check_cost(const struct privacy_matcher *m, const char *why, const char *body,
    size_t n, int expected, enum error_code code)
{
	struct privacy_result r = { 0 };
	struct error e = { 0 };
	double began = now(), took;
	int result = privacy_apply(m, body, n, key, &r, &e);

	took = now() - began;
	if (took >= LONG_SECONDS)
		print_error("%s: %.1f s\n", why, took);
	assert_true(took < LONG_SECONDS);
	if (result != expected)
		print_error("%s: %d: %s\n", why, result, e.text);
	assert_int_equal(result, expected);
	if (result < 0)
		assert_int_equal(e.code, code);
	privacy_result_clear(&r);
}

static const struct shape shapes[] = {
	{ "names in an array", "{\"messages\":[],\"name\":[\"a\"", ",\"a\"",
	    "]}" },
	{ "names in an object", "{\"messages\":[],\"source\":{\"name\":\"a\"",
	    ",\"name\":\"a\"", "}}" },
	{ "passwords", "{\"messages\":[],\"x\":\"", "pwd=", "\"}" },
	{ "passwords with colons", "{\"messages\":[],\"x\":\"", "pwd:", "\"}" },
	{ "tokens", "{\"messages\":[],\"x\":\"", "1a2B3c.token=", "\"}" },
	{ "names in objects in an array", "{\"messages\":[],\"name\":[{}",
	    ",{\"name\":[\"a\",\"a\"]}", "]}" },
};

/* Its elements as many as it has digits. */
static void
fill_named(const char *element, struct buf *ret)
{
	assert_int_equal(buf_puts(ret, "{\"messages\":[],\""), 0);
	while (ret->len < LONG_BODY / 2)
		assert_int_equal(buf_puts(ret, "0123456789"), 0);
	assert_int_equal(buf_printf(ret, "\":[%s", element), 0);
	while (ret->len < LONG_BODY)
		assert_int_equal(buf_printf(ret, ",%s", element), 0);
	assert_int_equal(buf_puts(ret, "]}"), 0);
}

static void
test_a_long_name_is_not_read_for_each_of_its_elements(void **state)
{
	static const char *const elements[] = { "\"a\"", "\"123456789\"" };
	_cleanup_(privacy_matcher_freep) struct privacy_matcher *m =
	    compile(all);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buf body = { 0 };

		fill_named(elements[i], &body);
		check_cost(
		    m, elements[i], buf_str(&body), body.len, 0, ERR_NONE);
		buf_wipe(&body);
	}
}

static void
test_a_body_is_walked_in_linear_time(void **state)
{
	_cleanup_(privacy_matcher_freep) struct privacy_matcher *m =
	    compile(all);

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct buf body = { 0 };

		fill(&shapes[i], &body);
		check_cost(
		    m, shapes[i].why, buf_str(&body), body.len, 0, ERR_NONE);
		buf_wipe(&body);
	}
}

/* Runs of so many "a." in a body of so many bytes. */
static void
fill_runs(size_t run, size_t bytes, struct buf *ret)
{
	assert_int_equal(buf_puts(ret, "{\"messages\":[],\"x\":\""), 0);
	for (size_t i = 1; ret->len < bytes; i++)
		assert_int_equal(buf_puts(ret, i % run == 0 ? "a. " : "a."), 0);
	assert_int_equal(buf_puts(ret, " corp.example\"}"), 0);
}

static void
test_an_expression_has_one_budget_for_the_body(void **state)
{
	static const struct {
		size_t run;
		size_t bytes;
		int expected;
	} runs[] = {
		{ 1000, LONG_BODY / 50, 0 },
		{ 1000, LONG_BODY, -1 },
		{ 100, LONG_BODY, 0 },
		{ 20, 10 * LONG_BODY, 0 },
		{ 1000, 10 * LONG_BODY, -1 },
	};
	_cleanup_(privacy_matcher_freep) struct privacy_matcher *m = compile(
	    "detectors:\n"
	    "  - { type: pattern, name: host, action: redact,\n"
	    "      regex: '\\b(?:[a-z0-9-]+\\.)+corp\\.example\\b' }\n");

	(void)state;
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		struct buf body = { 0 };

		fill_runs(runs[i].run, runs[i].bytes, &body);
		check_cost(m, "runs", buf_str(&body), body.len,
		    runs[i].expected, ERR_LIMIT);
		buf_wipe(&body);
	}
}

#define CARD "4111111111111111"
#define AWS "AKIAQ7RT3MNPW5XZ2LKD"
#define ALL_FOUR                                                               \
	"{\"id\":\"" CARD "\",\"name\":\"4111-1111-1111-1111\","               \
	"\"status\":\"123-45-6789\",\"detail\":\"" AWS "\"}"
#define BASE64 AWS "/" AWS "/" AWS "/" AWS

/* Where names that protocols have are somebody's. */
static const struct row {
	const char *body;
	size_t n_findings;
} rows[] = {
	{ "{\"documents\":[" ALL_FOUR "]}", 4 },
	{ "{\"documents\":{\"function\":" ALL_FOUR "}}", 4 },
	{ "{\"args\":{\"id\":\"" CARD "\"}}", 1 },
	{ "{\"args\":{\"id\":" CARD "}}", 1 },
	{ "{\"args\":{\"file\":[" CARD "]}}", 1 },
	{ "{\"function\":{\"name\":\"f\",\"arguments\":" ALL_FOUR "}}", 4 },
	{ "{\"function\":{\"arguments\":[" ALL_FOUR "]}}", 4 },
	{ "{\"arguments\":{\"data\":\"" BASE64 "\"}}", 4 },
	{ "{\"messages\":[{\"role\":\"tool\",\"content\":" ALL_FOUR "}]}", 4 },
	{ "{\"input\":[{\"type\":\"function_call_output\",\"output\":" ALL_FOUR
	  "}]}",
	    4 },
	{ "{\"metadata\":[" ALL_FOUR "]}", 4 },
	{ "{\"metadata\":" ALL_FOUR "}", 4 },
	{ "{\"input\":[[" ALL_FOUR "]]}", 4 },
	{ "{\"input\":" ALL_FOUR "}", 4 },
	{ "{\"messages\":[{\"role\":\"assistant\",\"content\":[{"
	  "\"type\":\"tool_use\",\"input\":[" ALL_FOUR "]}]}]}",
	    4 },
	{ "{\"messages\":[[" ALL_FOUR "]]}", 4 },
};

/* Where they are a protocol's. */
static const char *const protocol[] = {
	"{\"messages\":[" ALL_FOUR "]}",
	"{\"messages\":[{\"role\":\"user\",\"content\":[" ALL_FOUR "]}]}",
	"{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"" CARD
	"\",\"type\":\"function\",\"function\":{\"name\":\"" AWS
	"\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":"
	"\"" CARD "\",\"content\":\"x\"}]}",
	"{\"input\":[{\"id\":\"" CARD "\",\"call_id\":\"" CARD
	"\",\"name\":\"" AWS "\",\"output\":[{\"file_id\":\"" CARD "\"}]}]}",
	"{\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"" AWS
	"\"}},{\"name\":\"" AWS "\",\"cache_control\":{\"type\":\"" AWS
	"\"}}]}",
	"{\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"" AWS
	"\"}}}",
	"{\"messages\":[{\"content\":[{\"type\":\"image\",\"source\":{"
	"\"type\":\"base64\",\"data\":\"" BASE64 "\"}}]}]}",
	"{\"messages\":[{\"content\":[{\"image\":{\"source\":{\"bytes\":"
	"\"" BASE64 "\"}}}]}]}",
	"{\"input\":[{\"output\":{\"type\":\"computer_screenshot\","
	"\"image_url\":\"data:image/png;base64," BASE64 "\"}}]}",
};

static void
check_findings(const struct privacy_matcher *m, const char *body, size_t n)
{
	struct privacy_result r = { 0 };
	struct error e;

	assert_int_equal(privacy_apply(m, body, strlen(body), key, &r, &e), 0);
	if (r.n_findings != n)
		print_error("%s: %zu\n", body, r.n_findings);
	assert_int_equal(r.n_findings, n);
	assert_int_equal(r.is_changed, n > 0);
	if (r.is_changed) {
		assert_null(strstr(buf_str(&r.body), CARD));
		assert_null(strstr(buf_str(&r.body), "6789"));
		assert_null(strstr(buf_str(&r.body), AWS));
	}
	privacy_result_clear(&r);
}

static void
test_what_no_protocol_has_is_looked_at_whatever_its_name(void **state)
{
	_cleanup_(privacy_matcher_freep) struct privacy_matcher *m =
	    compile(all);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_findings(m, rows[i].body, rows[i].n_findings);
}

static void
test_what_a_protocol_keeps_for_machines_stays(void **state)
{
	_cleanup_(privacy_matcher_freep) struct privacy_matcher *m =
	    compile(all);

	(void)state;
	for (size_t i = 0; i < sizeof(protocol) / sizeof(protocol[0]); i++)
		check_findings(m, protocol[i], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_body_is_walked_in_linear_time),
		cmocka_unit_test(
		    test_a_long_name_is_not_read_for_each_of_its_elements),
		cmocka_unit_test(
		    test_an_expression_has_one_budget_for_the_body),
		cmocka_unit_test(
		    test_what_no_protocol_has_is_looked_at_whatever_its_name),
		cmocka_unit_test(test_what_a_protocol_keeps_for_machines_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
