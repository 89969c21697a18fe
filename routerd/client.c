/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - a connection's states; see client.h. */
#include <assert.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/credential/redact.h"
#include "common/http/chunked.h"
#include "common/http/write.h"
#include "common/log.h"
#include "common/net/side.h"
#include "common/wire/limits.h"
#include "common/xalloc.h"
#include "routerd/body.h"
#include "routerd/client.h"
#include "routerd/exchange.h"
#include "routerd/link.h"
#include "routerd/mock.h"
#include "routerd/refusal.h"
#include "routerd/report.h"
#include "routerd/table.h"
#include "routerd/tenant.h"
#include "routerd/worker.h"

#define HEAD_MS 600000 /* an idle connection */
#define BODY_MS 60000
#define LAST_MS 5000
#define BUSY_RETRY_S 1
#define CLIENT_WENT_AWAY 499 /* in logs only, as others have it there */
#define TURNS 32      /* of relaying or reading, before others have theirs */
#define CHUNK_ROOM 64 /* what framing adds to a piece, amply */

enum client_state {
	CLIENT_HEAD,
	CLIENT_BODY,
	CLIENT_ASK,
	CLIENT_RELAY,
	CLIENT_LAST,
	CLIENT_STATE_MAX_
};

enum next {
	AGAIN, /* run the state, which may have changed */
	WAIT,
	DONE, /* free it */
};

struct client {
	TAILQ_ENTRY(client) next;
	struct worker *worker;
	struct side side;
	char who[2 * WIRE_NAME_MAX + 2]; /* two C strings */
	struct scopes scopes;
	struct tenant *tenant;
	enum client_state state;
	int64_t deadline_ms;
	bool running;

	/* Of one request: */
	struct http_scan scan;
	bool stays; /* takes another */
	bool is_10;
	bool has_body; /* the answer */
	struct body body;
	struct exchange exchange;
};

static enum next step_head(struct client *);
static enum next step_body(struct client *);
static enum next step_ask(struct client *);
static enum next step_relay(struct client *);
static enum next step_last(struct client *);

static enum next (*const steps[CLIENT_STATE_MAX_])(struct client *) = {
	[CLIENT_HEAD] = step_head,
	[CLIENT_BODY] = step_body,
	[CLIENT_ASK] = step_ask,
	[CLIENT_RELAY] = step_relay,
	[CLIENT_LAST] = step_last,
};

static void client_run(struct client *);

static void
on_side(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	side_event(&c->side, what);
	client_run(c);
}

static void
on_upstream(void *arg)
{
	client_run(arg);
}

static enum next
go(struct client *c, enum client_state to, int64_t ms)
{
	c->state = to;
	c->deadline_ms = link_now_ms() + ms;
	return AGAIN;
}

/* The end of one request, however it ended. */
static void
end_request(struct client *c)
{
	exchange_end(&c->exchange); /* it borrowed the body */
	body_clear(&c->body);
}

static void
client_free(struct client *c)
{
	end_request(c);
	TAILQ_REMOVE(&c->worker->clients, c, next);
	worker_count(c->worker, -1);
	tenant_leave(c->tenant);
	side_close(&c->side);
	free(c);
}

void
client_new(struct worker *w, int fd, const char *who)
{
	struct client *c = xcalloc(1, sizeof(*c));
	int one = 1;

	c->worker = w;
	(void)snprintf(c->who, sizeof(c->who), "%s", who);
	c->scopes.sandbox = c->who;
	c->scopes.owner = c->who + strcspn(c->who, " ");
	if (*c->scopes.owner == ' ')
		c->who[c->scopes.owner++ - c->who] = '\0';
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->tenant = tenant_enter(w->tenants, c->scopes.sandbox);
	if (c->tenant == NULL) {
		(void)close(fd);
		free(c);
		return;
	}
	exchange_init(&c->exchange, w, &c->scopes, on_upstream, c);
	side_init(&c->side, &w->pool);
	side_open(&c->side, w->base, fd, on_side, c);
	TAILQ_INSERT_TAIL(&w->clients, c, next);
	worker_count(w, 1);
	(void)go(c, CLIENT_HEAD, HEAD_MS);
	client_run(c);
}

