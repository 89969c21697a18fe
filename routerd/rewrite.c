/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite.c - see rewrite.h. */
#include <string.h>

#include "common/buf.h"
#include "routerd/rewrite.h"

#define EDITS_MAX 8

static void
put_value(struct buf *b, const struct edit *edit)
{
	if (edit->value != NULL)
		(void)json_put_string(b, edit->value, strlen(edit->value));
	else
		(void)buf_puts(b, edit->raw);
}

static bool
goes(const struct edit *edit)
{
	return edit->value == NULL && edit->raw == NULL;
}

static const struct edit *
find(const struct json_span *key, const struct edit *edits, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (json_is(key, edits[i].name))
			return &edits[i];
	return NULL;
}

/* What there is: which edits' members, and does any member stay? */
static int
look(const struct json_span *top, const struct edit *edits, size_t n,
    unsigned *ret_seen, bool *ret_stays, struct error *e)
{
	struct json_iter it = json_iter(top);
	struct json_span key, value;

	*ret_seen = 0;
	*ret_stays = false;
	while (json_next(&it, &key, &value)) {
		const struct edit *edit = find(&key, edits, n);
		unsigned bit = edit != NULL ? 1u << (edit - edits) : 0;

		if ((*ret_seen & bit) != 0)
			return error_set(
			    e, ERR_INVALID, "'%s' is there twice", edit->name);
		*ret_seen |= bit;
		*ret_stays = *ret_stays || edit == NULL || !goes(edit);
	}
	return 0;
}

/* The members that weren't there, and a comma if others follow. */
static void
put_new(struct buf *b, const struct edit *edits, size_t n, unsigned seen,
    bool others)
{
	const char *separator = "";

	for (size_t i = 0; i < n; i++) {
		if ((seen & 1u << i) != 0 || goes(&edits[i]))
			continue;
		(void)buf_puts(b, separator);
		(void)json_put_string(b, edits[i].name, strlen(edits[i].name));
		(void)buf_puts(b, ":");
		put_value(b, &edits[i]);
		separator = ",";
	}
	if (others)
		(void)buf_puts(b, separator);
}

int
rewrite(const struct json_span *top, const struct edit *edits, size_t n,
    struct buf *ret, struct error *e)
{
	struct json_iter it = json_iter(top);
	struct json_span key, value;
	const char *from = top->p + 1; /* what isn't copied yet */
	const char *last = from;       /* behind the last that stays */
	const char *gone = NULL;       /* the first of those that go here */
	bool stays;
	unsigned seen;

	if (top->type != JSON_OBJECT || n > EDITS_MAX)
		return error_set(e, ERR_INVALID, "the body is no JSON object");
	if (look(top, edits, n, &seen, &stays, e) < 0)
		return -1;
	(void)buf_puts(ret, "{");
	put_new(ret, edits, n, seen, stays);
	while (json_next(&it, &key, &value)) {
		const struct edit *edit = find(&key, edits, n);

		if (edit != NULL && goes(edit)) {
			gone = gone != NULL ? gone : key.p;
			continue;
		}
		/* What led to the first that went leads to this one. */
		if (gone != NULL) {
			(void)buf_append(ret, from, (size_t)(gone - from));
			from = key.p;
			gone = NULL;
		}
		last = value.p + value.n;
		if (edit == NULL || edit->only_if_absent)
			continue;
		(void)buf_append(ret, from, (size_t)(value.p - from));
		put_value(ret, edit);
		from = last;
	}
	/* The last ones go with the comma before them. */
	if (gone != NULL) {
		(void)buf_append(ret, from, (size_t)(last - from));
		from = top->p + top->n - 1;
	}
	return buf_append(ret, from, (size_t)(top->p + top->n - from)) < 0
		   ? error_set(e, ERR_LIMIT, "the body is too large")
		   : 0;
}
