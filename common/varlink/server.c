/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - see server.h.
 *
 *	idle --frame--> in a call --last reply--> idle
 *	   \_______________\____ end, error ____> closed
 *
 * While a call is in flight nothing more is read: the socket's buffer fills
 * and the peer waits.  Its end must be noticed all the same, and libevent
 * can't watch for that alone (a reset peer is reported as readable, for
 * ever).  So events are edge-triggered and each of them asks poll(2).
 *
 * Handlers may do anything inside their callbacks, freeing the server
 * included.  A conn is counted while it runs, and a conn that a reply breaks
 * is closed from the loop and not under the hands of whoever replied.
 */
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/varlink/codec.h"
#include "common/varlink/message.h"
#include "common/varlink/service.h"
#include "common/varlink/stream.h"
#include "common/xalloc.h"

/* So many calls a connection before others have their turn. */
#define CALLS_PER_TURN 16

/* After accept(2) failed for want of descriptors. */
static const struct timeval accept_pause = { 0, 100000 };

struct listener {
	SLIST_ENTRY(listener) next;
	struct varlink_server *server;
	int fd;
	struct event *readable;
	struct event *pause;
};

struct conn {
	LIST_ENTRY(conn) next;
	struct varlink_server *server; /* NULL: closed */
	struct stream stream;
	struct event *event;
	struct peer peer;
	enum role role;
	struct call *call; /* in flight, or NULL */
	unsigned running;  /* who holds it: callbacks on the stack */
	bool broken;       /* to be closed from the loop */
};

struct call {
	struct conn *conn; /* NULL: the connection is gone */
	const struct service *service;
	void *ctx;
	struct peer peer;
	const struct interface *interface;
	const struct method *method; /* NULL until it is found */
	bool more;
	bool oneway;
	bool in_handler;
	bool over; /* ended; freed when the handler returns */
	void *params;
	struct arena arena;
	void (*cancel)(void *arg);
	void *cancel_arg;
};

struct varlink_server {
	struct event_base *base;
	const struct service *service;
	SLIST_HEAD(, listener) listeners;
	LIST_HEAD(, conn) conns;
	unsigned n_conns;
};

/*
 * Calls.  A call that nobody was told the end of stays until it is answered,
 * also without a connection.
 */

static void
call_free(struct call *c)
{
	if (c->params != NULL)
		codec_close(c->method->params, c->params);
	arena_clear(&c->arena);
	free(c);
}

static void
call_finish(struct call *c)
{
	void (*cancel)(void *) = steal_ptr(&c->cancel);

	assert(!c->over);
	c->over = true;
	if (c->conn != NULL) {
		c->conn->call = NULL;
		/* There may be a next call that has already been read. */
		if (c->conn->running == 0)
			event_active(c->conn->event, EV_READ, 0);
		c->conn = NULL;
	}
	if (cancel != NULL)
		cancel(c->cancel_arg);
	if (!c->in_handler)
		call_free(c);
}

/* The connection is gone. */
static void
call_detach(struct call *c)
{
	c->conn->call = NULL;
	c->conn = NULL;
	if (c->cancel != NULL)
		call_finish(c);
}

/* Connections. */

/* The one place that frees a conn: nothing may follow but return. */
static void
conn_release(struct conn *c)
{
	if (--c->running > 0 || c->server != NULL)
		return;
	event_free(c->event);
	free(c);
}

/* For those who hold it: it stays until they release it. */
static void
conn_close(struct conn *c)
{
	assert(c->running > 0);
	if (c->server == NULL)
		return;
	LIST_REMOVE(c, next);
	c->server->n_conns--;
	c->server = NULL;
	(void)event_del(c->event);
	stream_clear(&c->stream);
	if (c->call != NULL)
		call_detach(c->call);
}

/* A peer that goes away isn't worth a line. */
static void
conn_log_end(const struct conn *c, const struct error *e)
{
	if (e->code != ERR_UNAVAILABLE)
		log_warnx("varlink connection closed pid=%d uid=%u: %s",
		    (int)c->peer.pid, (unsigned)c->peer.uid, e->text);
}

static void
conn_break(struct conn *c, const struct error *why)
{
	if (c->broken)
		return;
	conn_log_end(c, why);
	c->broken = true;
	event_active(c->event, EV_READ, 0);
}

