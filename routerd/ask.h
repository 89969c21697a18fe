/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask.h - what a backend is asked, made of what a sandbox asked.
 *
 * Pure: bytes in, bytes out.  Of the client's head only the path and the
 * headers that backend.h lists go on; of its body all, with the model that the
 * route says.
 */
#ifndef ROUTERD_ASK_H
#define ROUTERD_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/credential/sigv4.h"
#include "common/error.h"
#include "common/http/message.h"
#include "common/http/path.h"
#include "common/http/write.h"
#include "routerd/api.h"

#define ASK_HEADERS_MAX 24
#define ASK_MODEL_MAX 256

struct route;
struct scopes;
struct table;

/* Zero it; ask_clear() leaves it zero. */
struct ask {
	bool is_known;          /* api says what it is */
	struct api_request api; /* its slices are in path */
	char *method;
	char *path;
	char *query;                              /* NULL: none */
	struct http_extra given[ASK_HEADERS_MAX]; /* owned, lower case */
	size_t n_given;
	bool wants_stream;
	bool tells_usage; /* and asks for the counts of its tokens */
	bool is_plain;    /* nothing is to be added to the body */

	const struct route *first; /* chosen; in the table */
	const struct route *route; /* asked now */
	size_t tried;              /* fallbacks */
	bool retried;

	/* For this route: */
	struct buf target;
	struct buf secret; /* the header that carries the key */
	char date[SIGV4_DATE_SIZE];
	char hash[SIGV4_HASH_SIZE];
	bool adds_usage; /* the counts are asked for by us alone */
	struct http_extra headers[ASK_HEADERS_MAX + 8];
	struct buf body;
};

void ask_clear(struct ask *); /* wipes what was secret */

/* False: that is no request for a model.  is_named: it must be for
 * inference.local. */
bool ask_take_head(struct ask *, const struct http_head *,
    const struct http_path *, bool is_named);

/* One of our own: no client's, JSON.  False: it is no request for a model. */
bool ask_make(struct ask *, const char *method, const char *path);

enum ask_result { ASK_OK, ASK_BAD, ASK_NO_ROUTE, ASK_INCOMPATIBLE };

/* By path and body; ASK_BAD fills e.  table may be NULL. */
enum ask_result ask_choose(struct ask *, const struct table *,
    const struct scopes *, const struct buf *body, struct error *e);

/* Fills target, headers and body for ask->route; time_s is since the epoch. */
int ask_compose(
    struct ask *, const struct buf *body, int64_t time_s, struct error *);

#endif
