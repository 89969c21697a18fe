/* SPDX-License-Identifier: Apache-2.0 */
/* body.c - see body.h. */
#include "common/net/side.h"
#include "proxyd/body.h"

#define CHUNK_ROOM 64 /* what framing adds to a piece of a body, amply */

void
body_init(struct body *b, const struct http_head *head, bool rechunk)
{
	body_clear(b);
	*b = (struct body){
		.framing = head->framing,
		.left = head->content_length,
		.rechunk = rechunk && head->framing == HTTP_CHUNKED,
	};
	b->done = head->framing == HTTP_NO_BODY ||
		  (head->framing == HTTP_LENGTH && b->left == 0);
	b->ended = b->done;
}

void
body_clear(struct body *b)
{
	redact_stream_clear(&b->redacted);
}

static void
put_piece(const struct body *b, struct http_slice data, struct side *to)
{
	char line[HTTP_CHUNK_SIZE_LINE];

	if (data.n == 0)
		return;
	if (b->rechunk)
		side_put(to, line, http_chunk_size_line(data.n, line));
	side_put(to, data.p, data.n);
	if (b->rechunk)
		side_put(to, HTTP_CHUNK_END, strlen(HTTP_CHUNK_END));
}

/* A piece that has come: for it as it is there is room. */
static bool
take_piece(struct body *b, struct http_slice data, struct side *to)
{
	if (b->is_scanned && marker_scan(&b->scan, data.p, data.n))
		return false;
	if (b->redact != NULL)
		redact_feed(b->redact, &b->redacted, data.p, data.n);
	else
		put_piece(b, data, to);
	return true;
}

static enum body_move
move_chunks(struct body *b, struct side *from, struct side *to, size_t n)
{
	struct http_slice data;
	struct error e;
	ssize_t used =
	    http_chunked_decode(&b->chunks, side_data(from), n, &data, &e);

	if (used < 0)
		return BODY_BAD;
	if (!take_piece(b, data, to))
		return BODY_MARKED;
	side_consume(from, (size_t)used);
	b->ended = b->chunks.done;
	return BODY_MORE;
}

static enum body_move
move_plain(struct body *b, struct side *from, struct side *to, size_t n)
{
	if (b->framing == HTTP_LENGTH && n > b->left)
		n = (size_t)b->left;
	if (!take_piece(b, (struct http_slice){ side_data(from), n }, to))
		return BODY_MARKED;
	side_consume(from, n);
	if (b->framing == HTTP_LENGTH) {
		b->left -= n;
		b->ended = b->left == 0;
	}
	return BODY_MORE;
}

/* What was redacted goes out, as far as there is room. */
static bool
drain(struct body *b, struct side *to)
{
	struct buf *out = &b->redacted.out;

	while (out->len > 0) {
		size_t room = side_room(to), n = out->len;

		if (room <= CHUNK_ROOM)
			return false;
		if (n > room - CHUNK_ROOM)
			n = room - CHUNK_ROOM;
		put_piece(b,
		    (struct http_slice){ (const char *)buf_data(out), n }, to);
		buf_consume(out, n);
	}
	return true;
}

static enum body_move
finish(struct body *b, struct side *to)
{
	if (b->redact != NULL)
		redact_end(b->redact, &b->redacted);
	if (!drain(b, to) || side_room(to) <= CHUNK_ROOM)
		return BODY_FULL;
	if (b->rechunk)
		side_put(to, HTTP_CHUNK_LAST, strlen(HTTP_CHUNK_LAST));
	b->done = true;
	return BODY_DONE;
}

enum body_move
body_move(struct body *b, struct side *from, struct side *to)
{
	while (!b->ended) {
		size_t held = side_held(from), room = side_room(to);
		enum body_move r;

		if (!drain(b, to) || room <= CHUNK_ROOM)
			return BODY_FULL;
		if (held == 0)
			return BODY_MORE;
		room -= CHUNK_ROOM;
		r = b->framing == HTTP_CHUNKED
			? move_chunks(b, from, to, held < room ? held : room)
			: move_plain(b, from, to, held < room ? held : room);
		if (r != BODY_MORE)
			return r;
	}
	return b->done ? BODY_DONE : finish(b, to);
}

void
body_end(struct body *b)
{
	b->ended = true;
}
