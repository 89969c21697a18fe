/* SPDX-License-Identifier: Apache-2.0 */
/* test_privacy_restore.c - an answer's placeholders become the texts that they
 * stand for, however the answer is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/json/scan.h"
#include "common/privacy/map.h"
#include "common/privacy/restore.h"
#include "common/xalloc.h"

static const uint8_t key[PRIVACY_KEY_LEN] = "a key of the sandbox's own";

/* What was redacted, and how the texts below name it. */
static const struct secret {
	const char *mark;
	const char *label;
	const char *text;
} secrets[] = {
	{ "<mail>", "EMAIL", "alice@example.com" },
	{ "<hard>", "PROJECT_1",
	    "a \"b\"\\c\n\t\x01 d\xc3\xa9 \xf0\x9f\x8d\x8e" },
	{ "<two>", "CARD", "4111 1111 1111 1111" },
};
#define N_SECRETS (sizeof(secrets) / sizeof(secrets[0]))

struct fixture {
	struct privacy_map *map;
	char placeholders[N_SECRETS][PRIVACY_PLACEHOLDER_MAX + 1];
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->map = privacy_map_new(key);
	for (size_t i = 0; i < N_SECRETS; i++)
		(void)snprintf(f->placeholders[i], sizeof(f->placeholders[i]),
		    "%s",
		    privacy_map_add(f->map, secrets[i].label, secrets[i].text,
			strlen(secrets[i].text), true));
	(void)privacy_map_add(f->map, "PHONE", "+14155552671", 12, false);
	assert_true(privacy_map_seal(f->map));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	privacy_map_free(f->map);
	free(f);
	return 0;
}

/* The text with its marks replaced: by placeholders, or by what they stand for,
 * escaped so often. */
static char *
expand(const struct fixture *f, const char *text, int escapes)
{
	struct buf b = BUF_INIT;

	while (*text != '\0') {
		size_t i = 0;

		while (i < N_SECRETS && strncmp(text, secrets[i].mark,
					    strlen(secrets[i].mark)) != 0)
			i++;
		if (i == N_SECRETS) {
			(void)buf_append(&b, text++, 1);
			continue;
		}
		text += strlen(secrets[i].mark);
		if (escapes < 0) {
			(void)buf_puts(&b, f->placeholders[i]);
			continue;
		}
		struct buf level = BUF_INIT;

		(void)buf_puts(&level, secrets[i].text);
		for (int k = 0; k < escapes; k++) {
			struct buf above = BUF_INIT;

			(void)json_put_escaped(
			    &above, (char *)buf_data(&level), level.len);
			buf_free(&level);
			level = above;
		}
		(void)buf_append(&b, buf_data(&level), level.len);
		buf_free(&level);
	}
	return buf_take_str(&b);
}

/* In pieces: up to cut, then of so many bytes. */
static char *
restore(const struct fixture *f, bool is_stream, const char *text, size_t n,
    size_t cut, size_t piece)
{
	_cleanup_(privacy_restore_freep) struct privacy_restore *r =
	    privacy_restore_new(f->map, is_stream);
	struct buf out = BUF_INIT;
	struct error e;
	size_t at = cut < n ? cut : n;

	assert_int_equal(privacy_restore_feed(r, text, at, &out, &e), 0);
	while (at < n) {
		size_t len = n - at < piece ? n - at : piece;
		/* Of its own, so that a read beyond it is seen. */
		autofree char *copy = xmemdup(text + at, len);

		assert_int_equal(
		    privacy_restore_feed(r, copy, len, &out, &e), 0);
		at += len;
	}
	assert_int_equal(privacy_restore_end(r, &out, &e), 0);
	return buf_take_str(&out);
}

static void
assert_restored(const struct fixture *f, bool is_stream, const char *why,
    const char *text, const char *expected)
{
	size_t n = strlen(text);

	for (size_t cut = 0; cut <= n + 1; cut++) {
		autofree char *got = restore(f, is_stream, text, n,
		    cut <= n ? cut : 0, cut <= n ? n : 1);

		if (strcmp(got, expected) != 0)
			fail_msg("%s, cut at %zu: '%s' gave '%s', not '%s'",
			    why, cut, text, got, expected);
	}
}

static void
test_a_body_is_restored_wherever_it_is_cut(void **state)
{
	static const struct {
		const char *why;
		const char *text;
		int escapes;
	} rows[] = {
		{ "nothing", "", 0 },
		{ "plain text", "to <mail>, <hard>", 0 },
		{ "nothing else", "<hard>", 0 },
		{ "one by the other", "<mail><hard><two>", 0 },
		{ "broken JSON", "{\"a\" \"<hard>\"}", 0 },
		{ "quotes in text", "say \"<hard>\"", 0 },
		{ "a string", "{\"a\":\"x <hard> y\",\"b\":[\"<two>\"]}", 1 },
		{ "a name", "{\"<hard>\":true}", 1 },
		{ "behind others",
		    "{\"a\":[1.5e3,-2,null,true,false,{},[]],\"b\":\"\\u00e9"
		    "\\\"\\\\\",\"c\":\"<hard>\"}",
		    1 },
		{ "an array", " [ \"<hard>\" , \"<mail>\" ]", 1 },
		{ "lines of JSON", "{\"a\":1}\n{\"a\":\"<hard>\"}\n", 1 },
		{ "a mark before it", "\xef\xbb\xbf{\"a\":\"<hard>\"}", 1 },
		{ "text that begins like JSON", "{\"a\":\"[1] <hard>\"}", 1 },
		{ "text with quotes", "{\"a\":\"[ \\\"q\\\" <hard>\"}", 1 },
		{ "JSON in a string",
		    "{\"arguments\":\"{\\\"a\\\":\\\"<hard>\\\"}\"}", 2 },
		{ "with space", "{\"a\":\" [ 1, \\\"<hard>\\\"]\"}", 2 },
		{ "twice",
		    "{\"a\":\"{\\\"b\\\":\\\"{\\\\\\\"c\\\\\\\":\\\\\\\""
		    "<hard>\\\\\\\"}\\\"}\"}",
		    3 },
		{ "behind JSON in a string",
		    "{\"a\":\"{\\\"b\\\":1}\",\"c\":\"<hard>\"}", 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		autofree char *text = expand(*state, rows[i].text, -1);
		autofree char *expected =
		    expand(*state, rows[i].text, rows[i].escapes);

		assert_restored(*state, false, rows[i].why, text, expected);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_a_body_is_restored_wherever_it_is_cut, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
