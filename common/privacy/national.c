/* SPDX-License-Identifier: Apache-2.0 */
/*
 * national.c - see national.h.
 *
 * A form is a mask: d is a digit, L a capital letter, C either, and everything
 * else itself.  Forms that random numbers often have, since their check digit
 * is all there is, count only where the text names them.
 */
#include <stdio.h>
#include <string.h>

#include "common/privacy/national.h"
#include "common/privacy/number.h"
#include "common/privacy/text.h"

#define COMPACT_MAX 24

enum country {
	AT,
	AU,
	BE,
	BR,
	CA,
	CH,
	CN,
	CZ,
	DE,
	DK,
	ES,
	FI,
	FR,
	IE,
	IN,
	IT,
	KR,
	NL,
	NO,
	PL,
	PT,
	RO,
	SE,
	TR,
	UK,
	US,
	COUNTRY_MAX_
};

static const char *const country_names[COUNTRY_MAX_ + 1] = { "at", "au", "be",
	"br", "ca", "ch", "cn", "cz", "de", "dk", "es", "fi", "fr", "ie", "in",
	"it", "kr", "nl", "no", "pl", "pt", "ro", "se", "tr", "uk", "us",
	NULL };

int
national_country(const char *name)
{
	for (int i = 0; i < COUNTRY_MAX_; i++)
		if (strcmp(country_names[i], name) == 0)
			return i;
	return -1;
}

const char *
national_name(int country)
{
	return country_names[country];
}

uint64_t
national_all(void)
{
	return (UINT64_C(1) << COUNTRY_MAX_) - 1;
}

