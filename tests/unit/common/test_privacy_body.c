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
    size_t n, int expected)
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
	privacy_result_clear(&r);
}

static const struct shape shapes[] = {
	{ "names in an array", "{\"messages\":[],\"name\":[\"a\"", ",\"a\"",
	    "]}" },
	{ "names in an object", "{\"messages\":[],\"source\":{\"name\":\"a\"",
	    ",\"name\":\"a\"", "}}" },
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
		check_cost(m, elements[i], buf_str(&body), body.len, 0);
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
		check_cost(m, shapes[i].why, buf_str(&body), body.len, 0);
		buf_wipe(&body);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_body_is_walked_in_linear_time),
		cmocka_unit_test(
		    test_a_long_name_is_not_read_for_each_of_its_elements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