static void
conn_send(struct conn *c, struct buf *frame, struct passed *passed)
{
	struct error e;

	stream_queue(&c->stream, frame, passed);
	if (stream_flush(&c->stream, &e) < 0) {
		conn_break(c, &e);
	} else if (c->stream.queued > VARLINK_QUEUE_MAX) {
		(void)error_set(&e, ERR_LIMIT, "peer does not read");
		conn_break(c, &e);
	}
}

/* Replies. */

/* -1 with the error set if the reply can't be sent as it is. */
static int
send_reply(struct call *c, const void *reply, bool continues, struct error *e)
{
	_cleanup_(buf_free) struct buf frame = BUF_INIT;
	struct passed lent, passed;

	if (message_write_reply(
		&frame, c->method->reply, reply, continues, &lent) < 0)
		return error_set(e, ERR_LIMIT, "reply of '%s' is over %u bytes",
		    c->method->name, VARLINK_FRAME_MAX);
	if (passed_dup(&lent, &passed) < 0)
		return error_errno(e, "cannot pass descriptors");
	conn_send(c->conn, &frame, &passed);
	return 0;
}

static bool
is_answerable(const struct call *c)
{
	return c->conn != NULL && !c->conn->broken && !c->oneway;
}

void
call_reply(struct call *c, const void *reply)
{
	struct error e;

	if (is_answerable(c) && send_reply(c, reply, false, &e) < 0)
		call_error(c, &e);
	else
		call_finish(c);
}

void
call_reply_more(struct call *c, const void *reply)
{
	struct error e;

	assert(c->more);
	if (is_answerable(c) && send_reply(c, reply, true, &e) < 0)
		conn_break(c->conn, &e);
}

void
call_error_named(struct call *c, const char *whole_name,
    const struct field *fields, const void *params)
{
	_cleanup_(buf_free) struct buf frame = BUF_INIT;
	struct passed none = { .n = 0 };
	struct error e;

	if (is_answerable(c)) {
		if (message_write_error(&frame, whole_name, fields, params) <
		    0) {
			(void)error_set(&e, ERR_LIMIT, "error is too long");
			conn_break(c->conn, &e);
		} else {
			conn_send(c->conn, &frame, &none);
		}
	}
	call_finish(c);
}

void
call_error_with(struct call *c, const char *name, const struct field *fields,
    const void *params)
{
	autofree char *whole = xasprintf("%s.%s", c->interface->name, name);

	call_error_named(c, whole, fields, params);
}

void
call_error(struct call *c, const struct error *e)
{
	static const struct field fields[] = {
		{ "message", FIELD_STR, REQUIRED, 0, ERROR_TEXT_MAX },
		{ 0 },
	};
	const char *message = e->text;

	call_error_with(c, error_name(e->code), fields, &message);
}

/* What handlers ask. */

void *
call_ctx(struct call *c)
{
	return c->ctx;
}

const struct peer *
call_peer(struct call *c)
{
	return &c->peer;
}

bool
call_wants_more(struct call *c)
{
	return c->more;
}

const struct service *
call_service(const struct call *c)
{
	return c->service;
}

void
call_on_end(struct call *c, void (*cancel)(void *arg), void *arg)
{
	c->cancel = cancel;
	c->cancel_arg = arg;
}

size_t
call_queued(struct call *c)
{
	return c->conn != NULL ? c->conn->stream.queued : 0;
}

/* Dispatch. */

static void
refuse(struct call *c, const char *whole_name, const struct field *fields,
    const char *name)
{
	struct varlink_named params = { name };

	log_debug("varlink call refused pid=%d error=%s name=%s",
	    (int)c->peer.pid, whole_name, log_safe(name));
	call_error_named(c, whole_name, fields, &params);
}

static const struct method *
method_find(const struct interface *interface, const char *name)
{
	for (const struct method *const *m = interface->methods; *m != NULL;
	     m++)
		if (strcmp((*m)->name, name) == 0)
			return *m;
	return NULL;
}

static const struct handler *
handler_find(const struct handler *h, const struct method *m)
{
	while (h->method != NULL && h->method != m)
		h++;
	return h->method != NULL ? h : NULL;
}