static unsigned
two(const char *p)
{
	return (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
}

static bool
is_date(unsigned month, unsigned day)
{
	static const unsigned char days[] = { 31, 29, 31, 30, 31, 30, 31, 31,
		30, 31, 30, 31 };

	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

static unsigned
weighted(const char *p, const char *weights)
{
	unsigned sum = 0;

	for (; *weights != '\0'; weights++, p++)
		sum += (unsigned)(*p - '0') * (unsigned)(*weights - '0');
	return sum;
}

static unsigned
modulo(const char *p, size_t n, unsigned by)
{
	unsigned rest = 0;

	for (size_t i = 0; i < n; i++)
		rest = (rest * 10 + (unsigned)(p[i] - '0')) % by;
	return rest;
}

/* Not 000000000 and its like, which pass many checks. */
static bool
is_varied(const char *p, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (p[i] != p[0])
			return true;
	return false;
}

static bool
is_at(const char *p)
{
	unsigned check = weighted(p, "3790584216") % 11;

	return p[0] != '0' && check < 10 && check == (unsigned)(p[3] - '0') &&
	       is_date(two(p + 6), two(p + 4));
}

static bool
is_au(const char *p)
{
	return weighted(p, "14375869") % 11 ==
		   (11 - (unsigned)(p[8] - '0') * 10 % 11) % 11 &&
	       is_varied(p, 9);
}

static bool
is_be(const char *p)
{
	char y2000[12] = "2";
	unsigned key = two(p + 9);

	memcpy(y2000 + 1, p, 9);
	return is_date(two(p + 2), two(p + 4)) &&
	       (97 - modulo(p, 9, 97) == key ||
		   97 - modulo(y2000, 10, 97) == key);
}

static bool
is_br(const char *p)
{
	unsigned a = 0, b = 0;

	for (unsigned i = 0; i < 9; i++) {
		a += (unsigned)(p[i] - '0') * (10 - i);
		b += (unsigned)(p[i] - '0') * (11 - i);
	}
	a = a * 10 % 11 % 10;
	b = (b + a * 2) * 10 % 11 % 10;
	return is_varied(p, 9) && a == (unsigned)(p[9] - '0') &&
	       b == (unsigned)(p[10] - '0');
}

static bool
is_ca(const char *p)
{
	return p[0] != '0' && p[0] != '8' && number_is_luhn(p, 9);
}

static bool
is_ch(const char *p)
{
	return strncmp(p, "756", 3) == 0 &&
	       weighted(p, "1313131313131") % 10 == 0;
}

static bool
is_cn(const char *p)
{
	static const unsigned char weights[] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3,
		7, 9, 10, 5, 8, 4, 2 };
	unsigned sum = 0, year = two(p + 6);

	for (size_t i = 0; i < 17; i++) {
		if (!is(p[i], IS_DIGIT))
			return false;
		sum += (unsigned)(p[i] - '0') * weights[i];
	}
	return p[0] >= '1' && (year == 19 || year == 20) &&
	       is_date(two(p + 10), two(p + 12)) &&
	       "10X98765432"[sum % 11] == p[17];
}

static bool
is_cz(const char *p)
{
	unsigned month = two(p + 2) % 50;

	if (month > 20)
		month -= 20;
	return is_date(month, two(p + 4)) &&
	       (modulo(p, 10, 11) == 0 ||
		   (modulo(p, 9, 11) == 10 && p[9] == '0'));
}

/* One digit of the first ten is there twice or thrice, the others once. */
static bool
is_de(const char *p)
{
	unsigned count[10] = { 0 }, repeated = 0, product = 10, sum;

	for (size_t i = 0; i < 10; i++) {
		if (++count[p[i] - '0'] == 2)
			repeated++;
		if (count[p[i] - '0'] > 3)
			return false;
		sum = ((unsigned)(p[i] - '0') + product) % 10;
		product = (sum == 0 ? 10 : sum) * 2 % 11;
	}
	return p[0] != '0' && repeated == 1 &&
	       (11 - product) % 10 == (unsigned)(p[10] - '0');
}

static bool
is_dk(const char *p)
{
	return is_date(two(p + 2), two(p));
}

static bool
is_es(const char *p)
{
	return "TRWAGMYFPDXBNJZSQVHLCKE"[modulo(p, 8, 23)] == p[8];
}

static bool
is_es_foreigner(const char *p)
{
	char digits[10];

	if (p[0] < 'X')
		return false;
	(void)snprintf(
	    digits, sizeof(digits), "%c%.8s", p[0] - 'X' + '0', p + 1);
	return is_es(digits);
}

/* Six digits of a date, the sign of the century dropped or a letter. */
static bool
is_fi(const char *p)
{
	static const char checks[] = "0123456789ABCDEFHJKLMNPRSTUVWXY";
	char digits[9];
	const char *rest = is(p[6], IS_DIGIT) ? p + 6 : p + 7;

	if (rest == p + 7 && strchr("ABCDEFYXWVU", p[6]) == NULL)
		return false;
	memcpy(digits, p, 6);
	memcpy(digits + 6, rest, 3);
	return is_date(two(p + 2), two(p)) &&
	       checks[modulo(digits, 9, 31)] == rest[3];
}

static bool
is_fr(const char *p)
{
	char digits[13];
	unsigned month = two(p + 3);

	memcpy(digits, p, 13);
	if (is(p[6], IS_UPPER)) { /* Corsica */
		if (p[5] != '2' || (p[6] != 'A' && p[6] != 'B'))
			return false;
		digits[5] = '1';
		digits[6] = p[6] == 'A' ? '9' : '8';
	}
	return p[0] >= '1' && p[0] <= '8' && month >= 1 &&
	       (month <= 12 || month >= 20) &&
	       97 - modulo(digits, 13, 97) == two(p + 13);
}

static bool
is_ie(const char *p)
{
	unsigned sum = weighted(p, "8765432");

	if (is(p[8], IS_UPPER) && p[8] != 'W')
		sum += (unsigned)(p[8] - 'A' + 1) * 9;
	return "WABCDEFGHIJKLMNOPQRSTUV"[sum % 23] == p[7];
}

static bool
is_in(const char *p)
{
	/* Verhoeff's dihedral group and its permutations. */
	static const char *const d[] = { "0123456789", "1234067895",
		"2340178956", "3401289567", "4012395678", "5987604321",
		"6598710432", "7659821043", "8765932104", "9876543210" };
	static const char *const by[] = { "0123456789", "1576283094",
		"5803796142", "8916043527", "9453126870", "4286573901",
		"2793806415", "7046913258" };
	char check = '0';

	for (size_t i = 0; i < 12; i++)
		check = d[check - '0'][by[i % 8][p[11 - i] - '0'] - '0'];
	return p[0] >= '2' && check == '0';
}

static bool
is_in_pan(const char *p)
{
	return strchr("ABCFGHJLPT", p[3]) != NULL &&
	       strncmp(p + 5, "0000", 4) != 0;
}

static bool
is_it(const char *p)
{
	static const unsigned char odd[] = { 1, 0, 5, 7, 9, 13, 15, 17, 19, 21,
		2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23 };
	unsigned sum = 0;

	for (size_t i = 0; i < 15; i++) {
		unsigned v =
		    (unsigned)(is(p[i], IS_DIGIT) ? p[i] - '0' : p[i] - 'A');

		sum += i % 2 == 0 ? odd[v] : v;
	}
	return strchr("ABCDEHLMPRST", p[8]) != NULL &&
	       sum % 26 == (unsigned)(p[15] - 'A');
}

static bool
is_kr(const char *p)
{
	unsigned check = (11 - weighted(p, "234567892345") % 11) % 10;

	return is_date(two(p + 2), two(p + 4)) && p[6] >= '1' && p[6] <= '8' &&
	       check == (unsigned)(p[12] - '0');
}

static bool
is_nl(const char *p)
{
	return weighted(p, "98765432") % 11 == (unsigned)(p[8] - '0') &&
	       is_varied(p, 9);
}

static bool
is_no(const char *p)
{
	unsigned a = (11 - weighted(p, "376189452") % 11) % 11;
	unsigned b = (11 - weighted(p, "5432765432") % 11) % 11;
	unsigned day = two(p);

	return is_date(two(p + 2) % 40, day > 40 ? day - 40 : day) &&
	       a == (unsigned)(p[9] - '0') && b == (unsigned)(p[10] - '0');
}

static bool
is_pl(const char *p)
{
	return is_date(two(p + 2) % 20, two(p + 4)) &&
	       weighted(p, "13791379131") % 10 == 0;
}

static bool
is_pt(const char *p)
{
	unsigned check = 11 - weighted(p, "98765432") % 11;

	return p[0] != '0' && p[0] != '4' &&
	       (check > 9 ? 0 : check) == (unsigned)(p[8] - '0') &&
	       is_varied(p, 9);
}

static bool
is_ro(const char *p)
{
	unsigned check = weighted(p, "279146358279") % 11;

	return p[0] >= '1' && is_date(two(p + 3), two(p + 5)) &&
	       (check == 10 ? 1 : check) == (unsigned)(p[12] - '0');
}

static bool
is_se(const char *p)
{
	unsigned day = two(p + 4);

	return is_date(two(p + 2), day > 60 ? day - 60 : day) &&
	       number_is_luhn(p, 10);
}

static bool
is_se_long(const char *p)
{
	return (two(p) == 19 || two(p) == 20) && is_se(p + 2);
}

static bool
is_tr(const char *p)
{
	unsigned odd = weighted(p, "101010101"), even = weighted(p, "01010101");
	unsigned check = (odd * 7 + 100 - even) % 10;

	return p[0] != '0' && check == (unsigned)(p[9] - '0') &&
	       (odd + even + check) % 10 == (unsigned)(p[10] - '0');
}

static bool
is_uk_nhs(const char *p)
{
	unsigned sum = 0, check;

	for (unsigned i = 0; i < 9; i++)
		sum += (unsigned)(p[i] - '0') * (10 - i);
	check = (11 - sum % 11) % 11;
	return check == (unsigned)(p[9] - '0') && is_varied(p, 10);
}

static bool
is_uk_nino(const char *p)
{
	static const char *const never[] = { "BG", "GB", "KN", "NK", "NT", "TN",
		"ZZ", NULL };

	for (const char *const *n = never; *n != NULL; n++)
		if (strncmp(p, *n, 2) == 0)
			return false;
	return strchr("DFIQUV", p[0]) == NULL &&
	       strchr("DFIOQUV", p[1]) == NULL && p[8] >= 'A' && p[8] <= 'D';
}

static bool
is_us(const char *p)
{
	/* 9xx is a taxpayer's number, whose group is 50 or more. */
	if (p[0] == '9' && p[3] < '5')
		return false;
	return strncmp(p, "000", 3) != 0 && strncmp(p, "666", 3) != 0 &&
	       strncmp(p + 3, "00", 2) != 0 && strncmp(p + 5, "0000", 4) != 0;
}

static const char *const at_words[] = { "svnr", "sozialversicherungsnummer",
	"sozialversicherung", "vsnr", "sv-nummer", NULL };
static const char *const au_words[] = { "tfn", "tax file", NULL };
static const char *const br_words[] = { "cpf", NULL };
static const char *const ca_words[] = { "sin", "social insurance", "nas",
	"assurance sociale", NULL };
static const char *const cz_words[] = { "rodn\xc3\xa9 \xc4\x8d\xc3\xadslo",
	"rodne cislo", "r\xc4\x8d", "rc", NULL };
static const char *const dk_words[] = { "cpr", "personnummer", NULL };
static const char *const ie_words[] = { "pps", "ppsn", "public service", NULL };
static const char *const in_words[] = { "aadhaar", "aadhar", "uidai", NULL };
static const char *const nl_words[] = { "bsn", "burgerservicenummer", "sofi",
	"sofinummer", NULL };
static const char *const pl_words[] = { "pesel", NULL };
static const char *const pt_words[] = { "nif", "contribuinte", NULL };
static const char *const ro_words[] = { "cnp", "cod numeric", NULL };
static const char *const se_words[] = { "personnummer", "personnr", "pnr",
	"samordningsnummer", NULL };
static const char *const tr_words[] = { "kimlik", "tckn", "tc no", NULL };
static const char *const nhs_words[] = { "nhs", NULL };
static const char *const us_words[] = { "ssn", "social security", "itin",
	"taxpayer", NULL };

struct form {
	const char *mask;
	unsigned char country;
	const char *kind;
	bool (*check)(const char *compact);
	const char *const *words; /* one must be near, if there are any */
};

/* By how many digits they begin with, so that few are tried. */
#define FORMS_MAX 12
static const struct form forms[19][FORMS_MAX] = {
	[0] = {
		{ "LLLLLLddLddLdddL", IT, "it-codice-fiscale", is_it },
		{ "LdddddddL", ES, "es-nie", is_es_foreigner },
		{ "L-ddddddd-L", ES, "es-nie", is_es_foreigner },
		{ "LLddddddL", UK, "uk-nino", is_uk_nino },
		{ "LL dd dd dd L", UK, "uk-nino", is_uk_nino },
		{ "LLLLLddddL", IN, "in-pan", is_in_pan },
	},
	[1] = {
		{ "d dd dd dd ddd ddd dd", FR, "fr-nir", is_fr },
		{ "d dd dd dL ddd ddd dd", FR, "fr-nir", is_fr },
	},
	[2] = {
		{ "dd.dd.dd-ddd.dd", BE, "be-nrn", is_be },
		{ "dd ddd ddd ddd", DE, "de-steuer-id", is_de },
	},
	[3] = {
		{ "ddd-dd-dddd", US, "us-ssn", is_us },
		{ "ddd dd dddd", US, "us-ssn", is_us, us_words },
		{ "ddd.dddd.dddd.dd", CH, "ch-ahv", is_ch },
		{ "ddd.ddd.ddd-dd", BR, "br-cpf", is_br },
		{ "ddd-ddd-ddd", CA, "ca-sin", is_ca, ca_words },
		{ "ddd ddd ddd", CA, "ca-sin", is_ca, ca_words },
		{ "ddd ddd ddd", AU, "au-tfn", is_au, au_words },
		{ "ddd ddd ddd", PT, "pt-nif", is_pt, pt_words },
		{ "ddd ddd dddd", UK, "uk-nhs", is_uk_nhs, nhs_words },
		{ "ddd-ddd-dddd", UK, "uk-nhs", is_uk_nhs, nhs_words },
	},
	[4] = {
		{ "dddd dddd dddd", IN, "in-aadhaar", is_in, in_words },
		{ "dddd dddddd", AT, "at-svnr", is_at, at_words },
		{ "dddd.dd.ddd", NL, "nl-bsn", is_nl },
	},
	[6] = {
		{ "dddddd-dddC", FI, "fi-hetu", is_fi },
		{ "ddddddLdddC", FI, "fi-hetu", is_fi },
		{ "dddddd-dddd", SE, "se-personnummer", is_se },
		{ "dddddd+dddd", SE, "se-personnummer", is_se },
		{ "dddddd-dddd", DK, "dk-cpr", is_dk, dk_words },
		{ "dddddd ddddd", NO, "no-fodselsnummer", is_no },
		{ "dddddd/dddd", CZ, "cz-rodne-cislo", is_cz },
		{ "dddddd-ddddddd", KR, "kr-rrn", is_kr },
		{ "ddddddLdddddddd", FR, "fr-nir", is_fr },
	},
	[7] = {
		{ "dddddddL", IE, "ie-pps", is_ie, ie_words },
		{ "dddddddLL", IE, "ie-pps", is_ie, ie_words },
	},
	[8] = {
		{ "ddddddddL", ES, "es-dni", is_es },
		{ "dddddddd-L", ES, "es-dni", is_es },
		{ "dddddddd-dddd", SE, "se-personnummer", is_se_long },
	},
	[9] = {
		{ "ddddddddd", US, "us-ssn", is_us, us_words },
		{ "ddddddddd", NL, "nl-bsn", is_nl, nl_words },
		{ "ddddddddd", CA, "ca-sin", is_ca, ca_words },
		{ "ddddddddd", AU, "au-tfn", is_au, au_words },
		{ "ddddddddd", PT, "pt-nif", is_pt, pt_words },
	},
	[10] = {
		{ "dddddddddd", SE, "se-personnummer", is_se, se_words },
		{ "dddddddddd", DK, "dk-cpr", is_dk, dk_words },
		{ "dddddddddd", CZ, "cz-rodne-cislo", is_cz, cz_words },
		{ "dddddddddd", AT, "at-svnr", is_at, at_words },
		{ "dddddddddd", UK, "uk-nhs", is_uk_nhs, nhs_words },
	},
	[11] = {
		{ "ddddddddddd", DE, "de-steuer-id", is_de },
		{ "ddddddddddd", BE, "be-nrn", is_be },
		{ "ddddddddddd", NO, "no-fodselsnummer", is_no },
		{ "ddddddddddd", PL, "pl-pesel", is_pl, pl_words },
		{ "ddddddddddd", BR, "br-cpf", is_br, br_words },
		{ "ddddddddddd", TR, "tr-kimlik", is_tr, tr_words },
	},
	[12] = {
		{ "dddddddddddd", SE, "se-personnummer", is_se_long,
		    se_words },
		{ "dddddddddddd", IN, "in-aadhaar", is_in, in_words },
	},
	[13] = {
		{ "ddddddddddddd", CH, "ch-ahv", is_ch },
		{ "ddddddddddddd", RO, "ro-cnp", is_ro, ro_words },
	},
	[15] = {
		{ "ddddddddddddddd", FR, "fr-nir", is_fr },
	},
	[17] = {
		{ "dddddddddddddddddL", CN, "cn-id", is_cn },
	},
	[18] = {
		{ "dddddddddddddddddd", CN, "cn-id", is_cn },
	},
};

/* Bytes of the text that the mask covers, and its letters and digits in
 * compact; 0 if it doesn't fit.  The digits that both begin with are known. */
static size_t
fit(const struct text *t, size_t at, size_t digits, const char *mask,
    char compact[COMPACT_MAX])
{
	size_t n = digits, i;

	for (i = digits; mask[i] != '\0'; i++) {
		char c = text_at(t, at + i);
		unsigned want = mask[i] == 'd'   ? IS_DIGIT
				: mask[i] == 'L' ? IS_UPPER
				: mask[i] == 'C' ? IS_UPPER | IS_DIGIT
						 : 0;

		if (want == 0 ? c != mask[i] : !is(c, want))
			return 0;
		if (want != 0)
			compact[n++] = c;
	}
	compact[n] = '\0';
	memcpy(compact, t->p + at, digits);
	return i;
}

bool
national_find(
    const struct text *t, size_t at, uint64_t countries, struct found *ret)
{
	size_t digits = text_run(t, at, IS_DIGIT, 19);
	char compact[COMPACT_MAX];

	/* What begins with letters goes on with capitals or digits. */
	if (digits > 18 || (digits == 0 && is(text_at(t, at + 1), IS_LOWER)))
		return false;
	for (const struct form *f = forms[digits];
	     f < forms[digits] + FORMS_MAX && f->mask != NULL; f++) {
		size_t len;

		if (!(countries & UINT64_C(1) << f->country))
			continue;
		len = fit(t, at, digits, f->mask, compact);
		if (len == 0 || !f->check(compact) ||
		    !text_starts_alone(t, at) || !text_ends_alone(t, at + len))
			continue;
		if (f->words != NULL && !text_is_about(t, at, f->words))
			continue;
		*ret = (struct found){ at, at + len, f->kind };
		return true;
	}
	return false;
}
