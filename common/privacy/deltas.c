/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deltas.c - see deltas.h.
 *
 * A text's key is made of what the protocols number: the event's type without
 * its last word, the indexes at the event's top, those of the arrays on the
 * path, and the path.
 *
 *	content_block/.../1/#8          response.output_text/2/0/.../#10
 *	//.../0/#0                      //.../0/3/#4
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/privacy/deltas.h"
#include "common/xalloc.h"

#define TYPE_MAX_LEN 64 /* no protocol has a longer one */

/* Where pieces of texts are, and what says that texts end if it isn't null. */
static const struct row {
	const char *path;
	bool is_end;
} rows[] = {
	{ "choices[].delta.content" },
	{ "choices[].delta.refusal" },
	{ "choices[].delta.reasoning" },
	{ "choices[].delta.reasoning_content" },
	{ "choices[].delta.tool_calls[].function.arguments" },
	{ "choices[].delta.function_call.arguments" },
	{ "choices[].text" },
	{ "choices[].finish_reason", true },
	{ "delta.text" },
	{ "delta.partial_json" },
	{ "delta.thinking" },
	{ "delta" },
	{ "candidates[].content.parts[].text" },
	{ "candidates[].finishReason", true },
};

/* The events with which an answer ends. */
static const char *const last_types[] = { "message_delta", "message_stop",
	"response.completed", "response.incomplete", "response.failed",
	"error" };

static const char *const indexes[] = { "output_index", "content_index",
	"summary_index", "index" };

struct key {
	char text[DELTA_KEY_MAX];
	size_t n;
};

void
deltas_clear(struct deltas *d)
{
	free(d->list);
	free(d->ends);
	*d = (struct deltas){ 0 };
}

static void
key_put(struct key *k, const char *text, size_t n)
{
	k->n += (size_t)snprintf(
	    k->text + k->n, sizeof(k->text) - k->n, "%.*s/", (int)n, text);
}

static void
key_put_index(struct key *k, long long index)
{
	char text[24];

	key_put(k, text, (size_t)snprintf(text, sizeof(text), "%lld", index));
}

static int
too_many(struct error *e)
{
	return error_set(e, ERR_LIMIT,
	    "an event of the answer has more than %d pieces of text",
	    DELTAS_MAX);
}

static int
add(struct deltas *d, const struct key *k, const struct json_span *text,
    struct error *e)
{
	struct delta *one;

	if (d->n == DELTAS_MAX)
		return too_many(e);
	if (d->n == d->cap) {
		d->cap = d->cap > 0 ? 2 * d->cap : 4;
		d->list = xreallocarray(d->list, d->cap, sizeof(*d->list));
	}
	one = &d->list[d->n++];
	one->text = *text;
	memcpy(one->key, k->text, sizeof(one->key));
	return 0;
}

static int
add_end(struct deltas *d, const struct key *k, struct error *e)
{
	if (d->n_ends == DELTAS_MAX)
		return too_many(e);
	if (d->n_ends == d->ends_cap) {
		d->ends_cap = d->ends_cap > 0 ? 2 * d->ends_cap : 4;
		d->ends = xreallocarray(d->ends, d->ends_cap, sizeof(*d->ends));
	}
	memcpy(d->ends[d->n_ends++], k->text, sizeof(k->text));
	return 0;
}

static int
arrive(struct deltas *d, const struct row *row, const struct json_span *v,
    struct key k, struct error *e)
{
	if (row->is_end)
		return v->type != JSON_NULL ? add_end(d, &k, e) : 0;
	if (v->type != JSON_STRING)
		return 0;
	key_put_index(&k, row - rows);
	return add(d, &k, v, e);
}

static int walk(struct deltas *, const struct row *, const char *path,
    const struct json_span *, struct key, struct error *);

static int
walk_array(struct deltas *d, const struct row *row, const char *path,
    const struct json_span *v, struct key k, struct error *e)
{
	struct json_iter it = json_iter(v);
	struct json_span element, index;

	if (v->type != JSON_ARRAY)
		return 0;
	for (long long i = 0; json_next(&it, NULL, &element); i++) {
		struct key inside = k;
		long long n = i;

		/* Be they empty: each row looks into each of them. */
		if (d->n_elements++ == DELTAS_MAX)
			return too_many(e);
		if (json_find(&element, "index", &index) > 0 &&
		    json_count(&index) >= 0)
			n = json_count(&index);
		key_put_index(&inside, n);
		if (walk(d, row, path, &element, inside, e) < 0)
			return -1;
	}
	return 0;
}

/* path: what is left of the row's. */
static int
walk(struct deltas *d, const struct row *row, const char *path,
    const struct json_span *v, struct key k, struct error *e)
{
	struct json_span member;
	char name[32];
	size_t n;

	if (*path == '\0')
		return arrive(d, row, v, k, e);
	if (*path == '[')
		return walk_array(d, row, path + 2, v, k, e);
	path += *path == '.';
	n = strcspn(path, ".[");
	(void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
	if (json_find(v, name, &member) == 0)
		return 0;
	return walk(d, row, path + n, &member, k, e);
}

/* Without "delta", "done", "stop", which *word is then. */
static size_t
stem_of(const char *type, size_t n, const char **word)
{
	static const char *const words[] = { "delta", "done", "stop" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t m = strlen(words[i]);

		if (n > m && memcmp(type + n - m, words[i], m) == 0 &&
		    strchr("._", type[n - m - 1]) != NULL) {
			*word = words[i];
			return n - m - 1;
		}
	}
	*word = "";
	return n;
}

/* What all keys of the event begin with.  False: it is of no known type. */
static bool
begin_key(const struct json_span *top, struct key *k, struct deltas *d,
    struct error *e)
{
	struct json_span type, index;
	char text[TYPE_MAX_LEN] = "";
	const char *word = "";
	size_t n = 0;

	if (json_find(top, "type", &type) > 0) {
		if (type.type != JSON_STRING || type.n - 2 > TYPE_MAX_LEN)
			return false;
		n = json_unescape(&type, text);
	}
	for (size_t i = 0; i < sizeof(last_types) / sizeof(last_types[0]); i++)
		if (strlen(last_types[i]) == n &&
		    memcmp(text, last_types[i], n) == 0)
			(void)add_end(d, &(struct key){ 0 }, e);
	key_put(k, text, stem_of(text, n, &word));
	for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++)
		key_put_index(k, json_find(top, indexes[i], &index) > 0
				     ? json_count(&index)
				     : -1);
	if (*word != '\0' && strcmp(word, "delta") != 0)
		(void)add_end(d, k, e);
	return true;
}

static int
compare(const void *a, const void *b)
{
	const struct delta *x = a, *y = b;

	return x->text.p < y->text.p ? -1 : x->text.p > y->text.p;
}

int
deltas_find(struct deltas *d, const struct json_span *top, struct error *e)
{
	struct key k = { .n = 0 };

	d->n = d->n_ends = 0;
	if (top->type != JSON_OBJECT || !begin_key(top, &k, d, e))
		return 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		d->n_elements = 0;
		if (walk(d, &rows[i], rows[i].path, top, k, e) < 0)
			return -1;
	}
	if (d->n > 1)
		qsort(d->list, d->n, sizeof(*d->list), compare);
	return 0;
}

bool
deltas_has_end(const struct deltas *d, const char *key)
{
	for (size_t i = 0; i < d->n_ends; i++)
		if (strncmp(key, d->ends[i], strlen(d->ends[i])) == 0)
			return true;
	return false;
}
