/* SPDX-License-Identifier: Apache-2.0 */
/* test_privacy_corpus.c - how much of what is sensitive in real texts is found,
 * and how much of what is found is: see tests/privacy/README. */
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
#include "common/privacy/model.h"
#include "common/xalloc.h"

#define SPANS_MAX 64
#define BEGIN "\xe2\x9f\xa6"
#define END "\xe2\x9f\xa7"
#define JOINT "\xc2\xa6"

static const char *const files[] = { "chat", "code", "docs", "json", "logs",
	"more" };

/* A type, the label of its placeholders, and what is found at least. */
static struct score {
	const char *type;
	const char *label;
	double precision;
	double recall;
	unsigned right;
	unsigned wrong;
	unsigned missed;
} scores[] = {
	{ "credential", "[SECRET_", .98, .97 },
	{ "private-key", "[KEY_", .98, .97 },
	{ "payment-card", "[CARD_", .98, .97 },
	{ "email", "[EMAIL_", .98, .97 },
	{ "phone", "[PHONE_", .98, .97 },
	{ "iban", "[IBAN_", .98, .97 },
	{ "national-id", "[ID_", .98, .97 },
	{ "total", "", .98, .97 },
};
#define N_TYPES (sizeof(scores) / sizeof(scores[0]) - 1)

struct mark {
	size_t start;
	size_t end;
	size_t type;
};

struct marks {
	struct mark list[SPANS_MAX];
	size_t n;
};

static void
mark(struct marks *m, size_t start, size_t end, size_t type)
{
	assert_true(m->n < SPANS_MAX && type < N_TYPES);
	m->list[m->n++] = (struct mark){ start, end, type };
}

static bool
has(const struct marks *m, const struct mark *wanted)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->list[i].start == wanted->start &&
		    m->list[i].end == wanted->end &&
		    m->list[i].type == wanted->type)
			return true;
	return false;
}

/* The text without its marks. */
static void
read_marked(const char *p, const char *end, struct buf *text, struct marks *m)
{
	size_t start = 0, type = 0;

	while (p < end) {
		size_t left = (size_t)(end - p);

		if (left >= 3 && memcmp(p, BEGIN, 3) == 0) {
			size_t n = strcspn(p + 3, ":");

			for (type = 0; type < N_TYPES; type++)
				if (strlen(scores[type].type) == n &&
				    memcmp(p + 3, scores[type].type, n) == 0)
					break;
			start = text->len;
			p += 3 + n + 1;
		} else if (left >= 3 && memcmp(p, END, 3) == 0) {
			mark(m, start, text->len, type);
			p += 3;
		} else if (left >= 2 && memcmp(p, JOINT, 2) == 0) {
			p += 2;
		} else {
			(void)buf_append(text, p++, 1);
		}
	}
}

/* How long the text is where it stands, escaped so often as it is there. */
static size_t
length_at(const char *at, size_t left, const char *text, size_t n)
{
	struct buf level = BUF_INIT, above = BUF_INIT;
	size_t len = 0;

	(void)buf_append(&level, text, n);
	for (int i = 0; i < 3 && len == 0; i++) {
		if (level.len <= left &&
		    memcmp(at, buf_data(&level), level.len) == 0)
			len = level.len;
		(void)json_put_escaped(
		    &above, (char *)buf_data(&level), level.len);
		buf_free(&level);
		level = above;
		above = (struct buf)BUF_INIT;
	}
	buf_free(&level);
	assert_true(len > 0);
	return len;
}

static size_t
type_of(const char *placeholder)
{
	size_t i = 0;

	while (i < N_TYPES && strncmp(placeholder, scores[i].label,
				  strlen(scores[i].label)) != 0)
		i++;
	return i;
}

/* Where the text had what the redacted one has placeholders for. */
static void
compare(const struct buf *text, const char *redacted, size_t n,
    const struct privacy_map *map, struct marks *m)
{
	const char *from = (char *)buf_data(text);
	size_t at = 0, i = 0, len, found_len;
	const char *found;

	while (i < n) {
		/* A number becomes a string. */
		size_t quote = redacted[i] == '"' && from[at] != '"';

		if (privacy_map_match(map, redacted + i + quote, n - i - quote,
			&len, &found, &found_len) != PRIVACY_WHOLE) {
			assert_int_equal(redacted[i], from[at]);
			i++;
			at++;
			continue;
		}
		size_t there =
		    length_at(from + at, text->len - at, found, found_len);

		mark(m, at, at + there, type_of(redacted + i + quote));
		at += there;
		i += len + 2 * quote;
	}
	assert_int_equal(at, text->len);
}

/* As a user's message. */
static void
find(const struct privacy_matcher *matcher, const struct buf *text,
    struct marks *m)
{
	static const uint8_t key[PRIVACY_KEY_LEN];
	struct privacy_result r = { 0 };
	struct buf body = BUF_INIT;
	struct json_span top, messages, message, content;
	struct json_iter it;
	struct error e;

