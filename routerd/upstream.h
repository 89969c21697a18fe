/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream.h - requests at backends, and the connections they travel on.
 *
 * HTTP/1.1 or, where a backend offers it, HTTP/2 (RFC 9113); connections are
 * kept for the next request.  Nothing is called back but notify(): it says
 * that asking again may give something.  The answer is pulled, so that a slow
 * client stops a fast backend.
 *
 *	upstream_new() -> upstream_head() until it is READY or FAILED
 *	               -> upstream_body() and upstream_consume() until END
 *	               -> upstream_free()
 *
 * An answer's bytes are hostile; its head is held to message.h whichever
 * protocol it came by.
 */
#ifndef ROUTERD_UPSTREAM_H
#define ROUTERD_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/http/message.h"
#include "common/http/write.h"

#define UPSTREAM_CONNECT_MS 30000
#define UPSTREAM_IDLE_MS 60000 /* a connection that nobody uses */
#define UPSTREAM_IDLE_MAX 64   /* of them, one worker */
#define UPSTREAM_WINDOW 262144 /* bytes of one HTTP/2 answer on the way */

struct event_base;
struct pool;
struct resolver;
struct route;
struct tls_trust;
struct upstream;  /* one request */
struct upstreams; /* one worker's connections */

/* All borrowed until upstream_free(). */
struct upstream_request {
	const struct route *route;
	const char *method;
	const char *target;               /* path and query */
	const struct http_extra *headers; /* ends with a zero row; none that
					   * says where the body ends */
	const void *body;
	size_t n;
};

enum upstream_progress {
	UPSTREAM_WAIT, /* notify() will be called */
	UPSTREAM_READY,
	UPSTREAM_END, /* the body was complete */
	UPSTREAM_FAILED,
};

struct upstreams *upstreams_new(struct event_base *, struct pool *,
    struct resolver *, const struct tls_trust *);
void upstreams_free(struct upstreams *);
/* Closes what was idle or took too long; ask now and then. */
void upstreams_tick(struct upstreams *, int64_t now_ms);

struct upstream *upstream_new(struct upstreams *,
    const struct upstream_request *, void (*notify)(void *arg), void *arg);
/* NULL is fine.  An answer that wasn't read to its end is given up. */
void upstream_free(struct upstream *);

/* READY: ret is filled once; its slices are dead after the next call. */
enum upstream_progress upstream_head(
    struct upstream *, struct http_head *ret, struct error *);
/* READY: ret is what is there and wasn't consumed, at least a byte. */
enum upstream_progress upstream_body(
    struct upstream *, struct http_slice *ret, struct error *);
void upstream_consume(struct upstream *, size_t n);

/* It failed because a kept connection had ended just then: nothing was
 * answered, and the same request may be made once more. */
bool upstream_was_stale(const struct upstream *);

#endif
