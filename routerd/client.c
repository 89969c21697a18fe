/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - a connection's states; see client.h. */
#include <assert.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/http/chunked.h"
#include "common/http/write.h"
#include "common/json/scan.h"
#include "common/log.h"
#include "common/net/side.h"
#include "common/wire/limits.h"
#include "common/wire/router.h"
#include "common/xalloc.h"
#include "routerd/answer.h"
#include "routerd/ask.h"
#include "routerd/budget.h"
#include "routerd/client.h"
#include "routerd/guard.h"
#include "routerd/ledger.h"
#include "routerd/link.h"
#include "routerd/mock.h"
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

	struct http_scan scan;
	bool stays; /* takes another request */
	bool is_10;
	enum http_framing framing;
	uint64_t left;
	struct http_chunked chunks;
	unsigned n_chunks;
	struct buf body;
	size_t held_bytes; /* of the tenant's, for it */
	struct ask ask;    /* the request */
	struct guard guard;

	struct table *table; /* the one it began with */
	struct upstream *upstream;
	bool admitted; /* budget_end() is due */
	bool answers;  /* the backend does what it was asked, or has begun to */
	bool has_body; /* the answer */
	bool is_whole; /* all of it came */
	unsigned status;
	bool is_broken;    /* it can't go on */
	uint64_t answered; /* bytes of it */
	int64_t began_ms;
	struct answer answer;
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

/* Those whose answers are written by a model. */
static bool
has_output(enum protocol p)
{
	return p != PROTOCOL_EMBEDDINGS && p != PROTOCOL_COUNT &&
	       p != PROTOCOL_MODELS;
}

/*
 * The tokens of a request, as the backend says them.  Where it doesn't (some
 * never do, some at the end, for which a client need not wait) four bytes or
 * one event of a stream, of 64 bytes at most, count as one.
 */
static void
reckon(const struct client *c, int64_t *in, int64_t *out)
{
	const struct meter *m = &c->answer.meter;
	int64_t by_size = (int64_t)(c->answered / (m->is_stream ? 64 : 4));
	int64_t guess = m->events > by_size ? m->events : by_size;
	bool is_told = c->is_whole && m->output_tokens >= 0;

	*in = m->input_tokens > 0 ? m->input_tokens : 0;
	*out = m->output_tokens > 0 ? m->output_tokens : 0;
	if (!c->answers)
		return;
	if (m->input_tokens < 0)
		*in = (int64_t)(c->body.len / 4);
	if (has_output(c->ask.api.protocol) && !is_told && *out < guess)
		*out = guess;
}

