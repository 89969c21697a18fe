/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dial.h - from an address to a connected side, without waiting.
 *
 *	fd = dial_begin(address, port);
 *	side_open(side, base, fd, on_event, arg);
 *	dial_expect(side);
 *	... side->blocked is false after an event:
 *	dial_succeeded(side)
 *
 * Whether that address may be dialled is its caller's to know.
 */
#ifndef COMMON_NET_DIAL_H
#define COMMON_NET_DIAL_H

#include <stdbool.h>
#include <stdint.h>

struct side;
struct sockaddr_storage;

/* A socket on its way there; the address gets the port.  -1: it failed at
 * once. */
int dial_begin(struct sockaddr_storage *to, uint16_t port);
/* A side that was opened on one waits for its end. */
void dial_expect(struct side *);
/* It has ended: is it connected? */
bool dial_succeeded(struct side *);

#endif
