/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.c - see client.h.
 *
 * Reads what a service answers: it is a daemon of ours, but checked like
 * anybody.  A reply that breaks the protocol ends the connection.
 *
 * Callbacks run from the loop only, never inside varlink_client_call(), and
 * may free the client; it is counted while it runs.
 */
#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/varlink/client.h"
#include "common/varlink/result.h"
#include "common/varlink/stream.h"
#include "common/xalloc.h"

/* So many replies a connection before others have their turn. */
#define REPLIES_PER_TURN 16

struct pending {
	STAILQ_ENTRY(pending) next;
	const struct method *method;
	bool more;
	bool sent;
	struct buf frame;
	struct passed passed;
	struct error error; /* why it can't be sent, if code isn't ERR_NONE */
	varlink_result_fn *done;
	void *arg;
};

struct varlink_client {
	const struct interface *interface;
	struct stream stream;
	struct event *readable;
	struct event *writable;       /* only while something is to be sent */
	struct event *wake;           /* outlives the socket */
	STAILQ_HEAD(, pending) calls; /* the first may be under way */
	void (*closed)(void *arg);
	void *arg;
	bool dead;  /* the connection has ended */
	bool freed; /* by its owner, inside a callback */
	unsigned running;
};

static void
pending_free(struct pending *p)
{
	buf_wipe(&p->frame);
	passed_clear(&p->passed);
	free(p);
}

static void
client_destroy(struct varlink_client *c)
{
	event_free(c->readable);
	event_free(c->writable);
	event_free(c->wake);
	free(c);
}

/* Takes the first call off the queue and answers it with an error. */
static void
client_fail_first(struct varlink_client *c, const struct error *e)
{
	struct pending *p = STAILQ_FIRST(&c->calls);
	struct varlink_result r = { .error = e };

	STAILQ_REMOVE_HEAD(&c->calls, next);
	if (p->done != NULL)
		p->done(p->arg, &r);
	pending_free(p);
}

static void
client_ignore(struct varlink_client *c)
{
	(void)event_del(c->readable);
	(void)event_del(c->writable);
}

/* Queued calls are answered with ERR_UNAVAILABLE, the one under way with what
 * happened. */
static void
client_end(struct varlink_client *c, const struct error *why)
{
	struct error e = *why;
	void (*closed)(void *) = steal_ptr(&c->closed);

	c->dead = true;
	client_ignore(c);
	stream_clear(&c->stream);
	while (!c->freed && !STAILQ_EMPTY(&c->calls)) {
		bool sent = STAILQ_FIRST(&c->calls)->sent;

		if (!sent)
			(void)error_set(
			    &e, ERR_UNAVAILABLE, "connection ended");
		client_fail_first(c, &e);
	}
	if (!c->freed && closed != NULL)
		closed(c->arg);
}

/* Sends the first call that can be sent, if none is under way. */
static void
client_send_next(struct varlink_client *c)
{
	struct pending *p;

	while (!c->freed && (p = STAILQ_FIRST(&c->calls)) != NULL && !p->sent) {
		if (p->error.code == ERR_NONE) {
			stream_queue(&c->stream, &p->frame, &p->passed);
			p->sent = true;
			return;
		}
		struct error e = p->error;

		client_fail_first(c, &e);
	}
}

static void
client_answer(struct varlink_client *c, const struct varlink_result *r)
{
	struct pending *p = STAILQ_FIRST(&c->calls);

	if (r->continues) {
		if (p->done != NULL)
			p->done(p->arg, r);
		return;
	}
	STAILQ_REMOVE_HEAD(&c->calls, next);
	if (p->done != NULL)
		p->done(p->arg, r);
	pending_free(p);
}

