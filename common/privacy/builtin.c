/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin.c - the built-in detectors in one pass over a text.
 *
 * A table says of each byte whether something can begin there; words are
 * looked at where they begin and skipped.  What a detector is asked costs a
 * bounded number of bytes, so that the pass is linear.
 */
#include <string.h>

#include "common/privacy/credential.h"
#include "common/privacy/email.h"
#include "common/privacy/iban.h"
#include "common/privacy/matcher.h"
#include "common/privacy/national.h"
#include "common/privacy/number.h"
#include "common/privacy/text.h"

enum place { NOTHING, WORD, AT, NUMBER, DASH, SIGN, QUOTE };

static const uint8_t places[256] = {
	['0' ... '9'] = WORD,
	['A' ... 'Z'] = WORD,
	['a' ... 'z'] = WORD,
	['_'] = WORD,
	['@'] = AT,
	['+'] = NUMBER,
	['('] = NUMBER,
	['-'] = DASH,
	['='] = SIGN,
	[':'] = SIGN,
	[','] = QUOTE,
	['"'] = QUOTE,
	['\''] = QUOTE,
	['`'] = QUOTE,
};

static bool
has(const struct scanner *s, enum privacy_type type)
{
	return s->matcher->of_type[type] >= 0;
}

static bool
take(struct scanner *s, enum privacy_type type, const struct found *f,
    size_t *behind)
{
	scanner_add(s, type, f->start, f->end, f->kind);
	if (f->end > *behind)
		*behind = f->end;
	return true;
}

static uint64_t
countries(const struct scanner *s)
{
	int rule = s->matcher->of_type[PRIVACY_NATIONAL_ID];

	return rule < 0 ? 0 : s->matcher->rules[rule].countries;
}

static bool
find_number(struct scanner *s, const struct text *t, size_t at, size_t *behind)
{
	struct number n;
	struct found f;

	if (!has(s, PRIVACY_PAYMENT_CARD) && !has(s, PRIVACY_PHONE))
		return false;
	number_read(t, at, &n);
	if (has(s, PRIVACY_PAYMENT_CARD) && card_find(t, &n, &f))
		return take(s, PRIVACY_PAYMENT_CARD, &f, behind);
	if (has(s, PRIVACY_PHONE) && phone_find(t, &n, &f))
		return take(s, PRIVACY_PHONE, &f, behind);
	return false;
}

/* All that can begin with a letter or a digit. */
static bool
find_at_word(struct scanner *s, const struct text *t, size_t at, size_t *behind)
{
	bool is_digit = is(t->p[at], IS_DIGIT);
	struct found f;

	if (has(s, PRIVACY_CREDENTIAL) && token_find(t, at, &f))
		return take(s, PRIVACY_CREDENTIAL, &f, behind);
	if (!is_digit && has(s, PRIVACY_PRIVATE_KEY) &&
	    (t->p[at] == 'A' || t->p[at] == 'P') &&
	    private_key_find_word(t, at, &f))
		return take(s, PRIVACY_PRIVATE_KEY, &f, behind);
	if (!is_digit && has(s, PRIVACY_IBAN) && iban_find(t, at, &f))
		return take(s, PRIVACY_IBAN, &f, behind);
	if (has(s, PRIVACY_NATIONAL_ID) &&
	    (is_digit || is(t->p[at], IS_UPPER)) &&
	    national_find(t, at, countries(s), &f))
		return take(s, PRIVACY_NATIONAL_ID, &f, behind);
	return is_digit && find_number(s, t, at, behind);
}

/* Behind the word, or what was found there. */
static size_t
at_word(struct scanner *s, const struct text *t, size_t at)
{
	size_t behind = at;
	struct found f;

	while (behind < t->n && is(t->p[behind], IS_WORD))
		behind++;
	if (t->p[at] == '_' || find_at_word(s, t, at, &behind))
		return behind;
	if (has(s, PRIVACY_CREDENTIAL) && link_find(t, at, behind, &f))
		scanner_add(s, PRIVACY_CREDENTIAL, f.start, f.end, f.kind);
	/* "\nghp_...": an escape, written in source code. */
	if (text_before(t, at) == '\\' && behind - at > 1 &&
	    strchr("nrt", t->p[at]) != NULL)
		(void)find_at_word(s, t, at + 1, &behind);
	return behind;
}

static size_t
at_dash(struct scanner *s, const struct text *t, size_t at)
{
	size_t n = text_run(t, at, IS_DASH, t->n), behind = at + n;
	struct found f;

	if (n >= 5 && has(s, PRIVACY_PRIVATE_KEY) &&
	    private_key_find(t, at + n - 5, &f))
		(void)take(s, PRIVACY_PRIVATE_KEY, &f, &behind);
	else if (n == 2 && has(s, PRIVACY_CREDENTIAL) && option_find(t, at, &f))
		scanner_add(s, PRIVACY_CREDENTIAL, f.start, f.end, f.kind);
	return behind;
}

static size_t
at_other(struct scanner *s, const struct text *t, size_t at)
{
	size_t behind = at + 1;
	struct found f;

	switch (places[(uint8_t)t->p[at]]) {
	case AT:
		if (has(s, PRIVACY_EMAIL) && email_find(t, at, &f))
			(void)take(s, PRIVACY_EMAIL, &f, &behind);
		break;
	case NUMBER:
		if (is(text_at(t, at + 1), IS_DIGIT))
			(void)find_number(
			    s, t, t->p[at] == '+' ? at + 1 : at, &behind);
		break;
	default:
		/* What is assigned may be more than a secret. */
		if (has(s, PRIVACY_CREDENTIAL) &&
		    (places[(uint8_t)t->p[at]] == SIGN
			    ? assignment_find(t, at, &f)
			    : quoted_find(t, at, &f)))
			scanner_add(
			    s, PRIVACY_CREDENTIAL, f.start, f.end, f.kind);
	}
	return behind;
}

void
builtin_run(struct scanner *s, const struct text *t)
{
	struct found f;
	size_t at = 0;

	if (t->name_len > 0 && has(s, PRIVACY_CREDENTIAL) && member_find(t, &f))
		scanner_add(s, PRIVACY_CREDENTIAL, f.start, f.end, f.kind);
	while (at < t->n && s->n <= PRIVACY_SPANS_MAX) {
		switch (places[(uint8_t)t->p[at]]) {
		case NOTHING:
			at++;
			break;
		case WORD:
			at = at_word(s, t, at);
			break;
		case DASH:
			at = at_dash(s, t, at);
			break;
		default:
			at = at_other(s, t, at);
		}
	}
}