	(void)buf_puts(&body, "{\"messages\":[{\"role\":\"user\",\"content\":");
	(void)json_put_string(&body, (char *)buf_data(text), text->len);
	(void)buf_puts(&body, "}]}");
	assert_int_equal(privacy_apply(matcher, (char *)buf_data(&body),
			     body.len, key, &r, &e),
	    0);
	if (r.is_changed) {
		assert_int_equal(
		    json_parse((char *)buf_data(&r.body), r.body.len, &top, &e),
		    0);
		(void)json_find(&top, "messages", &messages);
		it = json_iter(&messages);
		assert_true(json_next(&it, NULL, &message));
		(void)json_find(&message, "content", &content);
		autofree char *redacted = xmalloc(content.n);

		compare(text, redacted, json_unescape(&content, redacted),
		    r.map, m);
	}
	buf_free(&body);
	privacy_result_clear(&r);
}

static void
tell(const char *what, const char *where, size_t n, const struct buf *text,
    const struct mark *m)
{
	print_message("%s %s in '%.*s': %.*s\n", what, scores[m->type].type,
	    (int)n, where, (int)(m->end - m->start),
	    (char *)buf_data(text) + m->start);
}

/* One text, behind its title. */
static void
measure(const struct privacy_matcher *matcher, const char *p, const char *end)
{
	struct buf text = BUF_INIT;
	struct marks wanted = { .n = 0 }, found = { .n = 0 };
	size_t title = strcspn(p, "\n");

	read_marked(p + title + 1, end, &text, &wanted);
	find(matcher, &text, &found);
	for (size_t i = 0; i < found.n; i++) {
		bool is_right = has(&wanted, &found.list[i]);

		scores[found.list[i].type].right += is_right;
		scores[found.list[i].type].wrong += !is_right;
		if (!is_right)
			tell("wrong", p, title, &text, &found.list[i]);
	}
	for (size_t i = 0; i < wanted.n; i++)
		if (!has(&found, &wanted.list[i])) {
			scores[wanted.list[i].type].missed++;
			tell("missed", p, title, &text, &wanted.list[i]);
		}
	buf_free(&text);
}

static char *
read_file(const char *name)
{
	autofree char *path = xasprintf("tests/privacy/corpus/%s.txt", name);
	FILE *f = fopen(path, "re");
	struct buf b = BUF_INIT;
	size_t n;

	if (f == NULL)
		fail_msg("cannot open '%s'", path);
	while ((n = fread(buf_room(&b, 65536), 1, 65536, f)) > 0)
		buf_grew(&b, n);
	(void)fclose(f);
	return buf_take_str(&b);
}

static unsigned
measure_file(const struct privacy_matcher *m, const char *name)
{
	autofree char *all = read_file(name);
	unsigned n = 0;

	for (char *p = all, *next; p != NULL; p = next, n++) {
		assert_int_equal(strncmp(p, "--- ", 4), 0);
		next = strstr(p, "\n--- ");
		measure(m, p + 4, next != NULL ? next : p + strlen(p));
		next = next != NULL ? next + 1 : NULL;
	}
	return n;
}

static struct privacy_matcher *
compile(void)
{
	_cleanup_(privacy_freep) struct privacy *p = NULL;
	struct privacy_matcher *m = NULL;
	struct buf config = BUF_INIT;
	struct error e;

	(void)buf_puts(&config, "detectors:\n");
	for (size_t i = 0; i < N_TYPES; i++)
		(void)buf_printf(&config,
		    "- { type: %s, action: redact, restore: true }\n",
		    scores[i].type);
	assert_int_equal(
	    privacy_parse(buf_str(&config), config.len, &p, &e), 0);
	assert_int_equal(privacy_compile(p, &m, &e), 0);
	buf_free(&config);
	return m;
}

static double
share(unsigned part, unsigned rest)
{
	return part + rest == 0 ? 1 : (double)part / (double)(part + rest);
}

static void
test_real_texts_lose_what_is_sensitive_and_nothing_else(void **state)
{
	_cleanup_(privacy_matcher_freep) struct privacy_matcher *m = compile();
	struct score *total = &scores[N_TYPES];
	unsigned n = 0;
	bool is_good = true;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		n += measure_file(m, files[i]);
	for (size_t i = 0; i < N_TYPES; i++) {
		total->right += scores[i].right;
		total->wrong += scores[i].wrong;
		total->missed += scores[i].missed;
	}
	print_message("%u texts\n", n);
	for (const struct score *s = scores; s <= total; s++) {
		double precision = share(s->right, s->wrong);
		double recall = share(s->right, s->missed);

		print_message("%-12s %3u right, %u wrong, %u missed: "
			      "precision %.3f, recall %.3f\n",
		    s->type, s->right, s->wrong, s->missed, precision, recall);
		is_good =
		    is_good && precision >= s->precision && recall >= s->recall;
	}
	assert_true(n >= 200 && is_good);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_real_texts_lose_what_is_sensitive_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
