/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - where one message ends, and whether its text may be parsed.
 *
 * Reads bytes of any peer and trusts none.  It refuses what the JSON library
 * behind it would take silently: escaped NULs (which would cut a C string
 * short), bytes that aren't UTF-8, control characters, deep nesting, and so
 * many values that the parsed form would be far bigger than the text.
 */
#ifndef COMMON_VARLINK_FRAME_H
#define COMMON_VARLINK_FRAME_H

#include <stddef.h>

#include "common/error.h"

#define FRAME_VALUES_MAX 131072 /* values and members */

/*
 * 1 and the length without the NUL if data starts with a complete frame; 0 if
 * more bytes are needed; -1 with ERR_LIMIT if it can't become one.  *scanned,
 * at first 0, remembers how far earlier calls have looked.
 */
int frame_find(const void *data, size_t len, size_t *scanned, size_t *ret_len,
    struct error *);

/* text is what frame_find() found, with the NUL behind it. */
int frame_check(const char *text, struct error *);

#endif
