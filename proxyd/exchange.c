/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange.c - HTTP/1.1, request by request.
 *
 * Each head is parsed, judged, and written anew: what goes out is what was
 * judged, in its one spelling.  A body is copied to its exact end and what is
 * behind it is the next request, judged like the first.  Answers are parsed as
 * strictly, for a server that could make us lose count could answer a request
 * that was never made.
 *
 * A request that needs a way to its server stays unread in the client's
 * buffer, and is read and judged again when the way is there.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/path.h"
#include "common/http/websocket.h"
#include "common/http/write.h"
#include "common/xalloc.h"
#include "proxyd/audit.h"
#include "proxyd/collect.h"
#include "proxyd/conn.h"
#include "proxyd/forward.h"
#include "common/http/media.h"
#include "proxyd/refuse.h"
#include "proxyd/sandbox.h"
#include "proxyd/worker.h"

#define HEAD_MS 30000 /* from a head's first byte to its last */
#define TURNS 32      /* of copying, before others have theirs */
#define EXCHANGE_FINISH_MS 60000

/*
 * Requests.
 */

static uint16_t
default_port(const struct conn *c)
{
	return c->is_tls ? 443 : 80;
}

/* Inside a tunnel a request is for the host the tunnel was granted for. */
static bool
is_for_tunnel(const struct conn *c, const struct http_head *head)
{
	struct http_authority host;
	struct http_url url;
	struct error e;

	if (head->host.p != NULL &&
	    (http_authority_parse(head->host, &host, &e) < 0 ||
		!conn_has_target(c, &host, default_port(c))))
		return false;
	if (head->target_form != HTTP_TARGET_ABSOLUTE)
		return true;
	return http_url_parse(head->target, &url, &e) == 0 &&
	       http_slice_is_nocase(url.scheme, c->is_tls ? "https" : "http") &&
	       conn_has_target(c, &url.authority, default_port(c));
}

static enum next
refuse_target(struct conn *c, const char *error, const char *detail)
{
	audit_connect(c, true, "proxy", c->policy, detail);
	return refuse_with(c, 400, error, detail, NULL);
}

/*
 * Through the forward proxy each request names its host.  AGAIN if it may go
 * there, or WAIT for what *ret_refused says instead.
 */
static bool
aim_request(
    struct conn *c, const struct http_head *head, enum next *ret_refused)
{
	struct http_url url;
	struct decision d;
	struct error e;

	if (head->target_form != HTTP_TARGET_ABSOLUTE ||
	    http_url_parse(head->target, &url, &e) < 0) {
		*ret_refused = refuse_target(c, "invalid_request_target",
		    "a proxy needs an absolute URL");
		return false;
	}
	if (http_slice_is_nocase(url.scheme, "https")) {
		*ret_refused = refuse_target(c, "unsupported_proxy_scheme",
		    "Use CONNECT for HTTPS URLs");
		return false;
	}
	if (!http_slice_is_nocase(url.scheme, "http")) {
		*ret_refused = refuse_target(c, "unsupported_proxy_scheme",
		    "only http URLs can be forwarded");
		return false;
	}
	if (c->rules == c->sandbox->rules &&
	    conn_has_target(c, &url.authority, 80))
		return true;
	if (!conn_has_target(c, &url.authority, 80))
		conn_close_upstream(c);
	conn_set_target(c, &url.authority, 80);
	if (conn_decide(c, &d))
		return true;
	if (http_path_canon(head->target, true, &c->worker->scratch.path, &e) <
	    0)
		c->worker->scratch.path.path[0] = '\0';
	*ret_refused = refuse_connect(c, &d);
	return false;
}

/* The judge wants C strings; the buffer belongs to the parser. */
static void
copy_method(struct conn *c, const struct http_head *head)
{
	size_t n =
	    head->method.n < HTTP_METHOD_MAX ? head->method.n : HTTP_METHOD_MAX;

	memcpy(c->worker->scratch.method, head->method.p, n);
	c->worker->scratch.method[n] = '\0';
}

static const char *
copy_query(struct conn *c)
{
	struct http_slice q = c->worker->scratch.path.query;
	char *to = c->worker->scratch.query;

	if (q.p == NULL)
		return NULL;
	memcpy(to, q.p, q.n); /* part of a head: it fits */
	to[q.n] = '\0';
	return to;
}

/* The path in its one spelling; false if it has none that we would send. */
static bool
read_path(struct conn *c, const struct http_head *head)
{
	struct http_path *path = &c->worker->scratch.path;
	struct error e;

	return http_path_canon(head->target, true, path, &e) == 0 &&
	       (!path->has_encoded_slash ||
		   matcher_allows_encoded_slash(c->rules->matcher, c->host,
		       c->port, &c->who->caller, path->path));
}

