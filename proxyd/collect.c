/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect.c - a request whose body has to be here whole before any of it goes
 * upstream: to be rewritten, or to be signed.
 *
 * Its head is held beside it and judged again when the body has come: a policy
 * or a credential may have changed in between.  What all connections of a
 * worker hold has a limit.
 */
#include <string.h>

#include "proxyd/collect.h"
#include "proxyd/inject_body.h"
#include "proxyd/refuse.h"
#include "proxyd/worker.h"

#define TURNS 32

static enum next
refuse_large(struct conn *c)
{
	return refuse_with(c, 413, "request_body_too_large",
	    "a body that credentials are put into has a limit", NULL);
}

void
collect_clear(struct conn *c)
{
	struct exchange *x = &c->x;

	c->worker->collected_bytes -= x->collected.cap;
	buf_wipe(&x->collected);
	buf_wipe(&x->held);
}

enum next
collect_begin(
    struct conn *c, const struct http_head *head, size_t n, size_t limit)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct exchange *x = &c->x;

	if (head->framing == HTTP_LENGTH && head->content_length > limit)
		return refuse_large(c);
	body_init(&x->request, head, false);
	x->collect_limit = limit;
	x->collect_raw = 0;
	(void)buf_append(&x->held, side_data(&c->client), n);
	/* Its slices are dead from here on, so is the head. */
	if (head->expect_continue && head->minor == 1)
		side_put(&c->client, go_on, sizeof(go_on) - 1);
	side_consume(&c->client, n);
	return conn_goto(c, CONN_COLLECT);
}

/* Counts what is allocated, against what the worker may hold. */
static bool
keep(struct conn *c, struct http_slice data)
{
	struct buf *b = &c->x.collected;
	size_t before = b->cap;

	if (c->worker->collected_bytes > WORKER_COLLECTED_MAX ||
	    buf_append(b, data.p, data.n) < 0)
		return false;
	c->worker->collected_bytes += b->cap - before;
	return true;
}

enum taken { TAKEN, TAKEN_BAD, TAKEN_LARGE, TAKEN_BUSY };

/* What the client's buffer holds, as far as it is of the body. */
static enum taken
take(struct conn *c)
{
	struct exchange *x = &c->x;
	struct body *b = &x->request;
	struct side *s = &c->client;

	while (!b->ended && side_held(s) > 0) {
		struct http_slice data = { side_data(s), side_held(s) };
		ssize_t used;
		struct error e;

		if (b->framing == HTTP_CHUNKED) {
			used = http_chunked_decode(
			    &b->chunks, data.p, data.n, &data, &e);
			b->ended = b->chunks.done;
		} else {
			if (data.n > b->left)
				data.n = (size_t)b->left;
			used = (ssize_t)data.n;
			b->left -= data.n;
			b->ended = b->left == 0;
		}
		/* A trailer would be lost, or be part of what is signed. */
		if (used < 0 || (b->ended && b->chunks.trailers > 1))
			return TAKEN_BAD;
		x->collect_raw += (size_t)used;
		if (x->collect_raw > x->collect_limit)
			return TAKEN_LARGE;
		if (!keep(c, data))
			return TAKEN_BUSY;
		side_consume(s, (size_t)used);
	}
	return TAKEN;
}

enum next
step_collect(struct conn *c)
{
	struct side *s = &c->client;

	for (int i = 0; i < TURNS; i++) {
		(void)side_flush(s);
		switch (take(c)) {
		case TAKEN_BAD:
			return refuse_with(c, 400, "invalid_request",
			    "the body's framing is broken, or it has trailers",
			    NULL);
		case TAKEN_LARGE:
			return refuse_large(c);
		case TAKEN_BUSY:
			return refuse_with(c, 503, "too_busy",
			    "too many bodies wait to be sent", NULL);
		case TAKEN:
			break;
		}
		if (c->x.request.ended)
			return conn_goto(c, CONN_REQUEST);
		if (side_fill(s) == 0)
			return s->eof || s->failed ? DONE : WAIT;
		conn_touch(c);
	}
	conn_yield(c);
	return WAIT;
}
