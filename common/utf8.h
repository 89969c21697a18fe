/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h - well-formed UTF-8, as RFC 3629 section 4 has it. */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character that starts at s, 1 to 4; 0 if what is there is none,
 * which the NUL isn't either.  Reads no further than a NUL. */
size_t utf8_length(const char *s);

/* Would this character, whose length isn't 0, move a terminal's cursor or
 * change the order of what is shown?  C0, C1, DEL, line separators and
 * bidirectional controls. */
bool utf8_is_control(const char *s);

#endif
