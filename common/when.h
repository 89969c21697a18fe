/* SPDX-License-Identifier: Apache-2.0 */
/* when.h - the present, and a point in time as people and programs write it. */
#ifndef COMMON_WHEN_H
#define COMMON_WHEN_H

#include <stdint.h>

/* RFC 3339 alone ("2026-01-01T00:00:00Z", "2026-01-01 01:00:00.5+01:00"), as
 * milliseconds since the epoch.  -1 if it isn't that or is before the epoch;
 * says nothing. */
int when_parse_rfc3339(const char *text, int64_t *ret_ms);

/* The same, or milliseconds since the epoch ("1767225600000"). */
int when_parse(const char *text, int64_t *ret_ms);

/* The present, in milliseconds since the epoch. */
int64_t when_now_ms(void);

#endif
