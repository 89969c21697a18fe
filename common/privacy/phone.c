/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phone.c - telephone numbers: E.164 with its country codes, national forms
 * whose groups and first digits are those of no other number, and anything of
 * a number's length that is said to be one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/privacy/number.h"
#include "common/privacy/text.h"

static const char *const phone_words[] = { "phone", "tel", "telephone",
	"mobile", "cell", "cellphone", "fax", "whatsapp", "sms", "msisdn",
	"telefon", "telefono", "tel\303\251fono", "m\xc3\xb3vil", "movil",
	"handy", "mobil", "mobilnummer", "handynummer", "telefonnummer",
	"t\xc3\xa9l\xc3\xa9phone", "telephone", "telefoon", "telefoonnummer",
	"celular", "telefone", "cellulare", "telem\xc3\xb3vel", "call me",
	"reach me", "text me", "appelle", "appelez", "appeler", "joindre",
	"ruf mich", "anrufen", "ll\303\241mame", "chiamami", "ligue", "bel me",
	"\xe9\x9b\xbb\xe8\xa9\xb1", /* Japanese */
	"\xe7\x94\xb5\xe8\xaf\x9d", /* Chinese */
	"\xe6\x89\x8b\xe6\x9c\xba", /* Chinese: mobile */
	"\xd1\x82\xd0\xb5\xd0\xbb\xd0\xb5\xd1\x84\xd0\xbe\xd0\xbd", NULL };

/* What else has numbers, and may stand behind a phone. */
static const char *const other_words[] = { "order", "invoice", "ticket",
	"tracking", "reference", "ref", "id", "case", "bestellung", "rechnung",
	"commande", "facture", "pedido", "factura", NULL };

/* Digits of a whole number, its country code included. */
static const struct code {
	const char *code;
	unsigned char min;
	unsigned char max;
	bool is_region; /* the first two digits of codes that have three */
} codes[] = {
	{ "1", 11, 11 },
	{ "7", 11, 11 },
	{ "20", 11, 12 },
	{ "27", 11, 11 },
	{ "30", 12, 12 },
	{ "31", 11, 11 },
	{ "32", 10, 11 },
	{ "33", 11, 11 },
	{ "34", 11, 11 },
	{ "36", 10, 11 },
	{ "39", 9, 13 },
	{ "40", 11, 11 },
	{ "41", 11, 11 },
	{ "43", 9, 14 },
	{ "44", 11, 12 },
	{ "45", 10, 10 },
	{ "46", 9, 12 },
	{ "47", 10, 10 },
	{ "48", 11, 11 },
	{ "49", 10, 14 },
	{ "51", 10, 11 },
	{ "52", 12, 13 },
	{ "53", 8, 11 },
	{ "54", 11, 13 },
	{ "55", 12, 13 },
	{ "56", 11, 11 },
	{ "57", 10, 12 },
	{ "58", 12, 12 },
	{ "60", 10, 12 },
	{ "61", 11, 11 },
	{ "62", 10, 14 },
	{ "63", 11, 12 },
	{ "64", 10, 12 },
	{ "65", 10, 10 },
	{ "66", 10, 11 },
	{ "81", 11, 12 },
	{ "82", 10, 12 },
	{ "84", 11, 12 },
	{ "86", 11, 13 },
	{ "90", 12, 12 },
	{ "91", 12, 12 },
	{ "92", 11, 12 },
	{ "93", 11, 11 },
	{ "94", 11, 11 },
	{ "95", 9, 13 },
	{ "98", 11, 12 },
	{ "21", 11, 13, true },
	{ "22", 10, 13, true },
	{ "23", 10, 13, true },
	{ "24", 9, 13, true },
	{ "25", 9, 13, true },
	{ "26", 9, 13, true },
	{ "29", 8, 12, true },
	{ "35", 10, 13, true },
	{ "37", 10, 12, true },
	{ "38", 10, 13, true },
	{ "42", 10, 12, true },
	{ "50", 10, 11, true },
	{ "59", 9, 12, true },
	{ "67", 8, 12, true },
	{ "68", 8, 12, true },
	{ "69", 8, 12, true },
	{ "80", 11, 12, true },
	{ "85", 10, 13, true },
	{ "87", 11, 13, true },
	{ "88", 10, 13, true },
	{ "96", 10, 13, true },
	{ "97", 10, 13, true },
	{ "99", 11, 13, true },
};

/* North America: area and exchange begin with 2 to 9 and aren't N11. */
static bool
is_nanp(const char *d)
{
	return d[0] >= '2' && d[3] >= '2' && !(d[1] == '1' && d[2] == '1') &&
	       !(d[4] == '1' && d[5] == '1');
}

