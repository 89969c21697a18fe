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
void audit_request(struct conn *, const struct decision *, const char *method,
    const char *path);

#endif