static void
judge(struct conn *c, const char *query, struct decision *d)
{
	d->verdict = VERDICT_ALLOW;
	d->policy = NULL;
	d->reason[0] = '\0';
	/* Without rules the connection's decision stands. */
	if (c->inspection == INSPECT_REST)
		matcher_request(c->rules->matcher, c->host, c->port,
		    &c->who->caller, c->worker->scratch.method,
		    c->worker->scratch.path.path, query, d);
}

bool
exchange_still_allowed(
    const struct conn *c, const struct matcher *m, enum inspection inspection)
{
	const struct buf *b = &c->x.asked_for;
	const char *method = (const char *)buf_data(b);
	const char *path, *query;
	struct decision d;

	if (inspection != INSPECT_REST || b->len == 0)
		return true;
	path = method + strlen(method) + 1;
	query = path + strlen(path) + 1;
	if (query == method + b->len)
		query = NULL;
	matcher_request(
	    m, c->host, c->port, &c->who->caller, method, path, query, &d);
	return d.verdict != VERDICT_DENY;
}

bool
exchange_may_finish(const struct conn *c)
{
	return c->state == CONN_EXCHANGE && !c->x.endless &&
	       c->x.websocket == NULL;
}

void
exchange_finish_soon(struct conn *c)
{
	c->x.client_stays = c->x.upstream_stays = false;
	/* Once: no number of new policies makes it longer. */
	if (c->last_ms == 0)
		c->last_ms = worker_now_ms() + EXCHANGE_FINISH_MS;
	conn_touch(c);
}

/* The way to the server, as far as it isn't there. */
static bool
has_way(const struct conn *c, enum conn_state *ret)
{
	*ret = CONN_RESOLVE;
	if (!side_is_open(&c->upstream))
		return false;
	*ret = CONN_TLS_UPSTREAM;
	return !c->is_tls || c->upstream.tls != NULL;
}

static enum next
take_request(struct conn *c, const struct http_head *head, size_t n)
{
	enum conn_state way;
	enum next refused;
	const char *query;
	struct decision d;

	copy_method(c, head);
	if (head->target_form == HTTP_TARGET_AUTHORITY)
		return refuse_target(c, "invalid_request_target",
		    "CONNECT must be the first request");
	c->worker->scratch.path.path[0] = '\0';
	if (c->mode == MODE_FORWARD) {
		if (!aim_request(c, head, &refused))
			return refused;
	} else if (!is_for_tunnel(c, head)) {
		return refuse_authority(c);
	}
	if (head->upgrade_h2c) {
		audit_connect(c, true, "l7", c->policy, "h2c upgrade");
		return refuse_with(c, 403, "unsupported_l7_protocol",
		    "HTTP/2 is not spoken here", NULL);
	}
	if (!read_path(c, head))
		return refuse_target(c, "invalid_request_target",
		    "request-target must be canonical");
	query = copy_query(c);
	judge(c, query, &d);
	if (d.verdict == VERDICT_DENY)
		return refuse_request(c, &d, c->worker->scratch.method,
		    c->worker->scratch.path.path);
	if (!has_way(c, &way))
		return conn_goto(c, way);
	return forward_request(c, head, n, query, &d);
}

/* Nothing was asked of it: whatever it says now, it isn't an answer. */
static void
check_idle_upstream(struct conn *c)
{
	struct side *s = &c->upstream;

	if (!side_is_open(s) || !s->readable || (c->is_tls && s->tls == NULL))
		return;
	if (side_fill(s) > 0 || side_held(s) > 0 || s->eof || s->failed)
		conn_close_upstream(c);
}

/* Its body has come: it is read, and judged, as if it had just come itself. */
static enum next
take_held(struct conn *c)
{
	struct http_head *head = &c->worker->scratch.head;
	const struct buf *held = &c->x.held;
	struct http_scan scan = { 0 };
	struct error e;
	ssize_t n = http_parse_request(&scan, (const char *)buf_data(held),
	    held->len, HTTP_HEAD_MAX, head, &e);

	assert(n == (ssize_t)held->len);
	return take_request(c, head, (size_t)n);
}

/* A head that trickles in has its own time; it isn't begun anew. */
static void
limit_head_time(struct conn *c)
{
	int64_t until = worker_now_ms() + HEAD_MS;

	if (until < c->deadline_ms)
		c->deadline_ms = until;
}

