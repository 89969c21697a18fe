/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rotate.h - another sealing key for all that is sealed.
 *
 *	one key -> both in the file -> all is sealed with the new one -> one key
 *
 * Each arrow is atomic on the disk, and in every state all that is sealed
 * opens with what the file holds.  What a crash interrupts goes on at the next
 * start.
 */
#ifndef GATEWAYD_ROTATE_H
#define GATEWAYD_ROTATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct gateway;

/* Is anything sealed in the store?  Then a missing key isn't made anew. */
int rotate_needs_key(struct gateway *, bool *ret, struct error *);
/* At the start, before anything is loaded: ERR_DENIED if the key opens nothing
 * of what is there.  Goes on with a change that was interrupted. */
int rotate_check(struct gateway *, struct error *);

/* How many secrets were sealed anew.  When it fails, all that is sealed opens
 * as before. */
int rotate_key(struct gateway *, int64_t *ret_n, struct error *);

#endif
