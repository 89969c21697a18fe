/* SPDX-License-Identifier: Apache-2.0 */
/* iban.h - international bank account numbers (ISO 13616): see text.h. */
#ifndef COMMON_PRIVACY_IBAN_H
#define COMMON_PRIVACY_IBAN_H

#include <stdbool.h>
#include <stddef.h>

struct found;
struct text;

/* Is there one at this place, where a word begins? */
bool iban_find(const struct text *, size_t at, struct found *ret);

#endif
