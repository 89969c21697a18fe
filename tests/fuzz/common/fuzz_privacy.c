/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request becomes is JSON, has nothing left of what is sensitive
 * wherever it stands, and means the request again once its texts are put back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json/scan.h"
#include "common/privacy/model.h"
#include "common/privacy/restore.h"
#include "common/xalloc.h"

static const uint8_t key[PRIVACY_KEY_LEN] = "a key of the sandbox's own";

/* What else is near doesn't matter to these. */
#define STRICT                                                                 \
	"detectors:\n"                                                         \
	"  - { type: payment-card, action: redact, restore: true }\n"          \
	"  - { type: iban, action: redact, restore: true }\n"                  \
	"  - { type: pattern, name: angle, action: redact, restore: true,\n"   \
	"      regex: '<[^>\\[\\]]{1,20}>' }\n"                                \
	"  - { type: literal, name: word, action: redact, restore: true,\n"    \
	"      words: [ab, \"q\\\"\", \"\\u00e9\"] }\n"

static const char strict[] = STRICT;
static const char all[] =
    STRICT "  - { type: credential, action: redact, restore: true }\n"
	   "  - { type: private-key, action: redact, restore: true }\n"
	   "  - { type: email, action: redact, restore: true }\n"
	   "  - { type: phone, action: redact, restore: true }\n"
	   "  - { type: national-id, action: redact, restore: true }\n";

static struct privacy_matcher *
compile(const char *config)
{
	struct privacy_matcher *m = NULL;
	struct privacy *p = NULL;
	struct error e;

	if (privacy_parse(config, strlen(config), &p, &e) < 0 ||
	    privacy_compile(p, &m, &e) < 0)
		abort();
	privacy_free(p);
	return m;
}

static bool is_same(const struct json_span *, const struct json_span *);

/* Texts, or JSON in them.  What begins like JSON and isn't may come back with
 * other escapes: see nest.h. */
static bool
is_same_text(const char *a, size_t n, const char *b, size_t m)
{
	struct json_span x, y;
	struct error e;
	size_t i = 0;

	if (n == m && memcmp(a, b, n) == 0)
		return true;
	while (i < n && strchr(" \t\r\n\xef\xbb\xbf", a[i]) != NULL)
		i++;
	if (i == n || (a[i] != '{' && a[i] != '['))
		return false;
	if (json_parse(a, n, &x, &e) < 0)
		return true;
	return json_parse(b, m, &y, &e) == 0 && is_same(&x, &y);
}

static bool
is_same_string(const struct json_span *a, const struct json_span *b)
{
	autofree char *x = xmalloc(a->n), *y = xmalloc(b->n);
	size_t n = json_unescape(a, x), m = json_unescape(b, y);

	return is_same_text(x, n, y, m);
}

static bool
is_same(const struct json_span *a, const struct json_span *b)
{
	struct json_iter x = json_iter(a), y = json_iter(b);
	struct json_span key_a, key_b, value_a, value_b;

	if (a->type == JSON_STRING)
		return b->type == JSON_STRING && is_same_string(a, b);
	/* A number that was redacted is a string. */
	if (a->type == JSON_NUMBER && b->type == JSON_STRING)
		return b->n == a->n + 2 && memcmp(b->p + 1, a->p, a->n) == 0;
	if (a->type != b->type)
		return false;
	if (a->type != JSON_OBJECT && a->type != JSON_ARRAY)
		return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
	while (json_next(&x, &key_a, &value_a))
		if (!json_next(&y, &key_b, &value_b) ||
		    (x.is_object && !is_same_string(&key_a, &key_b)) ||
		    !is_same(&value_a, &value_b))
			return false;
	return !json_next(&y, NULL, &value_b);
}

/* False: more is put back than may be. */
static bool
restore(const struct privacy_map *map, const char *p, size_t n, struct buf *out)
{
	struct privacy_restore *r = privacy_restore_new(map, false);
	struct error e;
	bool is_whole = privacy_restore_feed(r, p, n, out, &e) == 0 &&
			privacy_restore_end(r, out, &e) == 0;

	privacy_restore_free(r);
	return is_whole;
}

/* Does the request itself have what is one of its placeholders? */
static bool
has_placeholder(const struct privacy_map *map, const char *text, size_t n)
{
	struct buf out = BUF_INIT;
	bool is_changed = !restore(map, text, n, &out) || out.len != n ||
			  memcmp(buf_data(&out), text, n) != 0;

	buf_free(&out);
	return is_changed;
}

static void
check_restored(const struct privacy_result *r, const struct json_span *before)
{
	struct buf out = BUF_INIT;
	struct json_span after;
	struct error e;

	if (!has_placeholder(r->map, before->p, before->n) &&
	    restore(r->map, (char *)buf_data(&r->body), r->body.len, &out) &&
	    (json_parse((char *)buf_data(&out), out.len, &after, &e) < 0 ||
		!is_same(before, &after)))
		abort();
	buf_free(&out);
}

static void
check_again(const struct privacy_matcher *m, const struct privacy_result *r)
{
	struct privacy_result again = { 0 };
	struct json_span top;
	struct error e;

	if (json_parse((char *)buf_data(&r->body), r->body.len, &top, &e) < 0)
		abort();
	if (privacy_apply(m, (char *)buf_data(&r->body), r->body.len, key,
		&again, &e) == 0 &&
	    again.is_changed)
		abort();
	privacy_result_clear(&again);
}

/* A string with a control byte is no JSON.  Without it, it may become JSON, and
 * backslashes in it escapes. */
static bool
has_backslashes(const char *text, size_t n)
{
	return memmem(text, n, "\\\\", 2) != NULL ||
	       memmem(text, n, "\\u005c", 6) != NULL ||
	       memmem(text, n, "\\u005C", 6) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct privacy_matcher *of_strict, *of_all;
	/* Exactly its bytes, so that a read beyond them is seen. */
	autofree char *text = xmemdup(data, size > 0 ? size : 1);
	struct privacy_result r = { 0 };
	struct json_span top;
	struct error e;

	if (of_all == NULL) {
		of_strict = compile(strict);
		of_all = compile(all);
	}
	if (privacy_check(of_all, text, size, &r, &e) == 0)
		privacy_result_clear(&r);
	if (privacy_apply(of_all, text, size, key, &r, &e) < 0)
		return 0;
	if (r.is_changed) {
		if (!has_backslashes(text, size))
			check_again(of_strict, &r);
		if (json_parse(text, size, &top, &e) < 0)
			abort();
		/* Nobody answers with a bare string: it is text then. */
		if (top.type == JSON_OBJECT || top.type == JSON_ARRAY)
			check_restored(&r, &top);
	}
	privacy_result_clear(&r);
	return 0;
}
