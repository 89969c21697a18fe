/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.c - typed heads become bytes.
 *
 * The fields of the head were checked when they were parsed; what others add
 * (edits, which may insert a secret that somebody pasted with a line end, and
 * extra fields) is checked here, so that no value can end its line.
 */
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/http/write.h"

struct writer {
	struct buf *b;
	bool full; /* the limit was met; reported once, at the end */
	http_edit_fn *edit;
	void *edit_arg;
	struct error *e;
};

static void
put(struct writer *w, const char *p, size_t n)
{
	if (n > 0 && buf_append(w->b, p, n) < 0)
		w->full = true;
}

static void
puts_(struct writer *w, const char *text)
{
	put(w, text, strlen(text));
}

static void
put_number(struct writer *w, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
	} while (n /= 10);
	put(w, digits + at, sizeof(digits) - at);
}

static void
put_field(struct writer *w, struct http_slice name, struct http_slice value)
{
	put(w, name.p, name.n);
	put(w, ": ", 2);
	put(w, value.p, value.n);
	put(w, "\r\n", 2);
}

static int
put_edited(struct writer *w, const struct http_header *h)
{
	_cleanup_(buf_free) struct buf value = BUF_INIT;
	struct http_slice out;
	int r;

	value.limit = HTTP_HEAD_MAX;
	r = w->edit(w->edit_arg, h, &value, w->e);
	if (r < 0)
		return -1;
	if (r == HTTP_KEEP)
		put_field(w, h->name, h->value);
	if (r != HTTP_REPLACED)
		return 0;
	out = (struct http_slice){ (const char *)buf_data(&value), value.len };
	if (!http_is_field_value(out))
		return error_set(w->e, ERR_INVALID,
		    "the new value of '%.*s' has a control byte",
		    (int)h->name.n, h->name.p);
	put_field(w, h->name, out);
	return 0;
}

/* End-to-end fields but those of `ours`, which are written anew or not. */
static int
put_end_to_end(struct writer *w, const struct http_head *head,
    const bool ours[HTTP_FIELD_MAX_])
{
	for (size_t i = 0; i < head->n_headers; i++) {
		const struct http_header *h = &head->headers[i];

		if (h->hop || ours[h->field])
			continue;
		if (!w->edit)
			put_field(w, h->name, h->value);
		else if (put_edited(w, h) < 0)
			return -1;
	}
	return 0;
}

static int
put_extra(struct writer *w, const struct http_extra *extra)
{
	for (; extra && extra->name; extra++) {
		struct http_slice name = { extra->name, strlen(extra->name) };
		struct http_slice value = { extra->value,
			strlen(extra->value) };

		if (!http_is_token(name) || !http_is_field_value(value))
			return error_set(w->e, ERR_INVALID,
			    "a field that was to be added can't be written");
		put_field(w, name, value);
	}
	return 0;
}

static void
put_framing(struct writer *w, enum http_framing framing, uint64_t length)
{
	if (framing == HTTP_CHUNKED) {
		puts_(w, "Transfer-Encoding: chunked\r\n");
	} else if (framing == HTTP_LENGTH) {
		puts_(w, "Content-Length: ");
		put_number(w, length);
		puts_(w, "\r\n");
	}
}

static void
put_connection(struct writer *w, bool websocket, bool close)
{
	if (websocket)
		puts_(w, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
	else if (close)
		puts_(w, "Connection: close\r\n");
}

static int
finish(struct writer *w)
{
	puts_(w, "\r\n");
	return w->full ? error_set(w->e, ERR_LIMIT, "the head is too large")
		       : 0;
}

int
http_write_request(struct buf *b, const struct http_head *head,
    const struct http_request_out *out, struct error *e)
{
	struct writer w = { b, false, out->edit, out->edit_arg, e };
	const bool ours[HTTP_FIELD_MAX_] = {
		[HTTP_HOST] = true,
		[HTTP_CONTENT_LENGTH] = true,
		[HTTP_EXPECT] = out->drop_expect,
	};

	put(&w, head->method.p, head->method.n);
	puts_(&w, " ");
	put(&w, out->path.p, out->path.n);
	if (out->query.p) {
		puts_(&w, "?");
		put(&w, out->query.p, out->query.n);
	}
	puts_(&w, " HTTP/1.1\r\nHost: ");
	puts_(&w, out->authority);
	puts_(&w, "\r\n");
	if (put_end_to_end(&w, head, ours) < 0)
		return -1;
	put_framing(&w, head->framing, head->content_length);
	put_connection(&w, out->websocket, out->close);
	if (out->via && !http_head_get(head, HTTP_VIA)) {
		puts_(&w, "Via: ");
		puts_(&w, out->via);
		puts_(&w, "\r\n");
	}
	if (put_extra(&w, out->extra) < 0)
		return -1;
	return finish(&w);
}

/* A body that isn't sent (HEAD, 304) may have its length said; an answer that
 * can't have a body may not (RFC 9110 8.6). */
static enum http_framing
announced_framing(const struct http_head *head)
{
	if (head->framing == HTTP_NO_BODY && head->has_content_length &&
	    head->status >= 200 && head->status != 204)
		return HTTP_LENGTH;
	return head->framing;
}

int
http_write_response(struct buf *b, const struct http_head *head,
    const struct http_response_out *out, struct error *e)
{
	struct writer w = { b, false, out->edit, out->edit_arg, e };
	static const bool ours[HTTP_FIELD_MAX_] = {
		[HTTP_CONTENT_LENGTH] = true,
	};

	puts_(&w, "HTTP/1.1 ");
	put_number(&w, head->status);
	puts_(&w, " ");
	put(&w, head->reason.p, head->reason.n);
	puts_(&w, "\r\n");
	if (put_end_to_end(&w, head, ours) < 0)
		return -1;
	put_framing(&w, announced_framing(head), head->content_length);
	put_connection(&w, out->websocket, out->close && head->status >= 200);
	if (put_extra(&w, out->extra) < 0)
		return -1;
	return finish(&w);
}

static const struct reason {
	unsigned status;
	const char *text;
} reasons[] = {
	{ 100, "Continue" },
	{ 101, "Switching Protocols" },
	{ 200, "OK" },
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 411, "Length Required" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 417, "Expectation Failed" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
};

const char *
http_reason(unsigned status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "";
}

int
http_write_answer(struct buf *b, unsigned status,
    const struct http_extra *extra, const char *type, const void *body,
    size_t n, bool head_request)
{
	struct error ignored;
	struct writer w = { .b = b, .e = &ignored };

	puts_(&w, "HTTP/1.1 ");
	put_number(&w, status);
	puts_(&w, " ");
	puts_(&w, http_reason(status));
	puts_(&w, "\r\n");
	if (type) {
		puts_(&w, "Content-Type: ");
		puts_(&w, type);
		puts_(&w, "\r\n");
	}
	put_framing(&w, HTTP_LENGTH, n);
	put_connection(&w, false, true);
	if (put_extra(&w, extra) < 0 || finish(&w) < 0)
		return -1;
	if (!head_request)
		put(&w, body, n);
	return w.full ? -1 : 0;
}
