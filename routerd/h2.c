/* SPDX-License-Identifier: Apache-2.0 */
/*
 * h2.c - requests and their answers over HTTP/2 (RFC 9113), framed by nghttp2;
 * see link.h.
 *
 * An answer's head is written as HTTP/1.1 would write it and read by the same
 * strict parser.  The window of a stream opens only as its bytes are consumed:
 * a slow client holds UPSTREAM_WINDOW bytes and no more.
 */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "routerd/link.h"
#include "routerd/table.h"

#define STREAMS_MAX 128 /* at a time, unless the server wants fewer */
#define FIELDS_MAX 40   /* of a request, with the pseudo fields */
#define ANSWER_HEAD_MAX HTTP_HEAD_MAX
#define FRAME_MAX (16384 + 9) /* what we send at most in one piece */
#define ROUNDS 16             /* of reading, before others have theirs */

TAILQ_HEAD(waiting, upstream);
TAILQ_HEAD(upstreams_live, upstream);

struct h2 {
	struct link *link;
	nghttp2_session *session;
	struct upstreams_live live;
	struct waiting ready; /* to be notified */
	unsigned streams;
};

static void
queue(struct h2 *h, struct upstream *u)
{
	if (u->is_queued)
		return;
	u->is_queued = true;
	TAILQ_INSERT_TAIL(&h->ready, u, next);
}

static struct upstream *
upstream_of(nghttp2_session *session, int32_t stream)
{
	return nghttp2_session_get_stream_user_data(session, stream);
}

static int
on_begin_headers(
    nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct upstream *u = upstream_of(session, frame->hd.stream_id);

	(void)arg;
	/* A head that follows an interim one begins anew. */
	if (u != NULL && !u->head_complete)
		buf_consume(&u->text, u->text.len);
	return 0;
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame,
    const uint8_t *name, size_t name_n, const uint8_t *value, size_t value_n,
    uint8_t flags, void *arg)
{
	struct upstream *u = upstream_of(session, frame->hd.stream_id);
	int r;

	(void)flags;
	(void)arg;
	if (u == NULL || u->head_complete)
		return 0; /* trailers go nowhere */
	if (name_n == 7 && memcmp(name, ":status", 7) == 0)
		r = buf_printf(&u->text, "HTTP/1.1 %.*s \r\n", (int)value_n,
		    (const char *)value);
	else
		r = buf_printf(&u->text, "%.*s: %.*s\r\n", (int)name_n,
		    (const char *)name, (int)value_n, (const char *)value);
	return r < 0 ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
}

static bool
is_interim(const struct upstream *u)
{
	/* "HTTP/1.1 1xx" */
	return u->text.len > 9 && buf_data(&u->text)[9] == '1';
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct upstream *u = upstream_of(session, frame->hd.stream_id);
	struct h2 *h = arg;

	if (u == NULL)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && !u->head_complete &&
	    !is_interim(u)) {
		(void)buf_puts(&u->text, "\r\n");
		u->head_complete = true;
	}
	if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
		u->ended = true;
	queue(h, u);
	return 0;
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t stream,
    const uint8_t *data, size_t n, void *arg)
{
	struct upstream *u = upstream_of(session, stream);

	(void)flags;
	if (u == NULL)
		return nghttp2_session_consume(session, stream, n);
	/* The window is the limit. */
	(void)buf_append(&u->in, data, n);
	queue(arg, u);
	return 0;
}

static int
on_close(
    nghttp2_session *session, int32_t stream, uint32_t error_code, void *arg)
{
	struct upstream *u = upstream_of(session, stream);
	struct h2 *h = arg;
	struct error e;

	h->streams--;
	if (u == NULL)
		return 0;
	if (error_code != NGHTTP2_NO_ERROR || !u->ended) {
		(void)error_set(&e, ERR_UNAVAILABLE, "'%s' gave up: %s",
		    h->link->origin, nghttp2_http2_strerror(error_code));
		/* It says itself that nothing was done (RFC 9113 8.7). */
		u->stale = error_code == NGHTTP2_REFUSED_STREAM;
		upstream_fail(u, &e);
	}
	/* What wasn't consumed counts for the connection no more. */
	(void)nghttp2_session_consume_connection(session, u->in.len);
	u->link = NULL;
	TAILQ_REMOVE(&h->live, u, live);
	queue(h, u);
	return 0;
}

