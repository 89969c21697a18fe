/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.h - one connection to a backend, inside upstream.c, h1.c and h2.c.
 *
 *	RESOLVE -> DIAL -> [TLS ->] READY
 *
 * Over HTTP/1.1 a link has one user at a time; over HTTP/2 many.
 */
#ifndef ROUTERD_LINK_H
#define ROUTERD_LINK_H

#include <sys/queue.h>

#include "common/buf.h"
#include "common/http/chunked.h"
#include "common/net/resolve.h"
#include "common/net/side.h"
#include "routerd/upstream.h"

struct h2;

enum link_state { LINK_RESOLVE, LINK_DIAL, LINK_TLS, LINK_READY };

struct link {
	TAILQ_ENTRY(link) next;
	struct upstreams *all;
	struct side side;
	enum link_state state;
	char *origin; /* "https://api.example.com:443" */
	char *host;
	uint16_t port;
	bool is_tls;
	bool is_literal;
	struct resolve_wait wait;
	struct addresses found;
	size_t next_address;
	int64_t deadline_ms;   /* of connecting, or of being idle */
	struct upstream *user; /* of HTTP/1.1, or who waits for READY */
	struct h2 *h2;         /* owned; NULL: HTTP/1.1 */
	bool reused;
	bool running; /* link_run() is on the stack */
	bool dead;    /* to be freed when it isn't */
};

struct upstream {
	TAILQ_ENTRY(upstream) next; /* of those that h2 will notify */
	struct upstreams *all;
	struct upstream_request request;
	void (*notify)(void *arg);
	void *arg;
	struct link *link; /* NULL: it is over */
	struct error error;
	bool failed;
	bool stale;
	bool has_head;
	bool done;
	/* HTTP/1.1 */
	struct buf head; /* what goes out before the body */
	size_t sent;     /* of both */
	struct http_scan scan;
	unsigned interims;
	struct http_chunked chunks;
	enum http_framing framing;
	uint64_t left;
	bool keeps;              /* the backend will take another */
	struct http_slice piece; /* decoded, in the link's buffer */
	size_t covers;           /* bytes there that it stands for */
	/* HTTP/2 */
	struct h2 *h2;  /* where it is queued, also when its stream is over */
	int32_t stream; /* 0: HTTP/1.1 */
	TAILQ_ENTRY(upstream) live;
	size_t given;    /* of the body, to nghttp2 */
	struct buf text; /* the head as HTTP/1.1 would write it */
	bool head_complete;
	struct buf in;
	bool ended;
	bool is_queued;
};

int64_t link_now_ms(void);
/* The connection is of no use; every request on it fails. */
void link_fail(struct link *, const struct error *);
void upstream_fail(struct upstream *, const struct error *);

/* h1.c */
enum upstream_progress h1_head(
    struct upstream *, struct http_head *ret, struct error *);
enum upstream_progress h1_body(
    struct upstream *, struct http_slice *ret, struct error *);
void h1_consume(struct upstream *, size_t n);
/* Nothing of it is left on the connection, which takes another. */
bool h1_is_clean(const struct upstream *);

/* h2.c */
struct h2 *h2_new(struct link *);
void h2_free(struct h2 *);
bool h2_has_room(const struct h2 *);
void h2_start(struct upstream *);
/* Nobody wants it any more. */
void h2_end(struct upstream *);
/* The connection is over: so are its streams. */
void h2_fail(struct h2 *, const struct error *);
void h2_flush(struct h2 *);
/* Reads, writes and notifies; false: the connection is over, e says why. */
bool h2_run(struct link *, struct error *e);
enum upstream_progress h2_head(
    struct upstream *, struct http_head *ret, struct error *);
enum upstream_progress h2_body(
    struct upstream *, struct http_slice *ret, struct error *);
void h2_consume(struct upstream *, size_t n);
unsigned h2_streams(const struct h2 *);
/* Is there something that the event loop won't tell of? */
bool h2_has_work(const struct h2 *);

#endif
