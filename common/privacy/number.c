/* SPDX-License-Identifier: Apache-2.0 */
/* number.c - see number.h. */
#include <string.h>

#include "common/privacy/number.h"
#include "common/privacy/text.h"

/* What stands between two groups: its bytes and which it is; 0 if it is
 * nothing of the kind. */
static size_t
separator(const struct text *t, size_t at, char *ret)
{
	static const struct {
		char text[4];
		uint8_t n;
		char is;
	} known[] = {
		{ " ", 1, ' ' }, { "-", 1, '-' }, { ".", 1, '.' },
		{ "/", 1, '/' }, { ") ", 2, ')' }, { ")-", 2, ')' },
		{ ")", 1, ')' }, { " (", 2, '(' }, { "(", 1, '(' },
		{ " - ", 3, '-' }, { "\xc2\xa0", 2, ' ' }, /* no-break space */
		{ "\xe2\x80\xaf", 3, ' ' }, /* narrow no-break space */
		{ "\xe2\x80\x91", 3, '-' }, /* no-break hyphen */
	};
	char c = text_at(t, at);

	if (is(c, IS_WORD))
		return 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t n = known[i].n;

		if (c == known[i].text[0] && t->n - at > n &&
		    memcmp(t->p + at, known[i].text, n) == 0 &&
		    is(t->p[at + n], IS_DIGIT)) {
			*ret = known[i].is;
			return n;
		}
	}
	return 0;
}

/* How many digits stand there, which are put behind those before; 0 if there
 * are none, or more than a number has. */
static size_t
read_group(const struct text *t, size_t at, struct number *n)
{
	size_t room = NUMBER_DIGITS_MAX - n->n, len = 0;

	for (; is(text_at(t, at + len), IS_DIGIT); len++) {
		if (len == room)
			return 0;
		n->digits[n->n + len] = t->p[at + len];
	}
	return len;
}

void
number_read(const struct text *t, size_t at, struct number *ret)
{
	struct number *n = ret;
	char before = '\0';
	size_t skip;

	n->start = at;
	n->n = n->n_groups = 0;
	if (text_at(t, at) == '(') {
		before = '(';
		at++;
	}
	while (n->n_groups < NUMBER_GROUPS_MAX) {
		size_t len = read_group(t, at, n);

		if (len == 0)
			break;
		n->n += len;
		at += len;
		n->groups[n->n_groups++] = (struct number_group){ (uint8_t)len,
			(uint8_t)n->n, before, at };
		skip = separator(t, at, &before);
		if (skip == 0)
			break;
		at += skip;
	}
	n->digits[n->n] = '\0';
}

bool
number_is_luhn(const char *digits, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned v = (unsigned)(digits[n - 1 - i] - '0');

		if (i % 2 == 1)
			v = v > 4 ? 2 * v - 9 : 2 * v;
		sum += v;
	}
	return sum % 10 == 0;
}
