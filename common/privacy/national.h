/* SPDX-License-Identifier: Apache-2.0 */
/*
 * national.h - numbers that states give to people: only those that a check
 * digit or a strict structure tells from other numbers.
 */
#ifndef COMMON_PRIVACY_NATIONAL_H
#define COMMON_PRIVACY_NATIONAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct found;
struct text;

/* The bit of a country ("fr"); -1 if none of its numbers is known. */
int national_country(const char *name);
const char *national_name(int country); /* NULL behind the last */
uint64_t national_all(void);

/* Is there one at this place, where a word begins? */
bool national_find(
    const struct text *, size_t at, uint64_t countries, struct found *ret);

#endif
