/* SPDX-License-Identifier: Apache-2.0 */
/* event.c - see event.h. */
#include <string.h>

#include "common/privacy/event.h"
#include "common/privacy/restore.h"

static const char bom[] = "\xef\xbb\xbf";
#define BOM_LEN (sizeof(bom) - 1)

void
event_reader_clear(struct event_reader *r)
{
	buf_free(&r->raw);
	*r = (struct event_reader){ 0 };
}

static bool
is_end(char c)
{
	return c == '\r' || c == '\n';
}

/* Bytes before the next line end, at most n. */
static size_t
line_length(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && !is_end(p[i]))
		i++;
	return i;
}

static int
pass(struct event_reader *r, struct buf *out, struct error *e)
{
	if (buf_append(out, buf_data(&r->raw), r->raw.len) < 0)
		return error_set(e, ERR_LIMIT, "the answer is too long");
	buf_consume(&r->raw, r->raw.len);
	r->line = 0;
	return 0;
}

/* A mark is no part of the first line. */
static int
skip_mark(struct event_reader *r, struct buf *out, struct error *e)
{
	size_t n = r->raw.len < BOM_LEN ? r->raw.len : BOM_LEN;

	if (r->is_begun)
		return 0;
	if (memcmp(buf_data(&r->raw), bom, n) == 0 && n < BOM_LEN)
		return 0;
	r->is_begun = true;
	if (memcmp(buf_data(&r->raw), bom, n) != 0)
		return 0;
	return pass(r, out, e);
}

/* A line has ended with c.  An empty one ends the event, and alone it is none;
 * nor is a comment. */
static int
end_line(struct event_reader *r, char c, bool *is_whole, struct buf *out,
    struct error *e)
{
	const char *line = (char *)buf_data(&r->raw) + r->line;
	size_t n = r->raw.len - r->line - 1;

	r->after_cr = c == '\r';
	if (r->line == 0 && (n == 0 || *line == ':'))
		return pass(r, out, e);
	*is_whole = n == 0;
	r->line = *is_whole ? 0 : r->raw.len;
	return 0;
}

/* The second byte of a line's end. */
static int
take_feed(struct event_reader *r, struct buf *out, struct error *e)
{
	(void)buf_append(&r->raw, "\n", 1);
	if (r->raw.len == 1)
		return pass(r, out, e);
	r->line = r->raw.len;
	return 0;
}

/* A line or the beginning of one, at most to behind its end. */
static ssize_t
take(struct event_reader *r, const char *p, size_t n, bool *is_whole,
    struct buf *out, struct error *e)
{
	size_t len;
	bool after_cr = r->after_cr;

	r->after_cr = false;
	if (after_cr && *p == '\n')
		return take_feed(r, out, e) < 0 ? -1 : 1;
	/* Byte by byte as long as a mark may come. */
	len = r->is_begun ? line_length(p, n) : 0;
	len += len < n;
	if (r->raw.len + len > PRIVACY_EVENT_MAX)
		return error_set(e, ERR_LIMIT,
		    "an event of the answer is longer than %u bytes",
		    PRIVACY_EVENT_MAX);
	(void)buf_append(&r->raw, p, len);
	if (skip_mark(r, out, e) < 0)
		return -1;
	if (is_end(p[len - 1]) && end_line(r, p[len - 1], is_whole, out, e) < 0)
		return -1;
	return (ssize_t)len;
}

ssize_t
event_read(struct event_reader *r, const char *p, size_t n, bool *is_whole,
    struct buf *out, struct error *e)
{
	size_t used = 0;

	*is_whole = false;
	while (used < n && !*is_whole) {
		ssize_t taken = take(r, p + used, n - used, is_whole, out, e);

		if (taken < 0)
			return -1;
		used += (size_t)taken;
	}
	return (ssize_t)used;
}

/* A line, its value if it is one of data, and its end. */
struct line {
	const char *p;
	size_t n; /* without its end */
	size_t end;
	bool is_data;
	size_t value;
};

static struct line
read_line(const char *p, size_t n)
{
	struct line l = { .p = p, .n = line_length(p, n) };

	if (l.n < n)
		l.end =
		    1 + (l.n + 1 < n && p[l.n] == '\r' && p[l.n + 1] == '\n');
	l.is_data =
	    l.n >= 4 && memcmp(p, "data", 4) == 0 && (l.n == 4 || p[4] == ':');
	l.value = l.n;
	if (l.n >= 5)
		l.value = l.n > 5 && p[5] == ' ' ? 6 : 5;
	return l;
}

void
event_data(const char *raw, size_t n, struct buf *ret)
{
	bool is_there = false;

	for (size_t at = 0; at < n;) {
		struct line l = read_line(raw + at, n - at);

		if (l.is_data) {
			if (is_there)
				(void)buf_puts(ret, "\n");
			(void)buf_append(ret, l.p + l.value, l.n - l.value);
			is_there = true;
		}
		at += l.n + l.end;
	}
}

/* Each line of the data in one of its own, all like the first. */
static int
write_data(
    const struct line *first, const char *data, size_t n, struct buf *out)
{
	const char *end = first->end > 0 ? first->p + first->n : "\n";
	size_t at = 0, len;

	for (;;) {
		bool has_colon = first->n > 4;

		len = line_length(data + at, n - at);
		if (buf_append(out, first->p, first->value) < 0 ||
		    buf_append(out, ":", !has_colon) < 0 ||
		    buf_append(out, data + at, len) < 0)
			return -1;
		at += len;
		if (at == n)
			return buf_append(out, first->p + first->n, first->end);
		at += 1 +
		      (at + 1 < n && data[at] == '\r' && data[at + 1] == '\n');
		if (buf_append(out, end, first->end > 0 ? first->end : 1) < 0)
			return -1;
	}
}

int
event_write(const char *raw, size_t n, const char *data, size_t data_len,
    struct buf *out)
{
	bool is_written = false;

	for (size_t at = 0; at < n;) {
		struct line l = read_line(raw + at, n - at);
		int r = 0;

		if (!l.is_data)
			r = buf_append(out, l.p, l.n + l.end);
		else if (!is_written)
			r = write_data(&l, data, data_len, out);
		if (r < 0)
			return -1;
		is_written = is_written || l.is_data;
		at += l.n + l.end;
	}
	return 0;
}
