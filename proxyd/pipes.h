/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipes.h - pipes for splice(2), lent while bytes are in them.
 *
 * A pipe is two descriptors and some kernel memory: an idle tunnel has none.
 */
#ifndef PROXYD_PIPES_H
#define PROXYD_PIPES_H

#include <stdbool.h>
#include <stddef.h>

#define PIPES_KEPT 32
#define PIPE_BYTES (256u << 10) /* asked for; the kernel may give less */

struct tube {
	int r; /* -1: none */
	int w;
	size_t held; /* bytes inside */
};

struct pipes {
	struct tube free[PIPES_KEPT];
	size_t n;
};

#define TUBE_INIT                                                              \
	{                                                                      \
		-1, -1, 0                                                      \
	}

bool tube_get(struct pipes *, struct tube *); /* false: none to be had */
/* Keeps it for others if it is empty. */
void tube_put(struct pipes *, struct tube *);
void pipes_clear(struct pipes *);

#endif
