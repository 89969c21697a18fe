/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - the text that detectors look at, and what they ask of it; inside
 * common/privacy/.
 *
 * A detector is asked about one place and answers with what begins or stands
 * there.  It reads no further than a bounded number of bytes from it, so that
 * all of them together are linear in the text.
 */
#ifndef COMMON_PRIVACY_TEXT_H
#define COMMON_PRIVACY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	const char *p;
	size_t n;
	const char *name; /* the JSON member that it is the value of */
	size_t name_len;
};

struct found {
	size_t start;
	size_t end;
	const char *kind; /* "us-ssn"; const static */
};

enum {
	IS_DIGIT = 1,
	IS_UPPER = 2,
	IS_LOWER = 4,
	IS_HEX = 8,
	IS_UNDERSCORE = 16,
	IS_DASH = 32,
	IS_BASE64 = 64, /* + / */
	IS_SPACE = 128, /* blank, tab, line ends */
	IS_LETTER = IS_UPPER | IS_LOWER,
	IS_ALNUM = IS_LETTER | IS_DIGIT,
	IS_WORD = IS_ALNUM | IS_UNDERSCORE,
	IS_URL64 = IS_WORD | IS_DASH,
	IS_ANY64 = IS_URL64 | IS_BASE64,
};

extern const uint8_t text_classes[256];

static inline bool
is(char c, unsigned classes)
{
	return text_classes[(uint8_t)c] & classes;
}

/* '\0' outside of the text, which no class has. */
static inline char
text_at(const struct text *t, size_t i)
{
	return i < t->n ? t->p[i] : '\0';
}

static inline char
text_before(const struct text *t, size_t i)
{
	return i > 0 && i <= t->n ? t->p[i - 1] : '\0';
}

/* How many bytes of these classes follow, at most max. */
static inline size_t
text_run(const struct text *t, size_t at, unsigned classes, size_t max)
{
	size_t n = 0;

	while (n < max && at + n < t->n && is(t->p[at + n], classes))
		n++;
	return n;
}

/* Does the text say this at that place, in whatever case? */
bool text_says(const struct text *, size_t at, const char *lower);

/* Is one of the words (lower case, ends with NULL) on this line just before
 * the place, or in the name of the member? */
bool text_is_about(const struct text *, size_t at, const char *const *words);

/* Is one of them right before it? */
bool text_is_called(const struct text *, size_t at, const char *const *words);

/* Does a number or code that begins or ends here stand alone, and is no part
 * of an identifier, a decimal or a path? */
bool text_starts_alone(const struct text *, size_t at);
bool text_ends_alone(const struct text *, size_t end);

/* Shannon entropy in bits a byte. */
double text_entropy(const char *, size_t n);
/* Was it made by chance, or is it words, "xxxx" and "your-key-here"? */
bool text_looks_random(const char *, size_t n);
/* Does it say of itself that it is no secret: your_, example, changeme? */
bool text_is_sample(const char *, size_t n);

#endif