/* 1 if a reply was taken, 0 if there is none, -1 with the error set. */
static int
client_take_frame(struct varlink_client *c, struct error *e)
{
	struct pending *p = STAILQ_FIRST(&c->calls);
	struct result result;
	struct passed passed;
	const char *text;
	size_t len;
	int r = stream_frame(&c->stream, &text, &len, &passed, e);

	if (r <= 0)
		return r;
	if (p == NULL)
		r = error_set(e, ERR_PROTOCOL, "reply without a call");
	else
		r = result_open(&result, c->interface, p->method, p->more, text,
		    len, &passed, e);
	stream_consume(&c->stream, len);
	passed_clear(&passed);
	if (r < 0)
		return -1;
	client_answer(c, &result.public);
	result_clear(&result);
	return 1;
}

/* What doesn't fit now is sent when there is room. */
static int
client_flush(struct varlink_client *c, struct error *e)
{
	int r = stream_flush(&c->stream, e);

	if (r == 0)
		(void)event_add(c->writable, NULL);
	return r < 0 ? -1 : 0;
}

static int
client_step(struct varlink_client *c, struct error *e)
{
	unsigned replies = 0;
	int r;

	while (!c->freed) {
		if (replies == REPLIES_PER_TURN) {
			event_active(c->wake, EV_READ, 0);
			return 0;
		}
		client_send_next(c);
		if (c->freed)
			break;
		if (client_flush(c, e) < 0)
			return -1;
		r = client_take_frame(c, e);
		if (r > 0)
			replies++;
		if (r == 0)
			r = stream_read(&c->stream, e);
		if (r <= 0)
			return r;
	}
	return 0;
}

static void
on_client(evutil_socket_t fd, short what, void *arg)
{
	struct varlink_client *c = arg;
	struct error e;

	(void)fd;
	(void)what;
	c->running++;
	if (c->dead) {
		(void)error_set(&e, ERR_UNAVAILABLE, "connection ended");
		while (!c->freed && !STAILQ_EMPTY(&c->calls))
			client_fail_first(c, &e);
	} else if (client_step(c, &e) < 0) {
		if (e.code != ERR_UNAVAILABLE)
			log_warnx("varlink connection closed interface=%s: %s",
			    c->interface->name, e.text);
		client_end(c, &e);
	}
	if (--c->running == 0 && c->freed)
		client_destroy(c);
}

struct varlink_client *
varlink_client_new(struct event_base *base, const struct interface *interface,
    int fd, void (*closed)(void *arg), void *arg)
{
	struct varlink_client *c = xcalloc(1, sizeof(*c));

	c->interface = interface;
	c->closed = closed;
	c->arg = arg;
	STAILQ_INIT(&c->calls);
	stream_init(&c->stream, fd);
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_client, c);
	c->writable = event_new(base, fd, EV_WRITE, on_client, c);
	c->wake = event_new(base, -1, 0, on_client, c);
	if (c->readable == NULL || c->writable == NULL || c->wake == NULL ||
	    event_add(c->readable, NULL) < 0)
		fatalx("cannot watch a connection");
	return c;
}

void
varlink_client_free(struct varlink_client *c)
{
	if (c == NULL || c->freed)
		return;
	c->freed = true;
	client_ignore(c);
	(void)event_del(c->wake);
	stream_clear(&c->stream);
	while (!STAILQ_EMPTY(&c->calls)) {
		struct pending *p = STAILQ_FIRST(&c->calls);

		STAILQ_REMOVE_HEAD(&c->calls, next);
		pending_free(p);
	}
	if (c->running == 0)
		client_destroy(c);
}

void
varlink_client_call(struct varlink_client *c, const struct method *method,
    const void *params, bool more, varlink_result_fn *done, void *arg)
{
	struct pending *p = xcalloc(1, sizeof(*p));
	struct passed lent;

	p->method = method;
	p->more = more;
	p->done = done;
	p->arg = arg;
	if (message_write_call(
		&p->frame, c->interface, method, params, more, &lent) < 0)
		(void)error_set(&p->error, ERR_LIMIT,
		    "call of '%s' is over %u bytes", method->name,
		    VARLINK_FRAME_MAX);
	else if (passed_dup(&lent, &p->passed) < 0)
		(void)error_errno(&p->error, "cannot pass descriptors");
	STAILQ_INSERT_TAIL(&c->calls, p, next);
	event_active(c->wake, EV_READ, 0);
}
