/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - the synthetic addresses of one sandbox.
 *
 * Inside a sandbox DNS answers every name with an address of 198.18.0.0/15
 * and asks nobody.  Which name an address stands for is kept in a sealed
 * memfd that supervisord makes and proxyd maps, so that addresses an agent
 * has cached outlive any crash of proxyd, and so that all workers of proxyd
 * see the same.  Only the one worker that serves the sandbox's DNS writes.
 *
 * Slot n stands for 198.18.0.0 + 256 + n.  A slot is never reused: when all
 * are taken new names get SERVFAIL, which an agent can do to itself alone.
 */
#ifndef COMMON_WIRE_NAMES_H
#define COMMON_WIRE_NAMES_H

#include <stdatomic.h>
#include <stdint.h>

#define NAMES_SLOTS 8192
#define NAMES_NAME_MAX 254      /* bytes with the NUL */
#define NAMES_FIRST 0xc6120100u /* 198.18.1.0, host byte order */
#define NAMES_SIZE sizeof(struct names)

struct names {
	_Atomic uint32_t used; /* slots below this are complete */
	uint32_t reserved;
	char name[NAMES_SLOTS][NAMES_NAME_MAX]; /* lower case, no last dot */
};

#endif
