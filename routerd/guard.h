/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h - between a request's body and the backends: what the privacy
 * sections of its routes make of it.
 *
 *	body -> the chosen route's -> [the one's that it reroutes to] -> body
 *	body -> [a fallback's own] -> what that fallback alone is asked
 *
 * A section changes the body in place: what it took out is nowhere any more,
 * so that no retry and no fallback can send it.  What can't be checked, or
 * has nowhere to go, is refused; the text that was found is in no event and
 * no answer.
 */
#ifndef ROUTERD_GUARD_H
#define ROUTERD_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

/* The chosen route's, the one's that it reroutes to, a fallback's. */
#define GUARD_MAPS_MAX 3

struct ask;
struct privacy_map;
struct refusal;
struct route;
struct scopes;
struct table;
struct worker;

/* One client's; of one request at a time. */
struct guard {
	struct worker *worker;                    /* its events and its seed */
	const struct scopes *scopes;              /* the client's */
	struct privacy_map *maps[GUARD_MAPS_MAX]; /* what is to be put back
						   * into the answer, the last
						   * one's first */
	size_t n_maps;
	size_t n_common; /* of them, without a fallback's */
	bool has_own;
	struct buf own; /* the body for the fallback that is asked */
};

void guard_init(struct guard *, struct worker *, const struct scopes *);
/* The request is over; wipes. */
void guard_clear(struct guard *);

/* For the route that was chosen.  a->first and a->route become the one to ask,
 * which may be another. -1: nobody may be asked. */
int guard_request(struct guard *, const struct table *, struct ask *a,
    struct buf *body, struct refusal *ret);

/* For a fallback, before it becomes a->route.  False: it may not be asked, and
 * nothing has changed. */
bool guard_fallback(struct guard *, const struct ask *a, const struct route *,
    const struct buf *body);

/* What a->route may be asked. */
const struct buf *guard_body(const struct guard *, const struct buf *body);

#endif
