/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact.h - a secret that comes back in an answer becomes [CREDENTIAL].
 *
 * For servers that echo what they were sent.  Each secret is looked for as it
 * is, percent-encoded, as in a JSON string, and as the request spelled it in
 * Basic; wherever reads split it.  Others (another base64, a hash, a
 * compressed body) aren't found: the server is one that the policy trusts with
 * the secret, and this keeps accidents from the workload, not collusion.
 *
 * The bytes are the server's.  No I/O.
 */
#ifndef COMMON_CREDENTIAL_REDACT_H
#define COMMON_CREDENTIAL_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

/* What is shorter is no secret, and would spoil any text. */
#define REDACT_LEN_MIN 4

struct error;
struct http_header;
struct injected;
struct redact; /* what to look for; immutable */

struct redact *redact_new(const struct injected *);
void redact_free(struct redact *); /* wipes; NULL is fine */

/* A whole text, appended; true if something was replaced. */
bool redact_text(
    const struct redact *, const void *, size_t n, struct buf *out);

/* An http_edit_fn; arg is a struct redact. */
int redact_field(
    void *arg, const struct http_header *, struct buf *value, struct error *);

/* A text in pieces.  Zero it. */
struct redact_stream {
	struct buf held; /* may be the beginning of a secret */
	struct buf out;  /* may go out: the caller consumes it */
};
void redact_feed(
    const struct redact *, struct redact_stream *, const void *, size_t n);
/* There is no more: what was held goes out. */
void redact_end(const struct redact *, struct redact_stream *);
void redact_stream_clear(struct redact_stream *);

#endif
