/* SPDX-License-Identifier: Apache-2.0 */
/* iban.c - see iban.h.  Country, its length, and ISO 7064's MOD 97-10. */
#include <string.h>

#include "common/privacy/iban.h"
#include "common/privacy/text.h"

#define IBAN_MAX 34

static const struct {
	char country[3];
	unsigned char length;
} countries[] = {
	{ "AD", 24 },
	{ "AE", 23 },
	{ "AL", 28 },
	{ "AT", 20 },
	{ "AZ", 28 },
	{ "BA", 20 },
	{ "BE", 16 },
	{ "BG", 22 },
	{ "BH", 22 },
	{ "BI", 27 },
	{ "BR", 29 },
	{ "BY", 28 },
	{ "CH", 21 },
	{ "CR", 22 },
	{ "CY", 28 },
	{ "CZ", 24 },
	{ "DE", 22 },
	{ "DJ", 27 },
	{ "DK", 18 },
	{ "DO", 28 },
	{ "EE", 20 },
	{ "EG", 29 },
	{ "ES", 24 },
	{ "FI", 18 },
	{ "FK", 18 },
	{ "FO", 18 },
	{ "FR", 27 },
	{ "GB", 22 },
	{ "GE", 22 },
	{ "GI", 23 },
	{ "GL", 18 },
	{ "GR", 27 },
	{ "GT", 28 },
	{ "HR", 21 },
	{ "HU", 28 },
	{ "IE", 22 },
	{ "IL", 23 },
	{ "IQ", 23 },
	{ "IS", 26 },
	{ "IT", 27 },
	{ "JO", 30 },
	{ "KW", 30 },
	{ "KZ", 20 },
	{ "LB", 28 },
	{ "LC", 32 },
	{ "LI", 21 },
	{ "LT", 20 },
	{ "LU", 20 },
	{ "LV", 21 },
	{ "LY", 25 },
	{ "MC", 27 },
	{ "MD", 24 },
	{ "ME", 22 },
	{ "MK", 19 },
	{ "MN", 20 },
	{ "MR", 27 },
	{ "MT", 31 },
	{ "MU", 30 },
	{ "NI", 28 },
	{ "NL", 18 },
	{ "NO", 15 },
	{ "OM", 23 },
	{ "PK", 24 },
	{ "PL", 28 },
	{ "PS", 29 },
	{ "PT", 25 },
	{ "QA", 29 },
	{ "RO", 24 },
	{ "RS", 22 },
	{ "RU", 33 },
	{ "SA", 24 },
	{ "SC", 31 },
	{ "SD", 18 },
	{ "SE", 24 },
	{ "SI", 19 },
	{ "SK", 24 },
	{ "SM", 27 },
	{ "SO", 23 },
	{ "ST", 25 },
	{ "SV", 28 },
	{ "TL", 23 },
	{ "TN", 24 },
	{ "TR", 26 },
	{ "UA", 29 },
	{ "VA", 22 },
	{ "VG", 24 },
	{ "XK", 20 },
	{ "YE", 30 },
};

static char
upper(char c)
{
	return is(c, IS_LOWER) ? (char)(c - 0x20) : c;
}

static size_t
length_of(char first, char second)
{
	first = upper(first);
	second = upper(second);
	for (size_t i = 0; i < sizeof(countries) / sizeof(countries[0]); i++)
		if (countries[i].country[0] == first &&
		    countries[i].country[1] == second)
			return countries[i].length;
	return 0;
}

static unsigned
value_of(char c)
{
	return is(c, IS_DIGIT) ? (unsigned)(c - '0')
			       : (unsigned)(upper(c) - 'A' + 10);
}

static bool
is_right(const char *iban, size_t n)
{
	unsigned rest = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned v = value_of(iban[(i + 4) % n]);

		rest = (rest * (v > 9 ? 100 : 10) + v) % 97;
	}
	return rest == 1;
}

/* A blank (no-break ones too) or '-' between groups: its bytes. */
static size_t
separator(const struct text *t, size_t at)
{
	char c = text_at(t, at);

	if (c == ' ' || c == '-')
		return 1;
	return c == '\xc2' && text_at(t, at + 1) == '\xa0' ? 2 : 0;
}

bool
iban_find(const struct text *t, size_t at, struct found *ret)
{
	char iban[IBAN_MAX];
	size_t want, n = 0, i = at;

	if (t->n - at < 15 || !is(t->p[at], IS_LETTER) ||
	    !is(t->p[at + 1], IS_LETTER) || !is(t->p[at + 2], IS_DIGIT) ||
	    !is(t->p[at + 3], IS_DIGIT))
		return false;
	want = length_of(t->p[at], t->p[at + 1]);
	while (n < want && i < t->n) {
		size_t skip = n > 0 ? separator(t, i) : 0;

		i += skip;
		if (!is(text_at(t, i), IS_ALNUM))
			return false;
		iban[n++] = t->p[i++];
	}
	if (want == 0 || n < want || is(text_at(t, i), IS_WORD) ||
	    !is_right(iban, n))
		return false;
	*ret = (struct found){ at, i, "iban" };
	return true;
}
