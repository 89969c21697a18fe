/* SPDX-License-Identifier: Apache-2.0 */
/* when.h - a point in time as people and programs write it. */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include <stdint.h>

/*
 * Milliseconds since the epoch ("1767225600000"), or RFC 3339
 * ("2026-01-01T00:00:00Z", "2026-01-01 01:00:00.5+01:00").  -1 if it is
 * neither or before the epoch; says nothing.
 */
int when_parse(const char *text, int64_t *ret_ms);

#endif
