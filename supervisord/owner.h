/* SPDX-License-Identifier: Apache-2.0 */
/* owner.h - answers "who made this connection?": common/wire/owner.h. */
#ifndef SUPERVISORD_OWNER_H
#define SUPERVISORD_OWNER_H

#include "common/error.h"

struct event_base;
struct records;

/* A new channel; the other end is the caller's.  It lives until that end is
 * closed.  records is borrowed. */
int owner_open(
    struct event_base *, struct records *, int *ret_fd, struct error *);

#endif
