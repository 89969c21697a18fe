/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refill.c - see refill.h.
 *
 * A placeholder has one '[', its first byte: what turns out to be none can't
 * have another one's beginning in it but in the byte that gave it away.
 */
#include <string.h>

#include "common/json/scan.h"
#include "common/privacy/refill.h"
#include "common/privacy/restore.h"

void
refill_init(struct refill *r, const struct privacy_map *map, size_t *left,
    bool in_string)
{
	*r = (struct refill){ .map = map, .left = left };
	nest_init(&r->nest, in_string);
}

void
refill_clear(struct refill *r)
{
	buf_free(&r->waiting);
	r->n = r->complete = 0;
}

static int
refuse(struct error *e)
{
	return error_set(e, ERR_LIMIT,
	    "more is put back into the answer than %u bytes",
	    PRIVACY_RESTORED_MAX);
}

/* The first bytes of what waits. */
static int
release(struct refill *r, size_t n, struct buf *out, struct error *e)
{
	if (buf_append(out, buf_data(&r->waiting), n) < 0)
		return refuse(e);
	buf_consume(&r->waiting, n);
	r->complete -= n < r->complete ? n : r->complete;
	r->n = 0;
	return 0;
}

/* Escaped as often as there are strings around it. */
static int
put_back(struct refill *r, const char *text, size_t n, unsigned depth,
    struct buf *out, struct error *e)
{
	struct buf level = BUF_INIT, above = BUF_INIT;
	int ret = 0;

	(void)buf_append(&level, text, n);
	for (; depth > 0 && level.len <= *r->left; depth--) {
		(void)json_put_escaped(
		    &above, (char *)buf_data(&level), level.len);
		buf_wipe(&level);
		level = above;
		above = (struct buf)BUF_INIT;
	}
	if (level.len > *r->left ||
	    buf_append(out, buf_data(&level), level.len) < 0)
		ret = refuse(e);
	else
		*r->left -= level.len;
	buf_wipe(&level);
	return ret;
}

/* A byte of the innermost text has come; what it is written in waits. */
static int
take(struct refill *r, char c, unsigned depth, struct buf *out, struct error *e)
{
	size_t len, text_len;
	const char *text;

	if (r->n > 0) {
		r->meant[r->n++] = c;
		switch (privacy_map_match(
		    r->map, r->meant, r->n, &len, &text, &text_len)) {
		case PRIVACY_PART:
			return 0;
		case PRIVACY_WHOLE:
			refill_clear(r);
			return put_back(r, text, text_len, depth, out, e);
		case PRIVACY_NO_MATCH:
			break;
		}
	}
	if (c != '[')
		return release(r, r->waiting.len, out, e);
	if (release(r, r->complete, out, e) < 0)
		return -1;
	r->meant[0] = '[';
	r->n = 1;
	return 0;
}

/* How many bytes surely are no part of a placeholder. */
static size_t
skip(const struct refill *r, const char *p, size_t n)
{
	size_t i = 0;

	if (r->waiting.len > 0 || !nest_is_text(&r->nest))
		return 0;
	while (i < n && (uint8_t)p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' &&
	       p[i] != '[')
		i++;
	return i;
}

int
refill_feed(
    struct refill *r, const char *p, size_t n, struct buf *out, struct error *e)
{
	const char *end = p + n;

	while (p < end) {
		size_t plain = skip(r, p, (size_t)(end - p));
		unsigned depth;
		int c;

		if (buf_append(out, p, plain) < 0)
			return refuse(e);
		p += plain;
		if (p == end)
			break;
		(void)buf_append(&r->waiting, p, 1);
		c = nest_step(&r->nest, *p++, &depth);
		if (c < 0)
			continue;
		if (take(r, (char)c, depth, out, e) < 0)
			return -1;
		r->complete = r->waiting.len;
	}
	return 0;
}

int
refill_end(struct refill *r, struct buf *out, struct error *e)
{
	return release(r, r->waiting.len, out, e);
}