static void
client_run(struct client *c)
{
	enum next next;

	if (c->running)
		return;
	c->running = true;
	/* Of an answer that is over for us there may be bytes left. */
	(void)side_flush(&c->side);
	do
		next = steps[c->state](c);
	while (next == AGAIN);
	c->running = false;
	if (next == DONE)
		client_free(c); /* nothing may follow but return */
	else
		side_update(&c->side);
}

/*
 * Answers of our own; the connection ends behind them.
 */

/* What is in the worker's text. */
static enum next
put_last(struct client *c)
{
	struct buf *text = &c->worker->scratch.text;

	end_request(c);
	if (text->len > side_room(&c->side))
		return DONE;
	side_put(&c->side, buf_data(text), text->len);
	return go(c, CLIENT_LAST, LAST_MS);
}

static enum next
refuse(struct client *c, const struct refusal *r)
{
	struct buf *text = &c->worker->scratch.text;

	report(&c->exchange, r->status, r->error);
	buf_consume(text, text->len);
	refusal_write(r, text);
	return put_last(c);
}

static enum next
refuse_for(struct client *c, unsigned status, const char *error)
{
	struct refusal r;

	(void)refusal_set(&r, status, error);
	return refuse(c, &r);
}

static enum next
step_last(struct client *c)
{
	struct side *s = &c->side;

	if (!side_flush(s))
		return s->failed ? DONE : WAIT;
	side_shutdown(s);
	/* What it still sends is read, or its answer would be lost in a
	 * reset. */
	for (int i = 0; i < TURNS; i++) {
		if (side_fill(s) == 0)
			return s->eof || s->failed ? DONE : WAIT;
		side_consume(s, side_held(s));
	}
	side_again(s);
	return WAIT;
}

/*
 * The request.
 */

static enum next
refuse_body(struct client *c, const struct error *e)
{
	struct refusal r;

	if (e->code == ERR_UNAVAILABLE) {
		(void)refusal_set(&r, 503, e->text);
		r.retry_after_s = BUSY_RETRY_S;
		return refuse(c, &r);
	}
	return refuse_for(c, e->code == ERR_LIMIT ? 413 : 400, e->text);
}

static enum next
take_head(struct client *c, const struct http_head *head, size_t n)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct refusal no;
	struct error e;

	c->stays = head->keep_alive;
	c->is_10 = head->minor == 0;
	if (exchange_begin(&c->exchange, head, &no) < 0)
		return refuse(c, &no);
	if (body_begin(&c->body, c->tenant, head, &e) < 0)
		return refuse_body(c, &e);
	if (head->expect_continue && head->framing != HTTP_NO_BODY) {
		side_put(&c->side, go_on, sizeof(go_on) - 1);
		(void)side_flush(&c->side);
	}
	side_consume(&c->side, n);
	return go(c, CLIENT_BODY, BODY_MS);
}

static enum next
step_head(struct client *c)
{
	struct http_head *head = &c->worker->scratch.head;
	struct side *s = &c->side;
	struct error e;
	ssize_t n;

	/* The next answer has all the room, or it might not fit. */
	if (side_pending(s) > 0)
		return s->failed ? DONE : WAIT;
	do {
		if (side_held(s) == 0)
			continue;
		n = http_parse_request(&c->scan, side_data(s), side_held(s),
		    HTTP_HEAD_MAX, head, &e);
		if (n == 0)
			continue;
		c->exchange.began_ms = link_now_ms();
		return n > 0 ? take_head(c, head, (size_t)n)
			     : refuse_for(c, head->status, e.text);
	} while (side_fill(s) > 0);
	return s->eof || s->failed ? DONE : WAIT;
}

/*
 * The backend.
 */

