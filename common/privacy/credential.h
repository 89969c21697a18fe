/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credential.h - tokens of known shapes, and values that are assigned to what
 * is named as a secret: see text.h.
 */
#ifndef COMMON_PRIVACY_CREDENTIAL_H
#define COMMON_PRIVACY_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>

struct found;
struct text;

/* Is there a token at this place, where a word begins? */
bool token_find(const struct text *, size_t at, struct found *ret);
/* Is this '=' or ':' between a secret's name and the secret? */
bool assignment_find(const struct text *, size_t at, struct found *ret);
/* Is this quote or comma between a secret's name and the secret in quotes? */
bool quoted_find(const struct text *, size_t at, struct found *ret);
/* Is this the word between "password" and what it is? */
bool link_find(const struct text *, size_t at, size_t end, struct found *ret);
/* Is this "--" the beginning of an option that gives a secret? */
bool option_find(const struct text *, size_t at, struct found *ret);
/* Is the whole text a secret, as the name of its member has it? */
bool member_find(const struct text *, struct found *ret);

/* A private key, from this '-' to behind its last line. */
bool private_key_find(const struct text *, size_t at, struct found *ret);
/* Those that don't begin with dashes, where a word begins. */
bool private_key_find_word(const struct text *, size_t at, struct found *ret);

#endif
