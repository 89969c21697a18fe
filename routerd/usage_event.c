/* SPDX-License-Identifier: Apache-2.0 */
/* usage_event.c - see usage_event.h. */
#include <string.h>

#include "common/json/scan.h"
#include "routerd/usage_event.h"

/* Counts, and no choice: OpenAI's last chunk with include_usage. */
static bool
is_count(const char *text, size_t n)
{
	struct json_span top, usage, choices;
	struct json_iter it;
	struct error e;

	if (json_parse(text, n, &top, &e) < 0 ||
	    json_find(&top, "usage", &usage) != 1 ||
	    usage.type != JSON_OBJECT ||
	    json_find(&top, "choices", &choices) != 1 ||
	    choices.type != JSON_ARRAY)
		return false;
	it = json_iter(&choices);
	return !json_next(&it, NULL, &usage);
}

/* One event, with the empty line that ends it. */
static bool
is_usage(const char *event, size_t n)
{
	static const char data[] = "data:";
	const char *end = event + n, *newline;

	if (memmem(event, n, "\"usage\"", 7) == NULL)
		return false;
	for (; event < end; event = newline + 1) {
		newline = memchr(event, '\n', (size_t)(end - event));
		if (newline == NULL)
			return false;
		/* The first line of data, be it empty: it has but one. */
		if ((size_t)(newline - event) >= sizeof(data) - 1 &&
		    memcmp(event, data, sizeof(data) - 1) == 0)
			return is_count(event + sizeof(data) - 1,
			    (size_t)(newline - event) - (sizeof(data) - 1));
	}
	return false;
}

/* How long the first event is; 0: it isn't whole. */
static size_t
event_length(const char *p, size_t n)
{
	const char *line = p, *end = p + n, *newline;

	for (; line < end; line = newline + 1) {
		newline = memchr(line, '\n', (size_t)(end - line));
		if (newline == NULL)
			return 0;
		if (newline == line || (newline == line + 1 && line[0] == '\r'))
			return (size_t)(newline + 1 - p);
	}
	return 0;
}

/* What is whole goes on, or not; returns how much that was. */
static size_t
filter(struct usage_filter *f, const char *p, size_t n, struct buf *out)
{
	size_t at = 0, length;

	while ((length = event_length(p + at, n - at)) > 0) {
		if (f->passes || !is_usage(p + at, length))
			(void)buf_append(out, p + at, length);
		f->passes = false;
		at += length;
	}
	if (n - at > USAGE_EVENT_MAX)
		f->passes = true;
	if (!f->passes)
		return at;
	/* The last line stays, to see whether an empty one follows. */
	length = n - at;
	while (length > 0 && p[at + length - 1] != '\n')
		length--;
	if (n - at - length > USAGE_EVENT_MAX)
		length = n - at;
	(void)buf_append(out, p + at, length);
	return at + length;
}

void
usage_filter_feed(
    struct usage_filter *f, const void *data, size_t n, struct buf *out)
{
	size_t used;

	/* Most events come whole, and aren't copied twice. */
	if (f->held.len == 0) {
		used = filter(f, data, n, out);
		(void)buf_append(&f->held, (const char *)data + used, n - used);
		return;
	}
	(void)buf_append(&f->held, data, n);
	used = filter(f, (const char *)buf_data(&f->held), f->held.len, out);
	buf_consume(&f->held, used);
}

void
usage_filter_end(struct usage_filter *f, struct buf *out)
{
	if (f->held.len > 0)
		(void)buf_append(out, buf_data(&f->held), f->held.len);
	buf_consume(&f->held, f->held.len);
}

void
usage_filter_clear(struct usage_filter *f)
{
	buf_free(&f->held);
}