/* The handler of a call that may be made, or NULL: it was refused. */
static const struct handler *
call_resolve(struct call *c, const struct message *m)
{
	static const struct field *const method = varlink_named_method;
	const char *dot = strrchr(m->method, '.');
	autofree char *name = xstrndup(
	    m->method, dot != NULL ? (size_t)(dot - m->method) : SIZE_MAX);
	const struct handler *handlers = c->service->handlers;
	const struct handler *h;

	c->interface = c->service->interface;
	if (strcmp(name, VARLINK_SERVICE) == 0) {
		c->interface = &varlink_service_interface;
		handlers = varlink_service_handlers;
	}
	if (dot == NULL || strcmp(name, c->interface->name) != 0) {
		refuse(c, VARLINK_SERVICE ".InterfaceNotFound",
		    varlink_named_interface, name);
		return NULL;
	}
	c->method = method_find(c->interface, dot + 1);
	if (c->method == NULL) {
		refuse(c, VARLINK_SERVICE ".MethodNotFound", method, m->method);
		return NULL;
	}
	h = handler_find(handlers, c->method);
	if (h == NULL || m->upgrade) {
		refuse(c, VARLINK_SERVICE ".MethodNotImplemented", method,
		    m->method);
		return NULL;
	}
	if (c->conn->role < h->role) {
		refuse(c, VARLINK_SERVICE ".PermissionDenied", NULL, m->method);
		return NULL;
	}
	if ((c->method->flags & METHOD_MORE) != 0 && !c->more) {
		refuse(c, VARLINK_SERVICE ".ExpectedMore", NULL, m->method);
		return NULL;
	}
	return h;
}

static void
call_run(struct call *c, const struct handler *h)
{
	struct error e;
	int r;

	c->in_handler = true;
	r = h->run(c, c->params, &e);
	c->in_handler = false;
	if (c->over)
		call_free(c);
	else if (r < 0)
		call_error(c, &e);
}

/* Takes what it wants out of passed. */
static void
conn_call(struct conn *conn, const struct message *m, struct passed *passed)
{
	struct call *c = xcalloc(1, sizeof(*c));
	const struct handler *h;
	struct bad_field bad;

	c->conn = conn;
	c->service = conn->server->service;
	c->ctx = c->service->ctx;
	c->peer = conn->peer;
	c->more = m->more;
	c->oneway = m->oneway;
	conn->call = c;
	h = call_resolve(c, m);
	if (h == NULL)
		return;
	c->params = codec_decode(m->parameters, c->method->params,
	    c->method->params_size, &c->arena, passed, &bad);
	if (c->params == NULL) {
		log_debug("varlink parameter refused method=%s field=%s: %s",
		    c->method->name, log_safe(bad.path), bad.why);
		refuse(c, VARLINK_SERVICE ".InvalidParameter",
		    varlink_named_parameter, bad.path);
		return;
	}
	call_run(c, h);
}

/* 1 if a call was taken, 0 if there is none, -1 with the error set. */
static int
conn_take_frame(struct conn *c, struct error *e)
{
	struct message m;
	struct passed passed;
	const char *text;
	size_t len;
	int r = stream_frame(&c->stream, &text, &len, &passed, e);

	if (r <= 0)
		return r;
	r = message_parse_call(text, len, &m, e);
	stream_consume(&c->stream, len);
	if (r == 0) {
		conn_call(c, &m, &passed);
		message_clear(&m);
	}
	passed_clear(&passed);
	return r < 0 ? -1 : 1;
}

static bool
is_hung_up(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0;
}

/* 1 if the connection goes on, 0 if it is to be closed, -1 with the error set
 * if the reason is worth a line. */
static int
conn_step(struct conn *c, struct error *e)
{
	unsigned calls = 0;
	int r;

	if (c->broken)
		return 0;
	if (stream_flush(&c->stream, e) < 0)
		return -1;
	while (c->server != NULL && c->call == NULL && !c->broken) {
		if (calls == CALLS_PER_TURN) {
			event_active(c->event, EV_READ, 0);
			return 1;
		}
		r = conn_take_frame(c, e);
		calls += r > 0;
		if (r == 0) {
			r = stream_read(&c->stream, e);
			if (r == 0)
				return 1;
		}
		if (r < 0)
			return -1;
	}
	if (c->server == NULL)
		return 0;
	return !c->broken && !is_hung_up(c->stream.fd);
}

static void
on_conn(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	struct error e;
	int r;

	(void)fd;
	(void)what;
	c->running++;
	r = conn_step(c, &e);
	if (r < 0)
		conn_log_end(c, &e);
	if (r <= 0)
		conn_close(c);
	conn_release(c);
}

/* The server. */

static int
get_peer(int fd, struct peer *ret, struct error *e)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return error_errno(e, "cannot tell who the peer is");
	*ret = (struct peer){ cred.pid, cred.uid, cred.gid };
	return 0;
}

