/* SPDX-License-Identifier: Apache-2.0 */
/* redact.c - see redact.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/percent.h"
#include "common/http/write.h"
#include "common/json/scan.h"
#include "common/xalloc.h"
#include "common/credential/injected.h"
#include "common/credential/redact.h"

#define SPELLINGS 7 /* of one secret */

struct pattern {
	char *text;
	size_t len;
};

struct redact {
	bool begins[256]; /* some pattern begins with that byte */
	struct pattern v[INJECTED_MAX * SPELLINGS];
	size_t n;
};

static void
add(struct redact *r, const char *text, size_t len)
{
	if (len < REDACT_LEN_MIN)
		return;
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].len == len && memcmp(r->v[i].text, text, len) == 0)
			return;
	r->v[r->n].text = xmemdup(text, len);
	r->v[r->n++].len = len;
	r->begins[(uint8_t)text[0]] = true;
}

static void
lower_escapes(struct buf *b)
{
	char *p = (char *)buf_data(b);

	for (size_t i = 1; i < b->len; i++)
		if ((p[i - 1] == '%' || (i > 1 && p[i - 2] == '%')) &&
		    p[i] >= 'A' && p[i] <= 'F')
			p[i] = (char)(p[i] | 0x20);
}

/* In both cases of the digits. */
static void
add_encoded(
    struct redact *r, const struct injected_secret *s, enum http_char literal)
{
	struct buf b = BUF_INIT;

	(void)http_percent_encode(&b, s->value, s->len, literal, '-');
	add(r, (const char *)buf_data(&b), b.len);
	lower_escapes(&b);
	add(r, (const char *)buf_data(&b), b.len);
	buf_wipe(&b);
}

static void
add_json(struct redact *r, const struct injected_secret *s)
{
	struct buf b = BUF_INIT, slashes = BUF_INIT;

	(void)json_put_escaped(&b, s->value, s->len);
	for (size_t i = 0; i < b.len; i++) {
		if (buf_data(&b)[i] == '/')
			(void)buf_append(&slashes, "\\", 1);
		(void)buf_append(&slashes, buf_data(&b) + i, 1);
	}
	add(r, (const char *)buf_data(&b), b.len);
	add(r, (const char *)buf_data(&slashes), slashes.len);
	buf_wipe(&b);
	buf_wipe(&slashes);
}

struct redact *
redact_new(const struct injected *in)
{
	struct redact *r = xcalloc(1, sizeof(*r));

	for (size_t i = 0; i < in->n; i++) {
		const struct injected_secret *s = &in->v[i];

		if (s->len < REDACT_LEN_MIN)
			continue;
		add(r, s->value, s->len);
		add_encoded(r, s, HTTP_CHAR_UNRESERVED);
		add_encoded(r, s, HTTP_CHAR_PATH);
		add_json(r, s);
	}
	return r;
}

void
redact_free(struct redact *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++) {
		explicit_bzero(r->v[i].text, r->v[i].len);
		free(r->v[i].text);
	}
	free(r);
}

/* The longest pattern at p; 0 if there is none.  *more: a longer one may be
 * there, but its end isn't here yet. */
static size_t
match(const struct redact *r, const char *p, size_t n, bool *more)
{
	size_t best = 0;

	*more = false;
	for (size_t i = 0; i < r->n; i++) {
		const struct pattern *pattern = &r->v[i];
		size_t have = pattern->len < n ? pattern->len : n;

		if (pattern->text[0] != p[0] ||
		    memcmp(pattern->text, p, have) != 0)
			continue;
		if (have < pattern->len)
			*more = true;
		else if (pattern->len > best)
			best = pattern->len;
	}
	return best;
}

/* Appends what is decided; returns how many bytes that was. */
static size_t
filter(const struct redact *r, const char *p, size_t n, bool is_end,
    struct buf *out)
{
	size_t at = 0, copied = 0;

	if (n == 0)
		return 0;
	while (at < n) {
		bool more;
		size_t found;

		if (!r->begins[(uint8_t)p[at]]) {
			at++;
			continue;
		}
		found = match(r, p + at, n - at, &more);
		if (more && !is_end)
			break;
		if (found == 0) {
			at++;
			continue;
		}
		(void)buf_append(out, p + copied, at - copied);
		(void)buf_puts(out, INJECTED_SHOWN);
		copied = at += found;
	}
	(void)buf_append(out, p + copied, at - copied);
	return at;
}

bool
redact_text(const struct redact *r, const void *p, size_t n, struct buf *out)
{
	size_t before = out->len;

	if (n == 0)
		return false;
	(void)filter(r, p, n, true, out);
	return out->len - before != n ||
	       memcmp(buf_data(out) + before, p, n) != 0;
}

static void
pass(const struct redact *r, struct redact_stream *s, bool is_end)
{
	buf_consume(&s->held, filter(r, (const char *)buf_data(&s->held),
				  s->held.len, is_end, &s->out));
}

void
redact_feed(
    const struct redact *r, struct redact_stream *s, const void *p, size_t n)
{
	size_t used;

	/* Mostly nothing is held, and nothing need be copied to be looked at.
	 */
	if (s->held.len == 0 && n > 0) {
		used = filter(r, p, n, false, &s->out);
		(void)buf_append(&s->held, (const char *)p + used, n - used);
		return;
	}
	(void)buf_append(&s->held, p, n);
	pass(r, s, false);
}

void
redact_end(const struct redact *r, struct redact_stream *s)
{
	pass(r, s, true);
}

void
redact_stream_clear(struct redact_stream *s)
{
	buf_wipe(&s->held);
	buf_wipe(&s->out);
}

int
redact_field(
    void *arg, const struct http_header *h, struct buf *value, struct error *e)
{
	const struct redact *r = arg;
	bool changed;

	(void)e;
	/* A name can't be cut: the field goes. */
	changed = redact_text(r, h->name.p, h->name.n, value);
	buf_consume(value, value->len);
	if (changed)
		return HTTP_DROP;
	changed = redact_text(r, h->value.p, h->value.n, value);
	return changed ? HTTP_REPLACED : HTTP_KEEP;
}
