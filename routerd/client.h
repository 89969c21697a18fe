/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - one connection to inference.local, request by request.
 *
 *	HEAD -> BODY -> ASK -> RELAY -> HEAD ...
 *
 * and from everywhere to LAST.  A request is read whole before a backend is
 * asked: its model is rewritten, and another backend may have to be asked the
 * same.  The answer is passed on as it comes.  What the sandbox sends is
 * hostile, and nothing of it reaches a backend but what backend.h lists.
 */
#ifndef ROUTERD_CLIENT_H
#define ROUTERD_CLIENT_H

#include <stdint.h>

struct worker;

/* Owns fd.  who: "<sandbox> <owner's scope>"; "": routerd stands alone, and no
 * host is asked for. */
void client_new(struct worker *, int fd, const char *who);
/* The tick: ends those whose time is up. */
void clients_check_time(struct worker *, int64_t now_ms);

#endif