static int
check_room(const struct varlink_server *s, const struct peer *peer,
    enum role role, struct error *e)
{
	unsigned own = 0, users = 0;
	const struct conn *c;

	if (s->n_conns >= VARLINK_CONNECTIONS_MAX)
		return error_set(e, ERR_LIMIT, "over %d connections",
		    VARLINK_CONNECTIONS_MAX);
	if (role > ROLE_USER)
		return 0;
	LIST_FOREACH(c, &s->conns, next)
	{
		users += c->role == ROLE_USER;
		own += c->role == ROLE_USER && c->peer.uid == peer->uid;
	}
	if (own >= VARLINK_USER_CONNECTIONS_MAX)
		return error_set(e, ERR_LIMIT, "over %d connections of user %u",
		    VARLINK_USER_CONNECTIONS_MAX, (unsigned)peer->uid);
	if (users >= VARLINK_USERS_CONNECTIONS_MAX)
		return error_set(e, ERR_LIMIT, "over %d connections of users",
		    VARLINK_USERS_CONNECTIONS_MAX);
	return 0;
}

int
varlink_server_add(struct varlink_server *s, int owned_fd, struct error *e)
{
	autoclose int fd = owned_fd;
	struct peer peer;
	struct conn *c;
	enum role role;

	if (get_peer(fd, &peer, e) < 0)
		return -1;
	role = s->service->role(s->service->ctx, &peer);
	if (role == ROLE_NOBODY)
		return error_set(e, ERR_DENIED,
		    "process %d of user %u may not call", (int)peer.pid,
		    (unsigned)peer.uid);
	if (check_room(s, &peer, role, e) < 0)
		return -1;

	c = xcalloc(1, sizeof(*c));
	c->event = event_new(
	    s->base, fd, EV_READ | EV_WRITE | EV_ET | EV_PERSIST, on_conn, c);
	if (c->event == NULL || event_add(c->event, NULL) < 0)
		fatalx("cannot watch a connection");
	c->server = s;
	c->peer = peer;
	c->role = role;
	stream_init(&c->stream, steal_fd(&fd));
	LIST_INSERT_HEAD(&s->conns, c, next);
	s->n_conns++;
	/* Bytes that came before the event are no edge. */
	event_active(c->event, EV_READ, 0);
	return 0;
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	struct error e;
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (peer >= 0) {
		if (varlink_server_add(l->server, peer, &e) < 0)
			log_warnx("varlink connection refused: %s", e.text);
		return;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
	    errno == ENOMEM) {
		/* It would be reported again at once, and again. */
		log_warn("cannot accept");
		(void)event_del(l->readable);
		(void)event_add(l->pause, &accept_pause);
	}
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	(void)event_add(l->readable, NULL);
}

int
varlink_server_listen(struct varlink_server *s, int fd, struct error *e)
{
	struct listener *l;

	if (evutil_make_socket_nonblocking(fd) < 0) {
		(void)error_errno(e, "cannot use the listening socket");
		(void)close(fd);
		return -1;
	}
	l = xcalloc(1, sizeof(*l));
	l->server = s;
	l->fd = fd;
	l->readable =
	    event_new(s->base, fd, EV_READ | EV_PERSIST, on_accept, l);
	l->pause = evtimer_new(s->base, on_pause_over, l);
	if (l->readable == NULL || l->pause == NULL ||
	    event_add(l->readable, NULL) < 0)
		fatalx("cannot watch a listening socket");
	SLIST_INSERT_HEAD(&s->listeners, l, next);
	return 0;
}

struct varlink_server *
varlink_server_new(struct event_base *base, const struct service *service)
{
	struct varlink_server *s = xcalloc(1, sizeof(*s));

	s->base = base;
	s->service = service;
	SLIST_INIT(&s->listeners);
	LIST_INIT(&s->conns);
	return s;
}

void
varlink_server_free(struct varlink_server *s)
{
	struct conn *c;

	if (s == NULL)
		return;
	while (!SLIST_EMPTY(&s->listeners)) {
		struct listener *l = SLIST_FIRST(&s->listeners);

		SLIST_REMOVE_HEAD(&s->listeners, next);
		event_free(l->readable);
		event_free(l->pause);
		(void)close(l->fd);
		free(l);
	}
	while ((c = LIST_FIRST(&s->conns)) != NULL) {
		c->running++;
		conn_close(c);
		assert(c != LIST_FIRST(&s->conns));
		conn_release(c);
	}
	free(s);
}
