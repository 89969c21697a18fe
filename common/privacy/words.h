/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - finds any of many words in one pass (Aho and Corasick, 1975).
 *
 * Words are UTF-8; case is ignored in ASCII only.  A word counts where no
 * letter or digit of ASCII continues it on either side.  How many words there
 * are and how long is the caller's to bound.
 */
#ifndef COMMON_PRIVACY_WORDS_H
#define COMMON_PRIVACY_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define WORDS_OWNERS_MAX 64

struct words;

struct words *words_new(void);
void words_free(struct words *); /* NULL is fine */
/* The text is copied; the owner is whose word it is, below WORDS_OWNERS_MAX. */
void words_add(
    struct words *, const char *text, bool ignore_case, unsigned owner);
/* No more words; before anything is sought. */
void words_build(struct words *);

/* Zero it, but for text and n. */
struct words_search {
	const char *text;
	size_t n;
	size_t at;
	uint32_t node;
	uint32_t output;   /* to be looked at */
	uint64_t reported; /* owners, of words that end at this place */
};
struct words_hit {
	size_t start;
	size_t end;
	unsigned owner;
};
/* In the order of their ends. */
bool words_next(
    const struct words *, struct words_search *, struct words_hit *ret);

DEFINE_FREEP(words);

#endif
