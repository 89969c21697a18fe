/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject_body.h - placeholders in a request's body, where a policy says
 * request_body_credential_rewrite.
 *
 *	JSON    in strings that are values, wherever; never in names
 *	form    in values; never in names
 *	text    anywhere
 *
 * All of it must be UTF-8.  The body is here whole, and at most
 * INJECT_BODY_MAX bytes with its framing; bytes without a placeholder stay as
 * they are.
 */
#ifndef PROXYD_INJECT_BODY_H
#define PROXYD_INJECT_BODY_H

#include "common/http/message.h"

#define INJECT_BODY_MAX 262144

struct buf;
struct inject;

enum inject_body_kind {
	INJECT_BODY_OPAQUE, /* isn't looked into */
	INJECT_BODY_JSON,
	INJECT_BODY_FORM,
	INJECT_BODY_TEXT,
};

/* By Content-Type; OPAQUE if it is encoded. */
enum inject_body_kind inject_body_kind(const struct http_head *);

/* Appends the new body; in->result if it can't be made. */
void inject_body(struct inject *, enum inject_body_kind, const struct buf *from,
    struct buf *to);

#endif
