/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.h - a connection's decisions as events.
 *
 * Names what was asked for and by whom; never a query, a header or a body.
 */
#ifndef PROXYD_AUDIT_H
#define PROXYD_AUDIT_H

#include "proxyd/conn.h"

/* engine: "opa", "ssrf" or "proxy"; reason of a denial, else NULL. */
void audit_connect(struct conn *, bool is_denial, const char *engine,
    const char *policy, const char *reason);
/* credentials: which were put in, by name; or NULL.  The path is the client's,
 * never the one with a secret. */
void audit_request(struct conn *, const struct decision *, const char *method,
    const char *path, const char *credentials);
/* A placeholder wasn't resolved; key may be NULL. */
void audit_credential(struct conn *, const char *engine, const char *method,
    const char *path, const char *key, const char *reason);

#endif