/* The end of one request, however it ended. */
static void
end_request(struct client *c)
{
	int64_t in, out;

	upstream_free(c->upstream);
	c->upstream = NULL;
	reckon(c, &in, &out);
	/* Whoever answered, it is the route that was asked for that pays. */
	if (c->admitted)
		budget_end(c->worker->budgets, c->scopes.sandbox,
		    c->ask.first->name, in + out);
	c->answers = false;
	c->answered = 0;
	c->admitted = false;
	answer_clear(&c->answer);
	guard_clear(&c->guard); /* the answer borrowed of it */
	c->is_whole = c->is_broken = false;
	ask_clear(&c->ask);
	table_unref(c->table);
	c->table = NULL;
	tenant_give(c->tenant, c->held_bytes);
	c->held_bytes = 0;
	buf_free(&c->body);
	c->body.limit = CLIENT_BODY_MAX;
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
	c->body.limit = CLIENT_BODY_MAX;
	guard_init(&c->guard, w, &c->scopes);
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
 * What happened: one event a request, and its part of the usage.
 */

static void
count(struct client *c, bool is_failure)
{
	const struct route *r = c->ask.route;
	int64_t in, out;

	if (r == NULL)
		return;
	reckon(c, &in, &out);
	ledger_add(
	    c->worker->ledger, &(struct ledger_entry){
				   .sandbox = c->scopes.sandbox,
				   .route = r->name,
				   .provider = r->provider,
				   .model = r->model != NULL ? r->model : "",
				   .requests = 1,
				   .failures = is_failure,
				   .input_tokens = in,
				   .output_tokens = out,
			       });
}

static void
tell(struct client *c, unsigned status, const char *why)
{
	const struct ask *a = &c->ask;
	const struct route *r = a->route;
	const struct meter *m = &c->answer.meter;
	bool is_denial = status >= 400;
	char status_text[16], latency[24], in[24] = "", out[24] = "";

	count(c, is_denial);
	if (!events_wants(c->worker->events, &c->worker->quota, is_denial))
		return;
	(void)snprintf(status_text, sizeof(status_text), "%u", status);
	(void)snprintf(latency, sizeof(latency), "%lld",
	    (long long)(link_now_ms() - c->began_ms));
	if (m->input_tokens > 0)
		(void)snprintf(
		    in, sizeof(in), "%lld", (long long)m->input_tokens);
	if (m->output_tokens > 0)
		(void)snprintf(
		    out, sizeof(out), "%lld", (long long)m->output_tokens);
	const struct pair pairs[] = {
		{ "action", why != NULL ? "deny" : "allow" },
		{ "method", a->method },
		{ "path", a->path },
		{ "protocol",
		    a->is_known ? api_protocol_name(a->api.protocol) : NULL },
		{ "route", r != NULL ? r->name : NULL },
		{ "provider", r != NULL ? r->provider : NULL },
		{ "model", r != NULL ? r->model : NULL },
		{ "status", status_text },
		{ "latency_ms", latency },
		{ "input_tokens", *in != '\0' ? in : NULL },
		{ "output_tokens", *out != '\0' ? out : NULL },
		{ "reason", why },
	};
	events_add(c->worker->events, is_denial, c->scopes.sandbox, "INFERENCE",
	    pairs, sizeof(pairs) / sizeof(pairs[0]));
}

/*
 * Saying no.
 */

struct refusal {
	unsigned status;
	const char *error;
	const char *hint;   /* or NULL */
	const char *detail; /* or NULL */
	unsigned retry_after_s;
};

static void
put_member(struct buf *b, const char *before, const char *text)
{
	if (text == NULL)
		return;
	(void)buf_puts(b, before);
	(void)json_put_string(b, text, strlen(text));
}

static enum next
refuse(struct client *c, const struct refusal *r)
{
	struct buf *text = &c->worker->scratch.text;
	struct buf body = BUF_INIT;
	char seconds[16];
	struct http_extra extra[] = { { "Retry-After", seconds },
		{ NULL, NULL } };

	tell(c, r->status, r->error);
	(void)snprintf(seconds, sizeof(seconds), "%u", r->retry_after_s);
	put_member(&body, "{\"error\":", r->error);
	put_member(&body, ",\"hint\":", r->hint);
	put_member(&body, ",\"detail\":", r->detail);
	(void)buf_puts(&body, "}");
	buf_consume(text, text->len);
	(void)http_write_answer(text, r->status,
	    r->retry_after_s > 0 ? extra : NULL, "application/json",
	    buf_data(&body), body.len, false);
	buf_free(&body);
	end_request(c);
	if (text->len > side_room(&c->side))
		return DONE;
	side_put(&c->side, buf_data(text), text->len);
	return go(c, CLIENT_LAST, LAST_MS);
}

static enum next
answer(struct client *c, unsigned status, const char *error, const char *hint,
    unsigned retry_after_s)
{
	return refuse(c, &(struct refusal){ .status = status,
			     .error = error,
			     .hint = hint,
			     .retry_after_s = retry_after_s });
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
take_head(struct client *c, const struct http_head *head, size_t n)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct http_path *path = &c->worker->scratch.path;
	struct error e;

	c->began_ms = link_now_ms();
	c->stays = head->keep_alive;
	c->is_10 = head->minor == 0;
	if (http_path_canon(head->target, true, path, &e) < 0)
		return answer(c, 400, "the path is not canonical", NULL, 0);
	if (!ask_take_head(&c->ask, head, path, *c->scopes.sandbox != '\0'))
		return answer(
		    c, 403, "connection not allowed by policy", NULL, 0);
	c->framing = head->framing;
	c->left = head->content_length;
	c->chunks = (struct http_chunked){ 0 };
	c->n_chunks = 0;
	if (c->framing == HTTP_LENGTH && c->left > CLIENT_BODY_MAX)
		return answer(c, 413, "the request body is too large", NULL, 0);
	if (head->expect_continue && c->framing != HTTP_NO_BODY) {
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
		if (n > 0)
			return take_head(c, head, (size_t)n);
		if (n < 0) {
			c->began_ms = link_now_ms();
			return answer(c, head->status, e.text, NULL, 0);
		}
	} while (side_fill(s) > 0);
	return s->eof || s->failed ? DONE : WAIT;
}

/* The next piece of the body; false if it is too much or broken. */
static bool
take_piece(struct client *c, struct error *e)
{
	struct side *s = &c->side;
	struct http_slice data = { side_data(s), side_held(s) };
	ssize_t used;

	if (c->framing == HTTP_LENGTH) {
		if (data.n > c->left)
			data.n = (size_t)c->left;
		c->left -= data.n;
		used = (ssize_t)data.n;
	} else {
		used = http_chunked_decode(
		    &c->chunks, side_data(s), side_held(s), &data, e);
		if (used < 0)
			return false;
		if (data.n > 0 && c->chunks.left == 0 &&
		    ++c->n_chunks > CLIENT_CHUNKS_MAX) {
			(void)error_set(e, ERR_LIMIT, "too many chunks");
			return false;
		}
	}
	if (!tenant_take(c->tenant, data.n))
		return error_set(e, ERR_UNAVAILABLE,
			   "too many bodies of the sandbox wait to be sent") ==
		       0;
	c->held_bytes += data.n;
	if (data.n > 0 && buf_append(&c->body, data.p, data.n) < 0) {
		(void)error_set(e, ERR_LIMIT, "the request body is too large");
		return false;
	}
	side_consume(s, (size_t)used);
	return true;
}

static bool
has_whole_body(const struct client *c)
{
	switch (c->framing) {
	case HTTP_LENGTH:
		return c->left == 0;
	case HTTP_CHUNKED:
		return c->chunks.done;
	default:
		return true;
	}
}

static enum next admit(struct client *);

static enum next
refuse_body(struct client *c, const struct error *e)
{
	if (e->code == ERR_UNAVAILABLE)
		return answer(c, 503, e->text, NULL, BUSY_RETRY_S);
	return answer(c, e->code == ERR_LIMIT ? 413 : 400, e->text, NULL, 0);
}

static enum next
step_body(struct client *c)
{
	struct side *s = &c->side;
	struct error e;

	while (!has_whole_body(c)) {
		if (side_held(s) == 0 && side_fill(s) == 0)
			return s->eof || s->failed ? DONE : WAIT;
		if (!take_piece(c, &e))
			return refuse_body(c, &e);
	}
	return admit(c);
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
	const struct ask *a = &c->ask;
	struct buf body = BUF_INIT;
	const char *type;

	mock_answer(a->api.protocol, a->wants_stream,
	    a->route->model != NULL ? a->route->model : "mock", &body, &type);
	tell(c, 200, NULL);
	buf_consume(text, text->len);
	(void)http_write_answer(
	    text, 200, extra, type, buf_data(&body), body.len, false);
	buf_free(&body);
	end_request(c);
	if (text->len > side_room(&c->side))
		return DONE;
	side_put(&c->side, buf_data(text), text->len);
	return go(c, CLIENT_LAST, LAST_MS);
}

static void
ask_backend(struct client *c)
{
	struct upstream_request request = {
		.route = c->ask.route,
		.method = c->ask.method,
		.target = buf_str(&c->ask.target),
		.headers = c->ask.headers,
		.body = c->ask.api.has_body ? buf_data(&c->ask.body) : NULL,
		.n = c->ask.body.len,
	};

	c->upstream =
	    upstream_new(c->worker->upstreams, &request, on_upstream, c);
}

static int64_t
patience_ms(const struct client *c)
{
	int64_t ms = c->ask.route->timeout_ms;

	return c->ask.wants_stream && ms < CLIENT_STREAM_IDLE_MS
		   ? CLIENT_STREAM_IDLE_MS
		   : ms;
}

static int
compose(struct client *c, struct error *e)
{
	return ask_compose(
	    &c->ask, guard_body(&c->guard, &c->body), time(NULL), e);
}

/* Asks the route that is now chosen, if the sandbox may ask so much of it. */
static enum next
ask_first(struct client *c)
{
	const struct route *r = c->ask.route;
	struct error e;
	unsigned wait_s;

	wait_s = budget_begin(c->worker->budgets, c->scopes.sandbox, r->name,
	    &(struct budget_limits){
		r->requests_per_minute, r->tokens_per_minute, r->concurrent },
	    link_now_ms());
	if (wait_s > 0)
		return answer(
		    c, 429, "the sandbox's budget is spent", NULL, wait_s);
	c->admitted = true;
	if (r->is_mock)
		return answer_mock(c);
	if (compose(c, &e) < 0)
		return answer(c, 400, e.text, NULL, 0);
	ask_backend(c);
	return go(c, CLIENT_ASK, patience_ms(c));
}

static enum next
admit(struct client *c)
{
	static const char hint[] =
	    "Configure a model with: openshell inference set --provider NAME "
	    "--model ID";
	struct guard_refusal no;
	struct error e;

	if (c->worker->table != NULL)
		c->table = table_ref(c->worker->table);
	switch (ask_choose(&c->ask, c->table, &c->scopes, &c->body, &e)) {
	case ASK_OK:
		break;
	case ASK_BAD:
		return answer(c, 400, e.text, NULL, 0);
	case ASK_INCOMPATIBLE:
		return answer(
		    c, 400, "no compatible inference route available", NULL, 0);
	case ASK_NO_ROUTE:
		return answer(
		    c, 503, "cluster inference is not configured", hint, 0);
	}
	if (c->ask.route->is_closed)
		return answer(c, 503, "inference service unavailable",
		    "The route can't be asked: the gateway's log says why", 0);
	if (guard_request(&c->guard, c->table, &c->ask, &c->body, &no) < 0)
		return refuse(c, &(struct refusal){ .status = no.status,
				     .error = no.error,
				     .detail = no.detail });
	return ask_first(c);
}

/* The next route to try, if nothing of an answer has been passed on. */
static bool
take_next(struct client *c)
{
	const struct route *r;

	do {
		r = table_fallback(c->table, &c->scopes, c->ask.first,
		    c->ask.api.protocol, c->ask.tried++);
		if (r == NULL)
			return false;
	} while (!guard_fallback(&c->guard, &c->ask, r, &c->body));
	c->ask.route = r;
	return true;
}

/* The same, of the route that is now chosen. */
static enum next
ask_again(struct client *c)
{
	struct error e;

	upstream_free(c->upstream);
	c->upstream = NULL;
	if (c->ask.route->is_mock)
		return answer_mock(c);
	if (compose(c, &e) < 0)
		return answer(c, 502, "inference service error", NULL, 0);
	ask_backend(c);
	return go(c, CLIENT_ASK, patience_ms(c));
}

static enum next
backend_failed(struct client *c, const struct error *e)
{
	bool is_unavailable =
	    e->code == ERR_UNAVAILABLE || e->code == ERR_TIMEOUT;

	if (!c->ask.retried && c->upstream != NULL &&
	    upstream_was_stale(c->upstream)) {
		c->ask.retried = true;
		upstream_free(c->upstream);
		ask_backend(c);
		return AGAIN;
	}
	log_info("a backend failed route=%s: %s", c->ask.route->name, e->text);
	if (take_next(c))
		return ask_again(c);
	return is_unavailable
		   ? answer(c, 503, "inference service unavailable", NULL, 0)
		   : answer(c, 502, "inference service error", NULL, 0);
}

static bool
is_failure(unsigned status)
{
	return status == 429 || status >= 500;
}

/* An answer's body leaves as chunks, whatever it came as. */
static bool
put_head(struct client *c, struct http_head *head)
{
	struct buf *text = &c->worker->scratch.text;
	struct redact *redact = c->ask.route->redact;
	struct error e;

	c->status = head->status;
	c->answers = head->status < 300;
	/* A backend's reason is nobody's. */
	head->reason.p = http_reason(head->status);
	head->reason.n = strlen(head->reason.p);
	answer_begin(
	    &c->answer, c->ask.route, &c->guard, head, c->ask.adds_usage);
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

/* Some servers refuse the option that routerd added. */
static bool
may_dislike(const struct client *c, unsigned status)
{
	return c->ask.adds_usage && (status == 400 || status == 422);
}

/* Nobody waits for the answer any more; what was used of it was used. */
static enum next
give_up(struct client *c)
{
	/* It was asked, and has said nothing yet. */
	if (c->state == CLIENT_ASK && c->upstream != NULL) {
		meter_init(&c->answer.meter, false);
		c->answers = true;
	}
	tell(c, CLIENT_WENT_AWAY, "the client went away");
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
	struct error e;

	if (is_gone(c))
		return give_up(c);
	switch (upstream_head(c->upstream, head, &e)) {
	case UPSTREAM_READY:
		break;
	case UPSTREAM_FAILED:
		return backend_failed(c, &e);
	default:
		return WAIT;
	}
	if (is_failure(head->status) && take_next(c))
		return ask_again(c);
	if (may_dislike(c, head->status)) {
		c->ask.is_plain = true;
		return ask_again(c);
	}
	if (!put_head(c, head))
		return answer(c, 502, "inference service error", NULL, 0);
	c->answered = 0;
	return go(c, CLIENT_RELAY, CLIENT_STREAM_IDLE_MS);
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
	tell(c, c->status, NULL);
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

	log_info("an answer broke off route=%s: %s", c->ask.route->name, why);
	tell(c, 502, why);
	c->stays = false;
	(void)side_flush(&c->side);
	if (!c->answer.is_stream || !c->has_body ||
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
	size_t room = side_room(&c->side), n = c->answer.out.len;

	if (room <= CHUNK_ROOM)
		return false;
	n = n < room - CHUNK_ROOM ? n : room - CHUNK_ROOM;
	if (n > 0)
		put_piece(c, (const char *)buf_data(&c->answer.out), n);
	buf_consume(&c->answer.out, n);
	return true;
}

/* True if bytes moved. */
static bool
relay_some(struct client *c, enum upstream_progress *ret, struct error *e)
{
	struct http_slice data;

	*ret = UPSTREAM_READY;
	if (c->answer.out.len > 0)
		return put_some(c);
	*ret =
	    c->is_whole ? UPSTREAM_END : upstream_body(c->upstream, &data, e);
	if (*ret == UPSTREAM_END && !c->is_whole) {
		c->is_whole = true;
		c->is_broken = answer_end(&c->answer, e) < 0;
		*ret = c->is_broken            ? UPSTREAM_FAILED
		       : c->answer.out.len > 0 ? UPSTREAM_READY
					       : UPSTREAM_END;
		return true;
	}
	if (*ret != UPSTREAM_READY)
		return false;
	if (answer_feed(&c->answer, data.p, data.n, e) < 0) {
		c->is_broken = true;
		*ret = UPSTREAM_FAILED;
	}
	c->answered += data.n;
	upstream_consume(c->upstream, data.n);
	(void)put_some(c);
	return true;
}

static enum next
step_relay(struct client *c)
{
	enum upstream_progress progress;
	struct error e;

	if (is_gone(c))
		return give_up(c);
	for (int i = 0; i < TURNS; i++) {
		bool moved = relay_some(c, &progress, &e);

		if (progress == UPSTREAM_END)
			return finish(c);
		if (progress == UPSTREAM_FAILED)
			return break_off(c,
			    c->is_broken ? "what was redacted can't be put back"
					 : "the backend ended early");
		if (c->answered > CLIENT_ANSWER_MAX)
			return break_off(c, "the answer is too large");
		/* What comes with it goes out with it. */
		if (moved) {
			c->deadline_ms = link_now_ms() + CLIENT_STREAM_IDLE_MS;
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

static void
check_time(struct client *c, int64_t now_ms)
{
	enum next next = DONE;
	struct error e;

	if (now_ms < c->deadline_ms)
		return;
	(void)error_set(&e, ERR_TIMEOUT, "it took too long");
	c->running = true;
	if (c->state == CLIENT_ASK)
		next = backend_failed(c, &e);
	else if (c->state == CLIENT_RELAY)
		next = break_off(c, "nothing came for too long");
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
