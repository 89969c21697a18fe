/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body.h - one message's body on its way through: to its exact end, in pieces,
 * framed anew.
 *
 * On the way a request's may be looked at for placeholders, which end it, and
 * an answer's for secrets, which are replaced.
 */
#ifndef PROXYD_BODY_H
#define PROXYD_BODY_H

#include "common/credential/placeholder.h"
#include "common/http/chunked.h"
#include "common/http/message.h"
#include "common/credential/redact.h"

struct side;

struct body {
	enum http_framing framing; /* as it comes */
	uint64_t left;
	struct http_chunked chunks;
	bool ended;   /* all has come */
	bool done;    /* and gone */
	bool rechunk; /* leaves as chunks */
	bool is_scanned;
	struct marker_scan scan;
	const struct redact *redact; /* borrowed; NULL: nothing to replace */
	struct redact_stream redacted;
};

enum body_move {
	BODY_DONE,
	BODY_MORE, /* input is needed */
	BODY_FULL, /* output has to go first */
	BODY_BAD,
	BODY_MARKED, /* there is a placeholder in it: no more of it has gone */
};

/* A body that was there before is cleared.  rechunk: chunks leave as such. */
void body_init(struct body *, const struct http_head *, bool rechunk);
void body_clear(struct body *);
enum body_move body_move(struct body *, struct side *from, struct side *to);
/* The sender has closed, which is how one without framing ends. */
void body_end(struct body *);

#endif