/* Nobody is asked. */
static enum next
answer_mock(struct client *c)
{
	static const struct http_extra extra[] = { { MOCK_HEADER, "true" },
		{ NULL, NULL } };
	struct buf *text = &c->worker->scratch.text;
	const struct ask *a = &c->exchange.ask;
	struct buf body = BUF_INIT;
	const char *type;

	mock_answer(a->api.protocol, a->wants_stream,
	    a->route->model != NULL ? a->route->model : "mock", &body, &type);
	report(&c->exchange, 200, NULL);
	buf_consume(text, text->len);
	(void)http_write_answer(
	    text, 200, extra, type, buf_data(&body), body.len, false);
	buf_free(&body);
	return put_last(c);
}

/* What became of asking. */
static enum next
await(
    struct client *c, enum exchange_progress progress, const struct refusal *no)
{
	if (progress == EXCHANGE_REFUSED)
		return refuse(c, no);
	if (exchange_is_mock(&c->exchange))
		return answer_mock(c);
	return go(c, CLIENT_ASK, exchange_patience_ms(&c->exchange));
}

static enum next
step_body(struct client *c)
{
	struct side *s = &c->side;
	struct refusal no;
	struct error e;

	while (!body_is_whole(&c->body)) {
		ssize_t n;

		if (side_held(s) == 0 && side_fill(s) == 0)
			return s->eof || s->failed ? DONE : WAIT;
		n = body_take(&c->body, side_data(s), side_held(s), &e);
		if (n < 0)
			return refuse_body(c, &e);
		side_consume(s, (size_t)n);
	}
	return await(c, exchange_admit(&c->exchange, &c->body.text, &no), &no);
}

/* An answer's body leaves as chunks, whatever it came as. */
static bool
put_head(struct client *c, struct http_head *head)
{
	struct buf *text = &c->worker->scratch.text;
	struct redact *redact = c->exchange.ask.route->redact;
	struct error e;

	c->has_body = head->framing != HTTP_NO_BODY;
	if (c->has_body)
		head->framing = c->is_10 ? HTTP_UNTIL_CLOSE : HTTP_CHUNKED;
	head->has_content_length = false;
	if (c->is_10)
		c->stays = false;
	buf_consume(text, text->len);
	if (http_write_response(text, head,
		&(struct http_response_out){
		    .close = !c->stays,
		    .edit = redact != NULL ? redact_field : NULL,
		    .edit_arg = redact,
		},
		&e) < 0 ||
	    text->len + CHUNK_ROOM > side_room(&c->side))
		return false;
	side_put(&c->side, buf_data(text), text->len);
	return true;
}

/* Nobody waits for the answer any more; what was used of it was used. */
static enum next
give_up(struct client *c)
{
	exchange_abandon(&c->exchange);
	report(&c->exchange, CLIENT_WENT_AWAY, "the client went away");
	return DONE;
}

static bool
is_gone(struct client *c)
{
	struct side *s = &c->side;

	if (side_held(s) == 0)
		(void)side_fill(s);
	return s->failed || s->eof;
}

static enum next
step_ask(struct client *c)
{
	struct http_head *head = &c->worker->scratch.head;
	enum exchange_progress progress;
	struct refusal no;

	if (is_gone(c))
		return give_up(c);
	progress = exchange_head(&c->exchange, head, &no);
	if (progress == EXCHANGE_WAIT)
		return WAIT;
	if (progress != EXCHANGE_READY)
		return await(c, progress, &no);
	if (!put_head(c, head))
		return refuse_for(c, 502, "inference service error");
	return go(c, CLIENT_RELAY, EXCHANGE_STREAM_IDLE_MS);
}

/*
 * The answer.
 */

static void
put_piece(struct client *c, const char *p, size_t n)
{
	char line[HTTP_CHUNK_SIZE_LINE];

	if (!c->is_10)
		side_put(&c->side, line, http_chunk_size_line(n, line));
	side_put(&c->side, p, n);
	if (!c->is_10)
		side_put(&c->side, HTTP_CHUNK_END, strlen(HTTP_CHUNK_END));
}