static bool
is_international(const char *digits, size_t n)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		const struct code *c = &codes[i];

		if (strncmp(digits, c->code, strlen(c->code)) != 0)
			continue;
		/* The zero of national numbers isn't dialled, but in Italy. */
		if (digits[strlen(c->code)] == '0' && !c->is_region &&
		    strcmp(c->code, "39") != 0)
			return false;
		return n >= c->min && n <= c->max &&
		       (digits[0] != '1' || is_nanp(digits + 1));
	}
	return false;
}

/* National forms: lengths of the groups with what stands before each, and
 * first digits, of which N means is_nanp(), 1N the same behind a 1, and 0Z a
 * zero and another digit. */
static const struct form {
	const char *shape;
	const char *first;
	bool needs_word;
} forms[] = {
	{ "3-3-4", "N" }, { "3.3.4", "N" }, { "(3)3-4", "N" },
	{ "(3)3.4", "N" }, { "(3)3 4", "N" }, { "3 3-4", "N" },
	{ "1-3-3-4", "1N" }, { "1.3.3.4", "1N" }, { "1(3)3-4", "1N" },
	{ "3 3 4", "N", true }, { "2 2 2 2 2", "0Z" }, /* France */
	{ "2.2.2.2.2", "0Z" }, { "2-2-2-2-2", "0Z" },
	{ "5 6", "07" }, /* United Kingdom */
	{ "5 3 3", "07" }, { "5 6", "01" }, { "5 5", "01" }, { "3 4 4", "02" },
	{ "(3)4 4", "02" }, { "4 3 4", "01" }, { "4 3 4", "08" },
	{ "4 3 4", "03" }, { "3/6", "0" }, /* Germany, Austria */
	{ "3/7", "0" }, { "3/8", "0" }, { "4/6", "0" }, { "4/7", "0" },
	{ "4/8", "0" }, { "5/5", "0" }, { "5/6", "0" }, { "3 7", "0" },
	{ "3 8", "0" }, { "4 7", "01" }, { "4 8", "01" }, { "4-7", "01" },
	{ "4-8", "01" }, { "2-8", "06" }, /* Netherlands */
	{ "2 8", "06" }, { "3-7", "0" }, { "4-6", "0" }, { "3-3 2 2", "0" },
	{ "2-3 2 2", "0" },                     /* Sweden */
	{ "3 2 2 2", "6" },                     /* Spain */
	{ "3 2 2 2", "9" }, { "3 2 2 2", "0" }, /* Belgium, Switzerland */
	{ "3 3 2 2", "0" }, { "(2)5-4", "" },   /* Brazil */
	{ "(2)4-4", "" }, { "4 3 3", "04" },    /* Australia, Belgium */
	{ "(2)4 4", "0" }, { "3-4-4", "0" },    /* Japan, Korea */
	{ "2-4-4", "0" }, { "3-3-4", "0" }, { "3-4-4", "1" }, /* China */
};

static bool
begins_as(const char *digits, const char *first)
{
	if (strcmp(first, "N") == 0)
		return is_nanp(digits);
	if (strcmp(first, "1N") == 0)
		return digits[0] == '1' && is_nanp(digits + 1);
	if (strcmp(first, "0Z") == 0)
		return digits[0] == '0' && digits[1] != '0';
	return strncmp(digits, first, strlen(first)) == 0;
}

/* The groups' shapes one behind the other; where each ends. */
static void
shape_of(const struct number *n, char ret[32], size_t ends[NUMBER_GROUPS_MAX])
{
	size_t used = 0;

	for (size_t i = 0; i < n->n_groups; i++) {
		if (n->groups[i].before != '\0')
			ret[used++] = n->groups[i].before;
		if (n->groups[i].n > 9)
			ret[used++] = '1';
		ret[used++] = (char)('0' + n->groups[i].n % 10);
		ends[i] = used;
	}
	ret[used] = '\0';
}

static bool
has_form(
    const struct text *t, const struct number *n, const char *shape, size_t len)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (forms[i].shape[0] == shape[0] &&
		    strncmp(forms[i].shape, shape, len) == 0 &&
		    forms[i].shape[len] == '\0' &&
		    begins_as(n->digits, forms[i].first) &&
		    (!forms[i].needs_word ||
			text_is_about(t, n->start, phone_words)))
			return true;
	return false;
}

/* Groups that are written on: a separator and more digits, the same as those
 * before. */
static bool
goes_on(const struct number *n, size_t groups)
{
	return groups < n->n_groups &&
	       (n->groups[groups].before != ' ' ||
		   (groups > 1 && n->groups[groups - 1].before == ' ' &&
		       n->groups[groups].n == n->groups[groups - 1].n));
}

