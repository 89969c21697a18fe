/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refuse.h - the answers that say no, and how they reach the client.
 *
 * Each leaves the connection on its way out: nothing more is read from it.
 * A client that can't understand HTTP is reset instead.
 */
#ifndef PROXYD_REFUSE_H
#define PROXYD_REFUSE_H

#include "proxyd/conn.h"

struct inject;

/* {"error":ERROR,"detail":DETAIL}, and "reason" unless it is NULL. */
enum next refuse_with(struct conn *, unsigned status, const char *error,
    const char *detail, const char *reason);

/* The connection, or the first request to a host, isn't allowed: 403. */
enum next refuse_connect(struct conn *, const struct decision *);
/* Its addresses aren't; detail is what may be told: 403. */
enum next refuse_addresses(
    struct conn *, const struct decision *, const char *detail);
/* A request isn't: 403. */
enum next refuse_request(struct conn *, const struct decision *,
    const char *method, const char *path);
/* A placeholder of it wasn't resolved: 400, 403 or 500. */
enum next refuse_credential(struct conn *, const struct inject *);
/* One is in the body of a request that is under way: 400. */
enum next refuse_marked_body(struct conn *);
/* Credentials may go there, and nobody would read what goes there: 403. */
enum next refuse_uninspected(struct conn *);
/* It is for another host than its tunnel: 403. */
enum next refuse_authority(struct conn *);
/* Nobody answers there: 502. */
enum next refuse_unreachable(struct conn *, const char *why);
/* A head that can't be read: 4xx. */
enum next refuse_head(struct conn *, unsigned status, const struct error *);
/* No answer would be understood: the client is reset, or gets this alert. */
enum next refuse_abruptly(struct conn *);
enum next refuse_alert(struct conn *, unsigned char description);

#endif
