/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h - what is done to an answer's body between backend and client:
 * tokens are counted, a key that the backend echoes is taken out, and so is
 * what routerd asked for and the client didn't.
 *
 * No I/O.  Nothing is held back that could go on.
 */
#ifndef ROUTERD_ANSWER_H
#define ROUTERD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/credential/redact.h"
#include "common/http/message.h"
#include "routerd/meter.h"
#include "routerd/usage_event.h"

struct route;

/* Zero it; answer_clear() leaves it so. */
struct answer {
	bool is_stream; /* text/event-stream */
	bool drops_usage;
	const struct redact *redact; /* NULL: nothing to look for */
	struct redact_stream redacted;
	struct usage_filter usage;
	struct meter meter;
	struct buf out; /* may go on; the caller consumes it */
};

/* head is the answer's; adds_usage: see ask.h. */
void answer_begin(struct answer *, const struct route *,
    const struct http_head *head, bool adds_usage);
void answer_feed(struct answer *, const void *, size_t n);
/* The body is over: what was held goes on. */
void answer_end(struct answer *);
void answer_clear(struct answer *);

#endif
