/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.h - one connection of a sandbox, from accept(2) to close(2).
 *
 * conn.c has the table of states, runs them and frees; each of the other
 * files has the steps of one subject:
 *
 *	entry.c     who connected, and where to
 *	route.c     may it, and the way there
 *	peek.c      what the first bytes inside are, and TLS
 *	exchange.c  HTTP, request by request
 *	collect.c   bodies that have to be here whole
 *	forward.c   a request becomes bytes for its server
 *	relay.c     bytes that nobody reads
 *	refuse.c    saying no
 *
 * The client is hostile: it is the sandboxed workload.  So is the server.  A
 * step never frees: it returns DONE, and conn_run() frees.
 */
#ifndef PROXYD_CONN_H
#define PROXYD_CONN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "common/http/authority.h"
#include "common/http/message.h"
#include "common/net/resolve.h"
#include "common/net/side.h"
#include "common/policy/policy.h"
#include "proxyd/body.h"
#include "proxyd/owner.h"
#include "proxyd/pipes.h"

struct http_websocket;
struct injected;
struct rules;
struct sandbox;
struct worker;

enum conn_state {
	CONN_OWNER,        /* who is it? */
	CONN_FIRST,        /* explicit: the first head */
	CONN_AIM,          /* transparent: the original destination */
	CONN_DECIDE,       /* may it go there? */
	CONN_RESOLVE,      /* the addresses of the name */
	CONN_GUARD,        /* may it go to these? */
	CONN_DIAL,         /* to the addresses that were checked */
	CONN_ANSWER,       /* 200 Connection Established */
	CONN_PEEK,         /* what does the client speak? */
	CONN_TLS_CLIENT,   /* handshake, as the server it asked for */
	CONN_TLS_UPSTREAM, /* handshake with that server */
	CONN_REQUEST,      /* a head, judged and forwarded */
	CONN_COLLECT,      /* its body, before anything is forwarded */
	CONN_EXCHANGE,     /* its body, and the answer */
	CONN_SPLICE,       /* raw bytes, in the kernel */
	CONN_COPY,         /* raw bytes, where an end has TLS */
	CONN_OVERHEAR,     /* denied: would it understand an answer? */
	CONN_LAST,         /* the last bytes go out */
	CONN_LINGER,       /* until the client has read it */
	CONN_STATE_MAX_
};

enum next {
	AGAIN, /* run the state, which may have changed */
	WAIT,  /* for an event or the state's timeout */
	DONE,  /* free it */
};

/* How it came, and what it asked for. */
enum conn_mode { MODE_EXPLICIT, MODE_CONNECT, MODE_FORWARD, MODE_TRANSPARENT };

/* One request and its answer. */
struct exchange {
	struct http_scan scan;
	struct body request;
	struct body response;
	enum http_asked asked;
	bool has_head;     /* of the final answer */
	bool client_stays; /* will take another request */
	bool upstream_stays;
	bool client_is_10;
	bool endless;                     /* an event stream: no timeout */
	struct http_websocket *websocket; /* owned; NULL: no upgrade */
	struct buf asked_for; /* method, path, query: three C strings */

	/* collect.c: a head that waits for its body, and that body, which then
	 * goes out from here. */
	struct buf held;
	struct buf collected;
	size_t collect_limit;
	size_t collect_raw;        /* bytes so far, framing included */
	struct injected *injected; /* owned: what the request carries */
	struct redact *redact;     /* owned: what its answer may not; NULL */
};

/* The addresses of one dial. */
struct route {
	struct addresses found;
	size_t next;
};

struct conn {
	TAILQ_ENTRY(conn) next;
	struct sandbox *sandbox; /* outlives us */
	struct worker *worker;
	unsigned id;
	enum conn_state state;
	enum conn_mode mode;
	int64_t deadline_ms; /* 0: none */
	int64_t last_ms;     /* no deadline is later; 0: none */
	int64_t dial_until_ms;
	struct side client;
	struct side upstream;

	struct owner_wait owner_wait;
	struct resolve_wait resolve_wait;
	struct identity *who; /* owned */
	const char *why;      /* who is NULL */

	struct rules *rules; /* reference; NULL: not decided yet */
	enum inspection inspection;
	char policy[64]; /* the block that allowed it, for the log */
	char host[HTTP_HOST_MAX + 1];
	bool is_literal;
	bool is_inference; /* it goes to routerd; rules stays NULL */
	bool is_tls;       /* the client speaks TLS to us */
	bool is_first;     /* of its requests */
	bool reused;       /* upstream has answered before */
	bool peeked;       /* the client's first bytes are known */
	bool resolved;     /* the answer is in route */
	uint16_t port;
	struct route *route; /* owned; while there are addresses to try */
	struct sockaddr_storage *dialled; /* owned; what upstream is */

	struct exchange x;
	struct tube up, down; /* of CONN_SPLICE */
};

/* fd is given. */
struct conn *conn_new(struct sandbox *, int fd, enum conn_mode);
void conn_free(struct conn *); /* NULL is fine */
/* Does what can be done now; it may be gone after. */
void conn_run(struct conn *);
/* The tick: is its time up?  It may be gone after. */
void conn_check_time(struct conn *, int64_t now_ms);
/* Judges it again; it may be gone after. */
void conn_rejudge(struct conn *, struct rules *);
const char *conn_state(const struct conn *);

/* For the steps. */
enum next conn_goto(struct conn *, enum conn_state);
/* The state's timeout starts anew: there was progress. */
void conn_touch(struct conn *);
/* Runs it again from the loop, after others had their turn. */
void conn_yield(struct conn *);
void conn_open_upstream(struct conn *, int fd);
void conn_close_upstream(struct conn *);
/* The decision on host, port and caller; rules, inspection and policy are set
 * if it may. */
bool conn_decide(struct conn *, struct decision *ret);
void conn_set_target(
    struct conn *, const struct http_authority *, uint16_t default_port);
bool conn_has_target(
    const struct conn *, const struct http_authority *, uint16_t default_port);

enum next step_owner(struct conn *);
enum next step_first(struct conn *);
enum next step_aim(struct conn *);
enum next step_decide(struct conn *);
enum next step_resolve(struct conn *);
enum next step_guard(struct conn *);
enum next step_dial(struct conn *);
enum next step_answer(struct conn *);
enum next step_peek(struct conn *);
enum next step_tls_client(struct conn *);
enum next step_tls_upstream(struct conn *);
enum next step_request(struct conn *);
enum next step_collect(struct conn *);
enum next step_exchange(struct conn *);
enum next step_splice(struct conn *);
enum next step_copy(struct conn *);
enum next step_overhear(struct conn *);
enum next step_last(struct conn *);
enum next step_linger(struct conn *);

/* exchange.c: may the request under way go on by these rules? */
bool exchange_still_allowed(
    const struct conn *, const struct matcher *, enum inspection);
/* It may not, but what has begun may end: is there a request under way that
 * has an end?  Then it gets EXCHANGE_FINISH_MS and is the last. */
bool exchange_may_finish(const struct conn *);
void exchange_finish_soon(struct conn *);

#endif
