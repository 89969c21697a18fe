/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange.h - one request for a model and its answer, between client.h, which
 * has the sandbox's connection, and upstream.h, which has the backends': which
 * route is asked, if it may be, and who is asked when that one fails.
 *
 *	exchange_begin() -> exchange_admit()
 *	                 -> exchange_head() until it is READY or REFUSED
 *	                 -> exchange_pull() until END or FAILED
 *	                 -> report() -> exchange_end()
 *
 * Nothing is called back but notify(); see upstream.h.
 */
#ifndef ROUTERD_EXCHANGE_H
#define ROUTERD_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/http/message.h"
#include "routerd/answer.h"
#include "routerd/ask.h"
#include "routerd/guard.h"
#include "routerd/upstream.h"

#define EXCHANGE_ANSWER_MAX (32u << 20)
#define EXCHANGE_STREAM_IDLE_MS 120000

struct refusal;
struct scopes;
struct worker;

struct exchange {
	struct worker *worker;       /* borrowed, like what follows */
	const struct scopes *scopes; /* the client's */
	struct buf *body;            /* NULL until it is whole */
	void (*notify)(void *arg);
	void *arg;

	struct table *table; /* the one it began with */
	struct ask ask;
	struct guard guard;
	struct upstream *upstream;
	bool admitted; /* budget_end() is due */
	int64_t began_ms;

	unsigned status;   /* of the answer; 0: it has no head yet */
	bool answers;      /* the backend does what it was asked, or may */
	bool is_whole;     /* all of it came */
	const char *broke; /* why it can't be completed; NULL: it can */
	uint64_t answered; /* bytes of it */
	struct answer answer;
};

enum exchange_progress {
	EXCHANGE_WAIT,
	EXCHANGE_ASKED, /* a backend; or none: see exchange_is_mock() */
	EXCHANGE_READY,
	EXCHANGE_REFUSED, /* ret is filled, and nobody will be asked */
};

/* Of one client, for all of its requests. */
void exchange_init(struct exchange *, struct worker *, const struct scopes *,
    void (*notify)(void *arg), void *arg);

/* -1: it is no request for a model. */
int exchange_begin(
    struct exchange *, const struct http_head *, struct refusal *ret);
/* Chooses the route, checks and may change the body, and asks: ASKED or
 * REFUSED.  body is borrowed until exchange_end(). */
enum exchange_progress exchange_admit(
    struct exchange *, struct buf *body, struct refusal *ret);
/* Its backend failed: asks again or another, ASKED or REFUSED. */
enum exchange_progress exchange_retry(
    struct exchange *, const struct error *, struct refusal *ret);

bool exchange_is_mock(const struct exchange *);
/* How long to wait for a head. */
int64_t exchange_patience_ms(const struct exchange *);

/* READY: head is the answer's; its slices are dead after the next call. */
enum exchange_progress exchange_head(
    struct exchange *, struct http_head *head, struct refusal *ret);
/* READY: answer.out may have more.  FAILED: broke says why. */
enum upstream_progress exchange_pull(struct exchange *);

/* Nobody waits for the answer any more. */
void exchange_abandon(struct exchange *);
/* However it ended; ready for the next. */
void exchange_end(struct exchange *);

#endif