struct h2 *
h2_new(struct link *l)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UPSTREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, ANSWER_HEAD_MAX },
	};
	struct h2 *h = xcalloc(1, sizeof(*h));
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;

	h->link = l;
	TAILQ_INIT(&h->ready);
	TAILQ_INIT(&h->live);
	if (nghttp2_session_callbacks_new(&callbacks) != 0 ||
	    nghttp2_option_new(&option) != 0)
		abort();
	nghttp2_session_callbacks_set_on_begin_headers_callback(
	    callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(
	    callbacks, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
	    callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(
	    callbacks, on_close);
	nghttp2_option_set_no_auto_window_update(option, 1);
	/* The connection's window is all its streams': clients that don't
	 * read hold up no others. */
	if (nghttp2_session_client_new2(&h->session, callbacks, h, option) !=
		0 ||
	    nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
		sizeof(settings) / sizeof(settings[0])) != 0 ||
	    nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE,
		0, STREAMS_MAX * UPSTREAM_WINDOW) != 0)
		abort();
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	return h;
}

static void
notify_all(struct h2 *h)
{
	struct upstream *u;

	while ((u = TAILQ_FIRST(&h->ready)) != NULL) {
		TAILQ_REMOVE(&h->ready, u, next);
		u->is_queued = false;
		u->notify(u->arg); /* u may be gone */
	}
}

void
h2_fail(struct h2 *h, const struct error *e)
{
	struct upstream *u;

	while ((u = TAILQ_FIRST(&h->live)) != NULL) {
		TAILQ_REMOVE(&h->live, u, live);
		/* An answer that is there as a whole is none the worse. */
		if (u->ended) {
			u->link = NULL;
		} else {
			u->stale = h->link->reused && !u->head_complete;
			upstream_fail(u, e);
		}
		queue(h, u);
	}
	notify_all(h);
}

void
h2_free(struct h2 *h)
{
	if (h == NULL)
		return;
	nghttp2_session_del(h->session);
	free(h);
}

unsigned
h2_streams(const struct h2 *h)
{
	return h->streams;
}

