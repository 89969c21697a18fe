/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meter.h - counts the tokens of an answer from what the backend says of them.
 *
 * Fed with the body's bytes as they pass, in any pieces; changes nothing.  The
 * backend is hostile: what is kept at a time has a limit, and beyond it
 * nothing is counted.
 */
#ifndef ROUTERD_METER_H
#define ROUTERD_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

#define METER_TOKENS_MAX 100000000 /* of one answer; more are as many */
#define METER_KEPT_MAX (1u << 20)  /* a line of a stream, or a whole body */

struct meter {
	bool is_stream; /* text/event-stream; else one JSON text */
	bool lost;      /* it was too much */
	struct buf kept;
	int64_t events;       /* of a stream, that came */
	int64_t input_tokens; /* -1: not known */
	int64_t output_tokens;
};

void meter_init(struct meter *, bool is_stream);
void meter_feed(struct meter *, const void *, size_t n);
/* The body is over. */
void meter_finish(struct meter *);
void meter_clear(struct meter *);

#endif