enum next
step_request(struct conn *c)
{
	struct http_head *head = &c->worker->scratch.head;
	struct side *s = &c->client;
	size_t limit = c->is_first && c->mode == MODE_FORWARD
			   ? HTTP_HEAD_FIRST_MAX
			   : HTTP_HEAD_MAX;
	struct error e;
	ssize_t n;

	check_idle_upstream(c);
	if (c->x.held.len > 0)
		return take_held(c);
	if (side_held(s) == 0 && side_fill(s) == 0)
		return s->eof || s->failed ? DONE : WAIT;
	for (;;) {
		if (c->is_first &&
		    http_guess(side_data(s), side_held(s)) == HTTP_GUESS_2) {
			audit_connect(c, true, "l7", c->policy, "HTTP/2");
			return refuse_with(c, 403, "unsupported_l7_protocol",
			    "HTTP/2 is not spoken here", NULL);
		}
		n = http_parse_request(
		    &c->x.scan, side_data(s), side_held(s), limit, head, &e);
		if (n > 0)
			return take_request(c, head, (size_t)n);
		if (n < 0)
			return refuse_head(c, head->status, &e);
		if (side_fill(s) == 0)
			break;
	}
	limit_head_time(c);
	return s->eof || s->failed ? DONE : WAIT;
}

/*
 * Answers.
 */

/* An answer whose secrets are replaced has another length than it says. */
static void
redact_body(struct exchange *x, struct http_head *head)
{
	struct body *b = &x->response;

	if (x->redact == NULL || b->done || !media_is_plain(head) ||
	    !media_is_text(media_type(head)))
		return;
	b->redact = x->redact;
	if (head->framing != HTTP_LENGTH)
		return;
	b->rechunk = !x->client_is_10;
	head->framing = b->rechunk ? HTTP_CHUNKED : HTTP_UNTIL_CLOSE;
}

/* The final head: how its body travels, and who stays for another. */
static void
settle(struct exchange *x, struct http_head *head)
{
	x->upstream_stays =
	    x->upstream_stays && head->keep_alive && x->request.done;
	x->endless = media_is_event_stream(media_type(head));
	body_init(&x->response, head, !x->client_is_10);
	redact_body(x, head);
	/* Who spoke 1.0 knows no chunks; the end is then the connection's. */
	if (x->client_is_10 && head->framing == HTTP_CHUNKED)
		head->framing = HTTP_UNTIL_CLOSE;
	/* A body that is still to come would be taken for a request. */
	if (head->framing == HTTP_UNTIL_CLOSE || !x->request.done)
		x->client_stays = false;
	x->has_head = true;
}

static bool
put_head(struct conn *c, struct http_head *head)
{
	struct buf *text = &c->worker->scratch.text;
	struct buf *reason = &c->worker->scratch.body;
	struct error e;

	buf_consume(text, text->len);
	buf_consume(reason, reason->len);
	if (c->x.redact != NULL) {
		(void)redact_text(
		    c->x.redact, head->reason.p, head->reason.n, reason);
		head->reason =
		    (struct http_slice){ buf_str(reason), reason->len };
	}
	if (http_write_response(text, head,
		&(struct http_response_out){
		    .websocket = head->status == 101,
		    .close = !c->x.client_stays,
		    .edit = c->x.redact != NULL ? redact_field : NULL,
		    .edit_arg = c->x.redact,
		},
		&e) < 0 ||
	    text->len > side_room(&c->client))
		return false;
	side_put(&c->client, buf_data(text), text->len);
	return true;
}

enum take {
	TAKE_HEAD,     /* the body follows */
	TAKE_MORE,     /* bytes are needed, or room */
	TAKE_SWITCHED, /* 101: another protocol follows */
	TAKE_BAD,
};

static enum take
take_head(struct conn *c)
{
	struct exchange *x = &c->x;
	struct http_head *head = &c->worker->scratch.head;
	struct side *s = &c->upstream;
	struct error e;
	ssize_t n;

	while (side_held(s) > 0) {
		/* Interim answers must not pile up. */
		if (side_pending(&c->client) > 0)
			return TAKE_MORE;
		n = http_parse_response(&x->scan, side_data(s), side_held(s),
		    HTTP_HEAD_MAX, x->asked, head, &e);
		if (n <= 0)
			return n < 0 ? TAKE_BAD : TAKE_MORE;
		if (head->status == 101 &&
		    (x->websocket == NULL ||
			http_websocket_response(x->websocket, head, &e) < 0))
			return TAKE_BAD;
		if (http_is_interim(head)) {
			if (!x->client_is_10 && !put_head(c, head))
				return TAKE_BAD;
			side_consume(s, (size_t)n);
			(void)side_flush(&c->client);
			continue;
		}
		if (head->status != 101)
			settle(x, head);
		if (!put_head(c, head))
			return TAKE_BAD;
		side_consume(s, (size_t)n);
		return head->status == 101 ? TAKE_SWITCHED : TAKE_HEAD;
	}
	return TAKE_MORE;
}

/* No answer, or none that can be believed. */
static enum next
fail_exchange(struct conn *c, const char *why)
{
	bool never_answered = c->upstream.eof || c->upstream.failed;

	if (c->x.has_head || side_pending(&c->client) > 0)
		return refuse_abruptly(c);
	/* A server may close a connection just when it is used again; a client
	 * that sees the same happen tries again (RFC 9112 9.3.1). */
	if (c->reused && never_answered && side_held(&c->upstream) == 0)
		return DONE;
	return refuse_unreachable(c, why);
}

