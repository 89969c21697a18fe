/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject.h - placeholders of one request become secrets, just before it goes
 * upstream.
 *
 *	field value   the whole of it, or behind a scheme ("Bearer X"), or in
 *	              the base64 of Basic
 *	path          inside a segment, percent-encoded; the result must be as
 *	              canonical as it was
 *	query         in values, percent-encoded; never in names
 *	body          inject_body.h
 *
 * Decides how a secret is written; whether it may go there is for
 * common/credential/table.h.  The request is the workload's and was judged
 * with the placeholders in it.  No I/O; what can't be done is said in
 * `result`, and nothing of the request may then be sent.  A marker that nobody
 * understood is left as it is: who sends the result looks for one.
 */
#ifndef PROXYD_INJECT_H
#define PROXYD_INJECT_H

#include "common/credential/placeholder.h"
#include "common/credential/table.h"
#include "common/http/message.h"
#include "common/credential/injected.h"

struct buf;
struct http_path;

enum inject_result {
	INJECT_OK,
	INJECT_MISMATCH,    /* the credential isn't for this endpoint */
	INJECT_UNAVAILABLE, /* there is none, or it can't be written there */
	INJECT_MISPLACED,   /* no placeholder is resolved there */
};

struct inject {
	const struct credentials *credentials;
	struct credential_target to;
	bool is_closed;        /* this request gets no secret at all */
	bool wants_identity;   /* the answer is to be read: not compressed */
	bool is_signed;        /* what a signature replaces is dropped */
	struct injected *used; /* what was put in */
	enum inject_result result;
	char key[PLACEHOLDER_KEY_MAX + 1]; /* of the one that failed, or "" */
};

/* An http_edit_fn for http_write_request(); arg is the struct inject. */
int inject_field(
    void *arg, const struct http_header *, struct buf *value, struct error *);
/* True if it has a placeholder and *ret is the new path. */
bool inject_path(
    struct inject *, const struct http_path *, struct http_path *ret);
/* Of a raw query, or a form; appends all of it. */
void inject_query(struct inject *, struct http_slice, struct buf *);

/* For inject_body.c and sign.c. */

/* Appends text with the secrets in it as they are. */
void inject_text(struct inject *, const char *text, size_t n, struct buf *);
/* Something failed: the first reason stays. */
void inject_fail(
    struct inject *, enum inject_result, const char *key, size_t key_len);
/* *ret is to be sent: remembers it; false if the result says no. */
bool inject_use(struct inject *, enum credential_result, const char *key,
    size_t key_len, const struct credential *);

#endif