static bool
find_form(const struct text *t, const struct number *n, size_t *ret_groups)
{
	char shape[32];
	size_t ends[NUMBER_GROUPS_MAX];

	if (n->n < 9 || n->n_groups < 2)
		return false;
	shape_of(n, shape, ends);
	for (size_t k = n->n_groups; k > 1; k--)
		if (n->groups[k - 1].total >= 9 &&
		    n->groups[k - 1].total <= 12 && !goes_on(n, k) &&
		    has_form(t, n, shape, ends[k - 1])) {
			*ret_groups = k;
			return true;
		}
	return false;
}

/* A date, a decimal or an address of the Internet, which stand near phones too.
 */
static bool
is_something_else(const struct number *n)
{
	const struct number_group *g = n->groups;

	if (n->n_groups >= 2 && g[0].n == 4 &&
	    (strncmp(n->digits, "19", 2) == 0 ||
		strncmp(n->digits, "20", 2) == 0) &&
	    g[1].n == 2)
		return true;
	if (n->n_groups >= 3 && g[0].n <= 2 && g[1].n <= 2 &&
	    (g[2].n == 4 || g[2].n == 2) && g[1].before != ' ' &&
	    n->digits[0] < '4' && g[2].total < 9 && n->n_groups < 5)
		return true;
	if (n->n_groups >= 4 && g[1].before == '.' && g[2].before == '.' &&
	    g[0].n <= 3 && g[1].n <= 3 && g[2].n <= 3 && g[3].n <= 3)
		return true;
	/* A decimal. */
	if (n->n_groups == 2 && g[1].before == '.')
		return true;
	/* Seconds and milliseconds since 1970. */
	return n->n_groups == 1 && n->digits[0] == '1' &&
	       (n->n == 10 || n->n >= 13);
}

/* Called a phone number, and as long as one. */
static bool
find_named(const struct text *t, const struct number *n, size_t *ret_groups)
{
	if (n->n < 7 || is_something_else(n) ||
	    !text_is_about(t, n->start, phone_words) ||
	    text_is_called(t, n->start, other_words))
		return false;
	for (size_t k = n->n_groups; k > 0; k--)
		if (n->groups[k - 1].total >= 7 &&
		    n->groups[k - 1].total <= 13 && n->groups[k - 1].n >= 2) {
			*ret_groups = k;
			return true;
		}
	return false;
}

/* Behind '+' or 00; the zero in "+44 (0)20" doesn't count. */
static bool
find_international(const struct number *n, size_t skip, size_t *ret_groups)
{
	char digits[NUMBER_DIGITS_MAX + 1];

	for (size_t k = n->n_groups; k > 0; k--) {
		size_t len = 0;

		for (size_t i = 0; i < k; i++) {
			const struct number_group *g = &n->groups[i];

			if (i > 0 && g->n == 1 && g->before == '(' &&
			    n->digits[g->total - 1] == '0')
				continue;
			memcpy(digits + len, n->digits + g->total - g->n, g->n);
			len += g->n;
		}
		digits[len] = '\0';
		if (len > skip && is_international(digits + skip, len - skip)) {
			*ret_groups = k;
			return true;
		}
	}
	return false;
}

/* Groups with blanks, behind a blank and more digits: the end of a number that
 * isn't a phone's. */
static bool
is_rest(const struct text *t, const struct number *n)
{
	return n->n_groups > 1 && n->groups[1].before == ' ' &&
	       text_before(t, n->start) == ' ' &&
	       is(text_before(t, n->start - 1), IS_DIGIT);
}

/* Behind a '+' that begins something: not "a+1". */
static bool
has_plus(const struct text *t, size_t at)
{
	char before = text_before(t, at - 1);

	return text_before(t, at) == '+' && before != '+' &&
	       (!is(before, IS_WORD) || text_before(t, at - 2) == '\\');
}

/* Without '+': the number must stand alone. */
static bool
find_local(const struct text *t, const struct number *n, size_t *ret_groups)
{
	char before = text_before(t, n->start);

	if (!text_starts_alone(t, n->start) || is_rest(t, n) ||
	    (before == '.' && is(text_before(t, n->start - 1), IS_ALNUM)))
		return false;
	if (n->n_groups > 1 && n->digits[0] == '0' && n->digits[1] == '0' &&
	    find_international(n, 2, ret_groups))
		return true;
	return find_form(t, n, ret_groups) || find_named(t, n, ret_groups);
}

bool
phone_find(const struct text *t, const struct number *n, struct found *ret)
{
	bool is_plus = text_before(t, n->start) == '+';
	size_t groups, end;

	if (n->n < 7)
		return false;
	if (is_plus
		? !has_plus(t, n->start) || !find_international(n, 0, &groups)
		: !find_local(t, n, &groups))
		return false;
	end = n->groups[groups - 1].end;
	if (!text_ends_alone(t, end))
		return false;
	*ret = (struct found){ n->start - is_plus, end, "phone" };
	return true;
}