static enum next
end_exchange(struct conn *c)
{
	struct exchange *x = &c->x;

	/* What follows an answer answers nothing. */
	if (!x->upstream_stays || side_held(&c->upstream) > 0 ||
	    side_pending(&c->upstream) > 0)
		conn_close_upstream(c);
	else
		c->reused = true;
	buf_consume(&x->asked_for, x->asked_for.len);
	forward_clear(c);
	c->is_first = false;
	if (x->client_stays)
		return conn_goto(c, CONN_REQUEST);
	conn_close_upstream(c);
	return conn_goto(c, CONN_LAST);
}

/* One that was collected goes out as it now is. */
static void
move_collected(struct exchange *x, struct side *to)
{
	struct buf *b = &x->collected;
	size_t room = side_room(to), n = b->len < room ? b->len : room;

	side_put(to, buf_data(b), n);
	buf_consume(b, n);
	x->request.ended = x->request.done = b->len == 0;
}

/* Why the request's body can't go on. */
static enum next
refuse_body(struct conn *c, enum body_move why)
{
	if (c->x.has_head)
		return DONE;
	if (why == BODY_MARKED)
		return refuse_marked_body(c);
	return why == BODY_BAD ? refuse_target(c, "invalid_request",
				     "the body's framing is broken")
			       : DONE;
}

/* The request's body, as far as it goes.  False: *ret is to be returned. */
static bool
move_request(struct conn *c, bool *moved, enum next *ret)
{
	struct exchange *x = &c->x;
	struct body *b = &x->request;
	enum body_move r = BODY_DONE;

	*moved = side_fill(&c->client) > 0 || *moved;
	if (c->client.failed || (c->client.eof && b->done)) {
		*ret = DONE; /* nobody waits for the answer */
		return false;
	}
	if (x->collected.len > 0)
		move_collected(x, &c->upstream);
	else
		r = body_move(b, &c->client, &c->upstream);
	if (r == BODY_BAD || r == BODY_MARKED ||
	    (r == BODY_MORE && c->client.eof)) {
		*ret = refuse_body(c, r);
		return false;
	}
	(void)side_flush(&c->upstream);
	return true;
}

/* The answer, as far as it goes. */
static bool
move_response(struct conn *c, bool *moved, enum next *ret)
{
	struct exchange *x = &c->x;
	struct side *s = &c->upstream;
	enum body_move r;

	*moved = side_fill(s) > 0 || *moved;
	if (!x->has_head) {
		enum take t = take_head(c);

		if (t == TAKE_SWITCHED) {
			*ret = conn_goto(c, CONN_COPY);
			return false;
		}
		if (t == TAKE_BAD) {
			*ret = fail_exchange(
			    c, "the server's answer can't be read");
			return false;
		}
		if (t == TAKE_MORE && (s->eof || s->failed) &&
		    side_pending(&c->client) == 0) {
			*ret = fail_exchange(c, "the server gave no answer");
			return false;
		}
		if (t == TAKE_MORE)
			return true;
	}
	r = body_move(&x->response, s, &c->client);
	if (r == BODY_MORE && s->eof &&
	    x->response.framing == HTTP_UNTIL_CLOSE) {
		body_end(&x->response);
		r = body_move(&x->response, s, &c->client);
	}
	if (r == BODY_BAD || (r == BODY_MORE && (s->eof || s->failed))) {
		*ret = fail_exchange(c, "the answer's body is broken");
		return false;
	}
	return true;
}

/* What the buffers hold: if a turn leaves it as it was, nothing moved. */
static size_t
weigh(const struct conn *c)
{
	return side_held(&c->client) + side_held(&c->upstream) +
	       c->x.collected.len + c->x.response.redacted.out.len +
	       (side_pending(&c->client) + side_pending(&c->upstream)) *
		   (2 * BLOCK_BYTES + 1);
}

enum next
step_exchange(struct conn *c)
{
	enum next next;

	for (int i = 0; i < TURNS; i++) {
		bool moved = false;
		size_t before = weigh(c);

		if (!move_request(c, &moved, &next) ||
		    !move_response(c, &moved, &next))
			return next;
		if (side_flush(&c->client) && c->x.has_head &&
		    c->x.response.done)
			return end_exchange(c);
		if (c->client.failed)
			return DONE;
		/* A buffer that has gone makes room for what is there. */
		if (!moved && weigh(c) == before)
			return WAIT;
		if (c->x.endless)
			c->deadline_ms = c->last_ms;
		else
			conn_touch(c);
	}
	conn_yield(c);
	return WAIT;
}
