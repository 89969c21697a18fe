/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.h - a regular expression, the only module that speaks PCRE2.
 *
 * The expression is an operator's, the text hostile: what a match may cost has
 * a limit, and a text that exceeds it is one that couldn't be checked.
 */
#ifndef COMMON_PRIVACY_PATTERN_H
#define COMMON_PRIVACY_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/error.h"

/* Steps of an expression: from all places of a body together, and within that
 * from one place; but so many from one place of however long a body. */
#define PATTERN_BODY_LIMIT 100000000
#define PATTERN_PLACE_LIMIT 100000
#define PATTERN_PLACE_MIN 100
#define PATTERN_DEPTH_LIMIT 1000
#define PATTERN_HEAP_KIB 4096

struct pattern;      /* immutable */
struct pattern_work; /* what matching needs; one at a time uses it */

/* ERR_INVALID with the cause and the offset in the expression. */
int pattern_new(const char *regex, struct pattern **ret, struct error *);
void pattern_free(struct pattern *); /* NULL is fine */

/* bytes: of all texts that it will see, none of them twice. */
struct pattern_work *pattern_work_new(size_t bytes);
void pattern_work_free(struct pattern_work *); /* NULL is fine */

/* The first match at or behind from, never an empty one: 1, or 0 if there is
 * none.  -1: ERR_LIMIT, or the text isn't UTF-8.  is_valid: the
 * text is known to be. */
int pattern_find(const struct pattern *, struct pattern_work *,
    const char *text, size_t n, size_t from, bool is_valid, size_t *start,
    size_t *end, struct error *);

DEFINE_FREEP(pattern);

#endif