static enum next
finish(struct client *c)
{
	if (c->has_body && !c->is_10)
		side_put(&c->side, HTTP_CHUNK_LAST, strlen(HTTP_CHUNK_LAST));
	(void)side_flush(&c->side);
	report(&c->exchange, c->exchange.status, NULL);
	end_request(c);
	return c->stays ? go(c, CLIENT_HEAD, HEAD_MS)
			: go(c, CLIENT_LAST, LAST_MS);
}

/* The answer can't be completed; a stream says so, anything else breaks. */
static enum next
break_off(struct client *c, const char *why)
{
	static const char form[] = "data: {\"error\":{\"message\":"
				   "\"response truncated: %s\",\"type\":"
				   "\"proxy_stream_error\"}}\n\n";
	char text[256];

	log_info("an answer broke off route=%s: %s",
	    c->exchange.ask.route->name, why);
	report(&c->exchange, 502, why);
	c->stays = false;
	(void)side_flush(&c->side);
	if (!c->exchange.answer.is_stream || !c->has_body ||
	    side_room(&c->side) < sizeof(text) + CHUNK_ROOM) {
		side_reset(&c->side);
		return DONE;
	}
	(void)snprintf(text, sizeof(text), form, why);
	put_piece(c, text, strlen(text));
	if (!c->is_10)
		side_put(&c->side, HTTP_CHUNK_LAST, strlen(HTTP_CHUNK_LAST));
	end_request(c);
	return go(c, CLIENT_LAST, LAST_MS);
}

/* Of what may go on; false if there is no room. */
static bool
put_some(struct client *c)
{
	struct buf *out = &c->exchange.answer.out;
	size_t room = side_room(&c->side), n = out->len;

	if (room <= CHUNK_ROOM)
		return false;
	n = n < room - CHUNK_ROOM ? n : room - CHUNK_ROOM;
	if (n > 0)
		put_piece(c, (const char *)buf_data(out), n);
	buf_consume(out, n);
	return true;
}

/* True if bytes moved. */
static bool
relay_some(struct client *c, enum upstream_progress *ret)
{
	struct buf *out = &c->exchange.answer.out;

	*ret = UPSTREAM_READY;
	if (out->len > 0)
		return put_some(c);
	*ret = exchange_pull(&c->exchange);
	if (out->len > 0)
		(void)put_some(c);
	return *ret == UPSTREAM_READY;
}

static enum next
step_relay(struct client *c)
{
	enum upstream_progress progress;

	if (is_gone(c))
		return give_up(c);
	for (int i = 0; i < TURNS; i++) {
		bool moved = relay_some(c, &progress);

		if (progress == UPSTREAM_END)
			return finish(c);
		if (progress == UPSTREAM_FAILED)
			return break_off(c, c->exchange.broke);
		/* What comes with it goes out with it. */
		if (moved) {
			c->deadline_ms =
			    link_now_ms() + EXCHANGE_STREAM_IDLE_MS;
			continue;
		}
		if (!side_flush(&c->side))
			return c->side.failed ? give_up(c) : WAIT;
		if (progress == UPSTREAM_WAIT)
			return WAIT;
	}
	(void)side_flush(&c->side);
	side_again(&c->side);
	return WAIT;
}

/* The backend has, in the state it is in, no more time. */
static enum next
give_up_backend(struct client *c)
{
	struct refusal no;
	struct error e;

	if (c->state == CLIENT_RELAY)
		return break_off(c, "nothing came for too long");
	if (c->state != CLIENT_ASK)
		return DONE;
	(void)error_set(&e, ERR_TIMEOUT, "it took too long");
	return await(c, exchange_retry(&c->exchange, &e, &no), &no);
}

static void
check_time(struct client *c, int64_t now_ms)
{
	enum next next;

	if (now_ms < c->deadline_ms)
		return;
	c->running = true;
	next = give_up_backend(c);
	c->running = false;
	if (next == DONE)
		client_free(c);
	else
		client_run(c);
}

void
clients_check_time(struct worker *w, int64_t now_ms)
{
	struct client *c, *next;

	for (c = TAILQ_FIRST(&w->clients); c != NULL; c = next) {
		next = TAILQ_NEXT(c, next);
		check_time(c, now_ms);
	}
}
