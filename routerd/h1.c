/* SPDX-License-Identifier: Apache-2.0 */
/* h1.c - one request and its answer over HTTP/1.1; see link.h. */
#include <string.h>

#include "routerd/link.h"
#include "routerd/table.h"

#define INTERIMS_MAX 16 /* answers before the answer */

static void
put_field(struct buf *b, const char *name, const char *value)
{
	(void)buf_puts(b, name);
	(void)buf_puts(b, ": ");
	(void)buf_puts(b, value);
	(void)buf_puts(b, "\r\n");
}

static void
write_head(struct upstream *u)
{
	const struct upstream_request *r = &u->request;
	struct buf *b = &u->head;

	(void)buf_puts(b, r->method);
	(void)buf_puts(b, " ");
	(void)buf_puts(b, r->target);
	(void)buf_puts(b, " HTTP/1.1\r\n");
	put_field(b, "Host", r->route->host);
	for (const struct http_extra *h = r->headers; h->name != NULL; h++)
		put_field(b, h->name, h->value);
	if (r->body != NULL)
		(void)buf_printf(b, "Content-Length: %zu\r\n", r->n);
	(void)buf_puts(b, "\r\n");
}

static size_t
put_some(struct side *s, const void *from, size_t n)
{
	size_t room = side_room(s);

	n = n < room ? n : room;
	side_put(s, from, n);
	return n;
}

/* Head and body, as far as they go. */
static void
send_request(struct upstream *u)
{
	struct side *s = &u->link->side;
	size_t all;

	if (u->head.len == 0)
		write_head(u);
	all = u->head.len + u->request.n;
	do {
		if (u->sent < u->head.len)
			u->sent += put_some(s, buf_data(&u->head) + u->sent,
			    u->head.len - u->sent);
		if (u->sent >= u->head.len && u->sent < all)
			u->sent += put_some(s,
			    (const char *)u->request.body +
				(u->sent - u->head.len),
			    all - u->sent);
	} while (side_flush(s) && u->sent < all);
}

static enum upstream_progress
fail(struct upstream *u, enum error_code code, const char *why, struct error *e)
{
	const struct side *s = &u->link->side;

	/* A server may close a connection just when it is used again. */
	u->stale = u->link->reused && !u->has_head && side_held(s) == 0 &&
		   (s->eof || s->failed);
	(void)error_set(e, code, "'%s' %s", u->link->origin, why);
	u->error = *e;
	u->failed = true;
	return UPSTREAM_FAILED;
}

static void
settle(struct upstream *u, const struct http_head *head)
{
	u->has_head = true;
	u->framing = head->framing;
	u->left = head->content_length;
	u->keeps = head->keep_alive;
	u->done = head->framing == HTTP_NO_BODY ||
		  (head->framing == HTTP_LENGTH && u->left == 0);
}

enum upstream_progress
h1_head(struct upstream *u, struct http_head *ret, struct error *e)
{
	struct side *s = &u->link->side;
	ssize_t n;

	send_request(u);
	for (;;) {
		(void)side_fill(s);
		n = side_held(s) == 0
			? 0
			: http_parse_response(&u->scan, side_data(s),
			      side_held(s), HTTP_HEAD_MAX, HTTP_ASKED, ret, e);
		if (n < 0)
			return fail(u, ERR_PROTOCOL,
			    "gave an answer that can't be read", e);
		if (n == 0)
			break;
		if (!http_is_interim(ret)) {
			settle(u, ret);
			/* Its slices live until the body is asked for. */
			u->covers = (size_t)n;
			return UPSTREAM_READY;
		}
		side_consume(s, (size_t)n);
		if (++u->interims > INTERIMS_MAX)
			return fail(u, ERR_PROTOCOL,
			    "gave no answer but interim ones", e);
	}
	if (s->eof || s->failed)
		return fail(u, ERR_UNAVAILABLE, "gave no answer", e);
	return UPSTREAM_WAIT;
}

static int
next_piece(struct upstream *u, struct error *e)
{
	struct side *s = &u->link->side;
	size_t n = side_held(s);
	ssize_t used;

	if (u->framing == HTTP_CHUNKED) {
		used = http_chunked_decode(
		    &u->chunks, side_data(s), n, &u->piece, e);
		u->covers = used > 0 ? (size_t)used : 0;
		u->done = u->chunks.done && u->piece.n == 0;
		return used < 0 ? -1 : 0;
	}
	if (u->framing == HTTP_LENGTH && n > u->left)
		n = (size_t)u->left;
	u->piece = (struct http_slice){ side_data(s), n };
	u->covers = n;
	return 0;
}

enum upstream_progress
h1_body(struct upstream *u, struct http_slice *ret, struct error *e)
{
	struct side *s = &u->link->side;

	if (u->piece.n == 0 && u->covers > 0) {
		side_consume(s, u->covers);
		u->covers = 0;
	}
	while (u->piece.n == 0 && !u->done) {
		if (side_held(s) == 0 && side_fill(s) == 0)
			break;
		if (next_piece(u, e) < 0)
			return fail(u, ERR_PROTOCOL,
			    "broke the framing of its answer", e);
		if (u->piece.n == 0) {
			side_consume(s, u->covers);
			u->covers = 0;
		}
	}
	*ret = u->piece;
	if (u->piece.n > 0)
		return UPSTREAM_READY;
	if (!u->done && s->eof && !s->failed && u->framing == HTTP_UNTIL_CLOSE)
		u->done = true;
	if (u->done)
		return UPSTREAM_END;
	if (s->eof || s->failed)
		return fail(
		    u, ERR_UNAVAILABLE, "ended in the middle of its answer", e);
	return UPSTREAM_WAIT;
}

void
h1_consume(struct upstream *u, size_t n)
{
	u->piece.p += n;
	u->piece.n -= n;
	if (u->framing == HTTP_LENGTH)
		u->left -= n;
	if (u->piece.n > 0)
		return;
	side_consume(&u->link->side, u->covers);
	u->covers = 0;
	u->done = u->framing == HTTP_CHUNKED  ? u->chunks.done
		  : u->framing == HTTP_LENGTH ? u->left == 0
					      : u->done;
}

bool
h1_is_clean(const struct upstream *u)
{
	const struct side *s = &u->link->side;

	/* The head alone may be all there was. */
	return u->has_head && u->done && u->keeps && !u->failed &&
	       side_held(s) == u->covers && side_pending(s) == 0 &&
	       u->covers == 0 && !s->eof && !s->failed;
}
