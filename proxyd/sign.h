/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign.h - requests to AWS are signed anew, with keys that the workload hasn't.
 *
 * Its own signature was made with placeholders; it is dropped with what belongs
 * to it.  Which hash of the payload is signed:
 *
 *	sigv4           what the request's x-amz-content-sha256 says, if that
 *	                is a hash or UNSIGNED-PAYLOAD; else that of the body
 *	sigv4:body      that of the body, always
 *	sigv4:no_body   UNSIGNED-PAYLOAD
 *
 * Payloads whose chunks are signed one by one (STREAMING-AWS4-...) are
 * refused; an unsigned one with a trailer keeps its name in all modes, since
 * its body is framed accordingly.
 */
#ifndef PROXYD_SIGN_H
#define PROXYD_SIGN_H

#include "common/buf.h"
#include "common/credential/sigv4.h"
#include "common/http/message.h"
#include "common/http/write.h"
#include "common/policy/policy.h"

#define SIGN_BODY_MAX (10u << 20)

struct inject;

bool sign_replaces(struct http_slice name);
/* Has the body to be here whole? */
bool sign_needs_body(const struct http_head *, enum policy_signing);

struct sign_request {
	const struct http_head *head;
	const struct policy_credentials *rules;
	const char *authority; /* all three as they go out */
	struct http_slice path;
	struct http_slice query;
	const struct buf *body; /* NULL: there is none, or it isn't needed */
};

/* What goes out for it; zero it. */
struct signature {
	char date[SIGV4_DATE_SIZE];
	char hash[SIGV4_HASH_SIZE];
	struct buf token; /* empty: none */
	struct buf authorization;
	struct http_extra extra[5];
};

/* False and in->result if it can't be signed. */
bool sign_request(
    struct inject *, const struct sign_request *, struct signature *);
void signature_clear(struct signature *);

#endif
