/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glob.h - the one pattern matcher: URL paths, selectors, binaries, host
 * names and query values.
 *
 *	*      any run of bytes without the separator
 *	?      one byte that isn't the separator
 *	[a-z]  one of a class, [!a-z] one that isn't in it; never the separator
 *	{a,b}  either; may be nested
 *	**     as a whole component: any number of components, none included,
 *	       so that /x/ + two stars matches /x/ and all below, not /x
 *
 * Case counts.  An unbalanced [ or { stands for itself.  Matching takes time
 * in proportion to pattern times text, whatever either holds.
 */
#ifndef COMMON_POLICY_GLOB_H
#define COMMON_POLICY_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

#define GLOB_PATTERN_MAX 4096
#define GLOB_ALTERNATIVES_MAX 64

/* What ends a component. */
enum glob_separator {
	GLOB_PATH = '/',
	GLOB_HOST = '.',
	GLOB_VALUE = 0, /* nothing: * crosses everything */
};

struct glob;

/* ERR_LIMIT if it is too long or braces multiply too much, ERR_INVALID if ** is
 * only a part of a component. */
int glob_compile(const char *pattern, enum glob_separator, struct glob **ret,
    struct error *);
void glob_free(struct glob *);

bool glob_match(const struct glob *, const char *text, size_t len);

/* Is there a text that both match? */
bool glob_intersects(const struct glob *, const struct glob *);

#endif
