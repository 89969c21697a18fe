/* SPDX-License-Identifier: Apache-2.0 */
/* collect.h - bodies that have to be here whole: see collect.c. */
#ifndef PROXYD_COLLECT_H
#define PROXYD_COLLECT_H

#include "proxyd/conn.h"

/* The head has n bytes of the client's; the state is CONN_COLLECT, and
 * CONN_REQUEST when x.held and x.collected have all. */
enum next collect_begin(
    struct conn *, const struct http_head *, size_t n, size_t limit);
void collect_clear(struct conn *);

#endif
