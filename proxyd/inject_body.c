/* SPDX-License-Identifier: Apache-2.0 */
/* inject_body.c - see inject_body.h. */
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/json/scan.h"
#include "common/utf8.h"
#include "proxyd/inject.h"
#include "proxyd/inject_body.h"
#include "common/http/media.h"

enum inject_body_kind
inject_body_kind(const struct http_head *head)
{
	struct http_slice type = media_type(head);

	if (!media_is_plain(head) || type.p == NULL)
		return INJECT_BODY_OPAQUE;
	if (media_is_json(type))
		return INJECT_BODY_JSON;
	if (http_slice_is_nocase(type, "application/x-www-form-urlencoded"))
		return INJECT_BODY_FORM;
	if (type.n > 5 && strncasecmp(type.p, "text/", 5) == 0)
		return INJECT_BODY_TEXT;
	return INJECT_BODY_OPAQUE;
}

static bool
is_utf8(const char *p, size_t n)
{
	const char *end = p + n;

	while (p < end) {
		char character[5] = "";
		size_t left = (size_t)(end - p), length;

		memcpy(character, p, left < 4 ? left : 4);
		length = utf8_length(character);
		if (length == 0)
			return false;
		p += length;
	}
	return true;
}

/* Behind the string that begins at p; the text is valid JSON. */
static const char *
end_of_string(const char *p)
{
	for (p++; *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p + 1;
}

static bool
is_name(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return p < end && *p == ':';
}

static void
put_string(struct inject *in, const char *p, const char *stop, const char *end,
    struct buf *to)
{
	_cleanup_(buf_wipe) struct buf plain = BUF_INIT, full = BUF_INIT;
	const struct json_span span = { p, (size_t)(stop - p), JSON_STRING };
	uint8_t *room = buf_room(&plain, span.n);

	buf_grew(&plain, json_unescape(&span, (char *)room));
	if (!marker_is_in(buf_data(&plain), plain.len)) {
		(void)buf_append(to, p, span.n);
		return;
	}
	if (is_name(stop, end))
		inject_fail(in, INJECT_MISPLACED, NULL, 0);
	inject_text(in, (const char *)buf_data(&plain), plain.len, &full);
	(void)json_put_string(to, buf_str(&full), full.len);
}

/* Of a text that was parsed: strings are where its quotes are. */
static void
inject_json(struct inject *in, const char *p, size_t n, struct buf *to)
{
	const char *end = p + n;

	while (p < end && in->result == INJECT_OK) {
		const char *quote = memchr(p, '"', (size_t)(end - p));
		const char *stop;

		(void)buf_append(
		    to, p, (size_t)((quote != NULL ? quote : end) - p));
		if (quote == NULL)
			return;
		stop = end_of_string(quote);
		put_string(in, quote, stop, end, to);
		p = stop;
	}
}

/* Is it what its type says, so that it can be changed? */
static bool
is_sound(enum inject_body_kind kind, const char *p, size_t n)
{
	struct json_span top;
	struct error e;

	if (kind == INJECT_BODY_JSON)
		return json_parse(p, n, &top, &e) == 0;
	return is_utf8(p, n);
}

void
inject_body(struct inject *in, enum inject_body_kind kind,
    const struct buf *from, struct buf *to)
{
	const char *p = (const char *)buf_data(from);

	if (from->len == 0)
		return;
	if (!is_sound(kind, p, from->len)) {
		if (marker_is_in(p, from->len))
			inject_fail(in, INJECT_MISPLACED, NULL, 0);
		(void)buf_append(to, p, from->len);
		return;
	}
	if (kind == INJECT_BODY_JSON)
		inject_json(in, p, from->len, to);
	else if (kind == INJECT_BODY_FORM)
		inject_query(in, (struct http_slice){ p, from->len }, to);
	else
		inject_text(in, p, from->len, to);
	/* What is left of one has no meaning to anybody. */
	if (marker_is_in(buf_data(to), to->len))
		inject_fail(in, INJECT_MISPLACED, NULL, 0);
}
