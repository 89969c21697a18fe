/* SPDX-License-Identifier: Apache-2.0 */
/* email.h - addresses, and not what only has an '@': see text.h. */
#ifndef COMMON_PRIVACY_EMAIL_H
#define COMMON_PRIVACY_EMAIL_H

#include <stdbool.h>
#include <stddef.h>

struct found;
struct text;

/* Is the '@' at this place one of an address? */
bool email_find(const struct text *, size_t at, struct found *ret);

#endif
