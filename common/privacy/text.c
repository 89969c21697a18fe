/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - see text.h. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "common/privacy/text.h"

#define NEAR_BYTES 48 /* how far before a number its name may stand */
#define NAME_BYTES 16 /* how far at most if it is the nearest */

const uint8_t text_classes[256] = {
	['0' ... '9'] = IS_DIGIT | IS_HEX,
	['A' ... 'F'] = IS_UPPER | IS_HEX,
	['G' ... 'Z'] = IS_UPPER,
	['a' ... 'f'] = IS_LOWER | IS_HEX,
	['g' ... 'z'] = IS_LOWER,
	['_'] = IS_UNDERSCORE,
	['-'] = IS_DASH,
	['+'] = IS_BASE64,
	['/'] = IS_BASE64,
	[' '] = IS_SPACE,
	['\t'] = IS_SPACE,
	['\n'] = IS_SPACE,
	['\r'] = IS_SPACE,
};

bool
text_says(const struct text *t, size_t at, const char *lower)
{
	size_t n = strlen(lower);

	return at <= t->n && t->n - at >= n &&
	       strncasecmp(t->p + at, lower, n) == 0;
}

/* Behind the label of a placeholder: "_1A2B3C4D]". */
static bool
is_placeholder(const char *p, size_t n, size_t at)
{
	size_t digits = 0;

	if (at == n || p[at] != '_')
		return false;
	while (at + 1 + digits < n && digits < 16 &&
	       is(p[at + 1 + digits], IS_HEX))
		digits++;
	return digits >= 8 && at + 1 + digits < n && p[at + 1 + digits] == ']';
}

/* Behind the word at that place, NULL if it isn't there; a blank in it is also
 * written as "_", "-" or nothing but a capital. */
static const char *
skip_word(const char *p, const char *end, const char *word)
{
	for (; *word != '\0'; word++) {
		if (p == end)
			return NULL;
		if (*word != ' ')
			if ((*p | 0x20) != (*word | 0x20))
				return NULL;
			else
				p++;
		else if (*p == ' ' || *p == '_' || *p == '-')
			p++;
		else if (!is(*p, IS_UPPER))
			return NULL;
	}
	return p;
}

/* A word, not a part of one: "tel" isn't in "hotel" nor in "telling", but
 * "phone" is in "homePhoneNumber". */
static bool
is_word_at(const char *p, size_t n, size_t at, const char *word)
{
	const char *behind = skip_word(p + at, p + n, word);

	if (behind == NULL)
		return false;
	if (at > 0 && is(p[at - 1], IS_LETTER) &&
	    !(is(p[at - 1], IS_LOWER) && is(p[at], IS_UPPER)))
		return false;
	if (is_placeholder(p, n, (size_t)(behind - p)))
		return false;
	return behind == p + n || !is(*behind, IS_LOWER) ||
	       !is(behind[-1], IS_LETTER);
}

static bool
has_word(const char *p, size_t n, const char *const *words)
{
	for (size_t at = 0; at < n; at++) {
		/* They begin with a letter, and none inside a word. */
		if (is(p[at], IS_LOWER)
			? at > 0 && is(p[at - 1], IS_LETTER)
			: !is(p[at], IS_UPPER) && (uint8_t)p[at] < 0x80)
			continue;
		for (const char *const *w = words; *w != NULL; w++)
			if ((p[at] | 0x20) == (**w | 0x20) &&
			    is_word_at(p, n, at, *w))
				return true;
	}
	return false;
}

/* Where on this line the last of so many bytes before at begin. */
static size_t
near(const struct text *t, size_t at, size_t bytes)
{
	size_t from = at > bytes ? at - bytes : 0;
	const char *line = memrchr(t->p + from, '\n', at - from);

	return line != NULL ? (size_t)(line + 1 - t->p) : from;
}

bool
text_is_about(const struct text *t, size_t at, const char *const *words)
{
	size_t from = near(t, at, NEAR_BYTES);

	if (from == 0 && t->name_len > 0 &&
	    has_word(t->name, t->name_len, words))
		return true;
	return has_word(t->p + from, at - from, words);
}

bool
text_is_called(const struct text *t, size_t at, const char *const *words)
{
	size_t from = near(t, at, NAME_BYTES);

	return has_word(t->p + from, at - from, words);
}

bool
text_starts_alone(const struct text *t, size_t at)
{
	char c = text_before(t, at),
	     before = at > 0 ? text_before(t, at - 1) : '\0';

	if (is(c, IS_WORD))
		/* The n of a line end that is written as an escape. */
		return before == '\\' && strchr("nrt", c) != NULL;
	if (c == '-' || c == '/' || c == '#' || c == '@' || c == '%' ||
	    c == '&')
		return !is(before, IS_WORD) && c != '%';
	if (c == '.')
		return !is(before, IS_DIGIT);
	return c != '+' && c != '$';
}

bool
text_ends_alone(const struct text *t, size_t end)
{
	char c = text_at(t, end), next = text_at(t, end + 1);

	if (is(c, IS_WORD) || c == '@' || c == '%')
		return false;
	if (c == '-')
		return !is(next, IS_WORD);
	if (c == '.')
		return !is(next, IS_DIGIT) && !is(next, IS_LOWER);
	return true;
}

double
text_entropy(const char *p, size_t n)
{
	unsigned count[256] = { 0 };
	double bits = 0;

	for (size_t i = 0; i < n; i++)
		count[(uint8_t)p[i]]++;
	for (size_t i = 0; i < 256; i++)
		if (count[i] > 0) {
			double share = (double)count[i] / (double)n;

			bits -= share * log2(share);
		}
	return bits;
}

/* Parts between separators that are words or short numbers. */
static bool
is_words(const char *p, size_t n)
{
	size_t letters = 0, digits = 0, parts = 0, turns = 0;

	for (size_t i = 0; i <= n; i++) {
		if (i < n && is(p[i], IS_LETTER)) {
			if (digits > 0)
				turns++;
			if (letters > 0 && is(p[i], IS_UPPER) &&
			    is(p[i - 1], IS_LOWER))
				letters = 0; /* camelCase: another word */
			letters++;
			continue;
		}
		if (i < n && is(p[i], IS_DIGIT)) {
			digits++;
			if (digits > 4 || turns > 0)
				return false;
			continue;
		}
		parts++;
		letters = digits = turns = 0;
	}
	return parts > 0;
}

bool
text_looks_random(const char *p, size_t n)
{
	bool seen[256] = { false };
	size_t distinct = 0, digits = 0, letters = 0;

	for (size_t i = 0; i < n; i++) {
		distinct += !seen[(uint8_t)p[i]];
		seen[(uint8_t)p[i]] = true;
		digits += is(p[i], IS_DIGIT);
		letters += is(p[i], IS_LETTER);
	}
	return distinct >= 8 && digits >= 2 && letters >= 2 &&
	       text_entropy(p, n) >= 3.0 && !is_words(p, n);
}

bool
text_is_sample(const char *p, size_t n)
{
	static const char *const says[] = { "your", "changeme", "change_me",
		"change-me", "placeholder", "redacted", "xxxx", "****", "....",
		"insert", "replace", "dummy", "todo", "<", "{{", "${", "%(",
		"$(", "sample", "not-set", "notset", "undefined", "example",
		NULL };

	for (size_t at = 0; at < n; at++)
		for (const char *const *s = says; *s != NULL; s++)
			if ((p[at] | 0x20) == (**s | 0x20) &&
			    strlen(*s) <= n - at &&
			    strncasecmp(p + at, *s, strlen(*s)) == 0)
				return true;
	return false;
}
