/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.h - FNV-1a (draft-eastlake-fnv) of texts, for tables whose keys are
 * ours.  Who may choose keys can make them collide: not for those.
 */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stdint.h>

#define HASH_START 2166136261u

/* Goes on from h: HASH_START, or what another text gave. */
static inline uint32_t
hash_text(uint32_t h, const char *s)
{
	for (; *s != '\0'; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h;
}

#endif
