/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refresh_answer.h - what token endpoints answer: of OAuth 2.0 (RFC 6749 5) and
 * of AWS STS, both JSON.
 *
 * The bytes are hostile.  No I/O, no clock.  An answer may hold secrets, or
 * echo those it was asked with: an error is in our own words, and quotes of the
 * answer only what is in our own lists.
 */
#ifndef GATEWAYD_REFRESH_ANSWER_H
#define GATEWAYD_REFRESH_ANSWER_H

#include <stdint.h>

#include "common/error.h"
#include "common/http/slice.h"

#define REFRESH_OUTPUTS_MAX 3
#define REFRESH_LIFETIME_MAX_S 3600 /* a value is used no longer */

enum refresh_outcome {
	REFRESH_GRANTED,
	REFRESH_REFUSED, /* definitely: what was granted before is void */
	REFRESH_FAILED,  /* another try may succeed */
};

/* Zero it. */
struct refresh_answer {
	char *values[REFRESH_OUTPUTS_MAX]; /* owned secrets */
	char *refresh_token; /* owned; NULL: the one that was used stays */
	int64_t lifetime_s;  /* 1..REFRESH_LIFETIME_MAX_S */
};
void refresh_answer_clear(struct refresh_answer *); /* wipes */

/* e is set unless it is granted. */
typedef enum refresh_outcome refresh_read_fn(unsigned status,
    struct http_slice body, int64_t now_s, struct refresh_answer *,
    struct error *);

/* values[0] is the access token. */
refresh_read_fn refresh_read_oauth;
/* values are access key, secret key, session token. */
refresh_read_fn refresh_read_sts;

#endif
