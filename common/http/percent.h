/* SPDX-License-Identifier: Apache-2.0 */
/* percent.h - percent-encoding (RFC 3986 2.1). */
#ifndef COMMON_HTTP_PERCENT_H
#define COMMON_HTTP_PERCENT_H

#include <stddef.h>

#include "common/http/chars.h"

struct buf;

/* Appends p, bytes that are neither of the class nor `also` as %HH; -1 beyond
 * the buf's limit. */
int http_percent_encode(
    struct buf *, const char *p, size_t n, enum http_char literal, char also);
/* Is that %HH? */
bool http_is_escape(const char *p, const char *end);
/* Of one that is. */
unsigned char http_escape_value(const char *p);
/* Decodes what is encoded and nothing else ('+' stays) into out (n bytes
 * suffice); returns the length. */
size_t http_percent_decode(const char *p, size_t n, char *out);

#endif
