/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h - what is done to an answer's body between backend and client, in
 * this order: a key that the backend echoes is taken out; tokens are counted;
 * what routerd asked for and the client didn't is taken out; and last, behind
 * all that keeps something of it, what was redacted is put back.
 *
 * No I/O.  Nothing is held back that could go on.
 */
#ifndef ROUTERD_ANSWER_H
#define ROUTERD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/credential/redact.h"
#include "common/error.h"
#include "common/http/message.h"
#include "routerd/guard.h"
#include "routerd/meter.h"
#include "routerd/usage_event.h"

struct privacy_restore;
struct route;

/* Of it at a time: placeholders may stand for much. */
#define ANSWER_OUT_MAX (32u << 20)

/* Zero it; answer_clear() leaves it so. */
struct answer {
	bool is_stream; /* text/event-stream */
	bool drops_usage;
	const struct redact *redact; /* NULL: nothing to look for */
	struct redact_stream redacted;
	struct usage_filter usage;
	struct meter meter;
	struct buf counted; /* behind the usage filter */
	struct privacy_restore *restores[GUARD_MAPS_MAX];
	size_t n_restores;
	struct buf out; /* may go on; the caller consumes it */
};

/* head is the answer's; adds_usage: see ask.h.  The guard's maps are borrowed
 * until answer_clear(). */
void answer_begin(struct answer *, const struct route *, const struct guard *,
    const struct http_head *head, bool adds_usage);
/* -1: nothing more may go on. */
int answer_feed(struct answer *, const void *, size_t n, struct error *);
/* The body is over: what was held goes on. */
int answer_end(struct answer *, struct error *);
void answer_clear(struct answer *);

#endif
