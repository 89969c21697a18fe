/* SPDX-License-Identifier: Apache-2.0 */
/* forward.h - a judged request goes upstream: see forward.c. */
#ifndef PROXYD_FORWARD_H
#define PROXYD_FORWARD_H

#include "proxyd/conn.h"

struct decision;

/* The head has n bytes of the client's, which are consumed, unless it is held;
 * its path is in the scratch and d is what was decided of it.  x.request is the
 * body then, and the state CONN_EXCHANGE. */
enum next forward_request(struct conn *, const struct http_head *, size_t n,
    const char *query, const struct decision *);
/* The answer has ended: nothing is left of what was put into the request. */
void forward_clear(struct conn *);

/* May credentials go where this connection goes, while nobody would read what
 * the sandbox sends there? */
bool forward_is_unguarded(const struct conn *, const struct matcher *);

#endif
