/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.h - the placeholders of one request, and what they stand for.
 *
 * A placeholder is made of the text by HMAC-SHA256 under the caller's key:
 * the same text has the same one in each request, two texts have different
 * ones, and nobody without the key can tell one from the other.
 *
 *	[EMAIL_1A2B3C4D]
 *
 * What is to be put back is kept until the map is freed, and wiped then; of
 * the rest only the HMAC.
 */
#ifndef COMMON_PRIVACY_MAP_H
#define COMMON_PRIVACY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/privacy/privacy.h"

/* '[', label, '_', 16 digits, ']' */
#define PRIVACY_PLACEHOLDER_MAX (PRIVACY_NAME_MAX + 19)

struct privacy_map *privacy_map_new(const uint8_t key[PRIVACY_KEY_LEN]);
void privacy_map_free(struct privacy_map *); /* NULL is fine */

/* The placeholder of a text, borrowed until the next call; NULL beyond
 * PRIVACY_VALUES_MAX.  The label is of capitals, digits and '_'. */
const char *privacy_map_add(struct privacy_map *, const char *label,
    const char *text, size_t n, bool restore);

/* No more of them: forgets what isn't put back.  False if nothing is left. */
bool privacy_map_seal(struct privacy_map *);

enum privacy_match { PRIVACY_NO_MATCH, PRIVACY_PART, PRIVACY_WHOLE };

/*
 * Does the text begin with a placeholder of a sealed map, or is all of it the
 * beginning of one?  PRIVACY_WHOLE: *len bytes stand for *text, borrowed.
 */
enum privacy_match privacy_map_match(const struct privacy_map *,
    const char *from, size_t n, size_t *len, const char **text,
    size_t *text_len);

DEFINE_FREEP(privacy_map);

#endif
