/* SPDX-License-Identifier: Apache-2.0 */
/*
 * card.c - payment cards: a known issuer's prefix and length, the check digit,
 * and groups as they are printed on the card.
 */
#include <stdlib.h>
#include <string.h>

#include "common/privacy/number.h"
#include "common/privacy/text.h"

/* Prefixes by their first four digits (ISO/IEC 7812). */
static const struct issuer {
	unsigned from;
	unsigned to;
	unsigned char min;
	unsigned char max;
} issuers[] = {
	{ 4000, 4999, 16, 16 },                         /* Visa */
	{ 4000, 4999, 13, 13 },                         /* its older cards */
	{ 5100, 5599, 16, 16 },                         /* Mastercard */
	{ 2221, 2720, 16, 16 }, { 3400, 3499, 15, 15 }, /* American Express */
	{ 3700, 3799, 15, 15 }, { 3000, 3059, 14, 14 }, /* Diners Club */
	{ 3600, 3699, 14, 14 }, { 3800, 3999, 14, 14 },
	{ 6011, 6011, 16, 19 },                         /* Discover */
	{ 6440, 6599, 16, 19 }, { 6200, 6299, 16, 19 }, /* UnionPay */
	{ 3528, 3589, 16, 16 },                         /* JCB */
	{ 2200, 2204, 16, 16 },                         /* Mir */
	{ 5018, 5018, 13, 19 },                         /* Maestro */
	{ 5020, 5020, 13, 19 }, { 5038, 5038, 13, 19 }, { 6304, 6304, 13, 19 },
	{ 6759, 6759, 13, 19 }, { 6761, 6763, 13, 19 },
	{ 6521, 6522, 16, 16 }, /* RuPay */
};

static const char *const shapes[] = { "4444", "465", "464", "44443", "4454",
	"86", "66", NULL };

static bool
has_issuer(const char *digits, size_t n)
{
	char first[5] = { digits[0], digits[1], digits[2], digits[3], '\0' };
	unsigned prefix = (unsigned)strtoul(first, NULL, 10);

	for (size_t i = 0; i < sizeof(issuers) / sizeof(issuers[0]); i++)
		if (prefix >= issuers[i].from && prefix <= issuers[i].to &&
		    n >= issuers[i].min && n <= issuers[i].max)
			return true;
	return false;
}

/* The first groups as printed: all of them with one separator. */
static bool
has_shape(const struct number *n, size_t groups)
{
	char shape[NUMBER_GROUPS_MAX + 1] = "";

	if (groups == 1)
		return true;
	for (size_t i = 0; i < groups; i++) {
		if (n->groups[i].n > 9 ||
		    (i > 0 && n->groups[i].before != n->groups[1].before))
			return false;
		shape[i] = (char)('0' + n->groups[i].n);
	}
	if (n->groups[1].before != ' ' && n->groups[1].before != '-')
		return false;
	for (const char *const *s = shapes; *s != NULL; s++)
		if (strcmp(*s, shape) == 0)
			return true;
	return false;
}

bool
card_find(const struct text *t, const struct number *n, struct found *ret)
{
	if (n->n < 13 || n->groups[0].n < 4 || text_at(t, n->start) == '(' ||
	    !text_starts_alone(t, n->start))
		return false;
	for (size_t i = 0; i < n->n_groups; i++) {
		size_t digits = n->groups[i].total;

		if (digits < 13 || digits > 19 ||
		    !has_issuer(n->digits, digits) || !has_shape(n, i + 1) ||
		    !text_ends_alone(t, n->groups[i].end) ||
		    !number_is_luhn(n->digits, digits))
			continue;
		*ret = (struct found){ n->start, n->groups[i].end,
			"payment-card" };
		return true;
	}
	return false;
}