bool
h2_has_room(const struct h2 *h)
{
	uint32_t max = nghttp2_session_get_remote_settings(
	    h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	return !h->link->side.eof && !h->link->side.failed &&
	       nghttp2_session_check_request_allowed(h->session) &&
	       h->streams < (max < STREAMS_MAX ? max : STREAMS_MAX);
}

static ssize_t
read_body(nghttp2_session *session, int32_t stream, uint8_t *to, size_t n,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct upstream *u = upstream_of(session, stream);
	size_t left;

	(void)source;
	(void)arg;
	if (u == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	left = u->request.n - u->given;
	n = n < left ? n : left;
	memcpy(to, (const uint8_t *)u->request.body + u->given, n);
	u->given += n;
	if (n == left)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static nghttp2_nv
field(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name,
		(uint8_t *)(uintptr_t)value, strlen(name), strlen(value),
		NGHTTP2_NV_FLAG_NONE };
}

void
h2_start(struct upstream *u)
{
	const struct upstream_request *r = &u->request;
	const nghttp2_data_provider body = { .read_callback = read_body };
	struct h2 *h = u->link->h2;
	nghttp2_nv fields[FIELDS_MAX];
	char length[24];
	struct error e;
	size_t n = 0;

	u->h2 = h;
	u->text.limit = ANSWER_HEAD_MAX;
	fields[n++] = field(":method", r->method);
	fields[n++] = field(":scheme", "https");
	fields[n++] = field(":authority", r->route->host);
	fields[n++] = field(":path", r->target);
	for (const struct http_extra *x = r->headers;
	     x->name != NULL && n < FIELDS_MAX - 1; x++)
		fields[n++] = field(x->name, x->value);
	(void)snprintf(length, sizeof(length), "%zu", r->n);
	if (r->body != NULL)
		fields[n++] = field("content-length", length);
	u->stream = nghttp2_submit_request(
	    h->session, NULL, fields, n, r->body != NULL ? &body : NULL, u);
	if (u->stream < 0) {
		u->stream = INT32_MAX;
		(void)error_set(
		    &e, ERR_UNAVAILABLE, "'%s' takes no more", u->link->origin);
		upstream_fail(u, &e);
		queue(h, u);
		return;
	}
	TAILQ_INSERT_TAIL(&h->live, u, live);
	h->streams++;
}

void
h2_end(struct upstream *u)
{
	struct h2 *h = u->h2;

	if (u->is_queued)
		TAILQ_REMOVE(&h->ready, u, next);
	if (u->link == NULL)
		return;
	TAILQ_REMOVE(&h->live, u, live);
	(void)nghttp2_session_consume_connection(h->session, u->in.len);
	(void)nghttp2_session_set_stream_user_data(h->session, u->stream, NULL);
	(void)nghttp2_submit_rst_stream(
	    h->session, NGHTTP2_FLAG_NONE, u->stream, NGHTTP2_CANCEL);
}

void
h2_flush(struct h2 *h)
{
	struct side *s = &h->link->side;
	const uint8_t *frame;
	ssize_t n;

	do {
		while (side_room(s) >= FRAME_MAX &&
		       (n = nghttp2_session_mem_send(h->session, &frame)) > 0)
			side_put(s, frame, (size_t)n);
	} while (side_pending(s) > 0 && side_flush(s));
}

static int
receive(struct h2 *h, struct error *e)
{
	struct side *s = &h->link->side;

	for (int i = 0; i < ROUNDS && (side_fill(s) > 0 || side_held(s) > 0);
	     i++) {
		ssize_t n = nghttp2_session_mem_recv(
		    h->session, (const uint8_t *)side_data(s), side_held(s));

		if (n < 0)
			return error_set(e, ERR_UNAVAILABLE,
			    "'%s' broke HTTP/2: %s", h->link->origin,
			    nghttp2_strerror((int)n));
		side_consume(s, (size_t)n);
	}
	return 0;
}

bool
h2_has_work(const struct h2 *h)
{
	const struct side *s = &h->link->side;

	return !TAILQ_EMPTY(&h->ready) || s->readable || side_held(s) > 0 ||
	       s->eof || s->failed;
}

bool
h2_run(struct link *l, struct error *e)
{
	struct h2 *h = l->h2;

	if (receive(h, e) < 0)
		return false;
	notify_all(h);
	h2_flush(h);
	if (!l->side.eof && !l->side.failed &&
	    (nghttp2_session_want_read(h->session) ||
		nghttp2_session_want_write(h->session)))
		return true;
	(void)error_set(
	    e, ERR_UNAVAILABLE, "'%s' closed the connection", l->origin);
	return false;
}

enum upstream_progress
h2_head(struct upstream *u, struct http_head *ret, struct error *e)
{
	if (!u->head_complete)
		return UPSTREAM_WAIT;
	u->has_head = true;
	if (http_parse_response(&u->scan, (char *)buf_data(&u->text),
		u->text.len, ANSWER_HEAD_MAX, HTTP_ASKED, ret, e) > 0)
		return UPSTREAM_READY;
	(void)error_prefix(e, "the backend's answer can't be read");
	u->error = *e;
	u->failed = true;
	return UPSTREAM_FAILED;
}

enum upstream_progress
h2_body(struct upstream *u, struct http_slice *ret, struct error *e)
{
	*ret = (struct http_slice){ (char *)buf_data(&u->in), u->in.len };
	if (u->in.len > 0)
		return UPSTREAM_READY;
	if (u->ended)
		return UPSTREAM_END;
	if (!u->failed)
		return UPSTREAM_WAIT;
	*e = u->error;
	return UPSTREAM_FAILED;
}

void
h2_consume(struct upstream *u, size_t n)
{
	buf_consume(&u->in, n);
	if (u->link != NULL)
		(void)nghttp2_session_consume(u->h2->session, u->stream, n);
}
