/* SPDX-License-Identifier: Apache-2.0 */
/*
 * private_key.c - private keys in the armours they are kept in: PEM (RFC 7468)
 * with what OpenSSH and old OpenSSL write, OpenPGP (RFC 9580 6.2), PuTTY, age.
 *
 * A key may stand in source code or in a file of settings: lines that are
 * joined by \n, quoted, indented, quoted as mail.  A block that is cut off is
 * one as far as it goes.
 */
#include <string.h>

#include "common/privacy/credential.h"
#include "common/privacy/text.h"

#define LABEL_MAX 64
#define KEY_MAX 65536
#define KEY_MIN 40 /* bytes of base64: below it, somebody writes about keys */
#define HEADERS_MAX 512 /* bytes; more is no key, and would be read often */

/* Behind an escape of a line end, "\n" as it is written in source code. */
static size_t
skip_escape(const struct text *t, size_t at)
{
	while (text_at(t, at) == '\\' && text_at(t, at + 1) == '\\')
		at++;
	if (text_at(t, at) == '\\' && text_at(t, at + 1) != '\0' &&
	    strchr("nrt\n", text_at(t, at + 1)) != NULL)
		return at + 2;
	return at;
}

/* Behind what stands between two lines of a key. */
static size_t
skip_between(const struct text *t, size_t at, size_t end)
{
	static const char between[] = " \t\r\n\"'`,+#>|*;.";

	while (at < end) {
		size_t behind = skip_escape(t, at);

		if (behind == at && t->p[at] != '\0' &&
		    strchr(between, t->p[at]) != NULL &&
		    !(t->p[at] == '+' && is(text_at(t, at + 1), IS_ALNUM)))
			behind++;
		if (behind == at)
			break;
		at = behind;
	}
	return at;
}

/* "Proc-Type: 4,ENCRYPTED", "Version: GnuPG v2": behind them. */
static size_t
skip_headers(const struct text *t, size_t at, size_t end)
{
	size_t stop = end - at > HEADERS_MAX ? at + HEADERS_MAX : end;

	while (at < stop) {
		size_t p = at + text_run(t, at, IS_ALNUM | IS_DASH, stop - at);

		if (p == at || p == stop || t->p[p] != ':')
			break;
		while (p < stop && t->p[p] != '\n' && t->p[p] != '\\')
			p++;
		at = skip_between(t, p, stop);
	}
	return at;
}

/* Behind the base64 from at on; *n counts it. */
static size_t
skip_base64(const struct text *t, size_t at, size_t end, size_t *n)
{
	size_t behind = at;

	*n = 0;
	while (at < end) {
		size_t run = text_run(t, at, IS_ALNUM | IS_BASE64, end - at);

		/* A word of the text behind a block that was cut off. */
		if (run == 0 && t->p[at] != '=')
			break;
		if (*n >= KEY_MIN && run > 0 && run < 16 &&
		    text_at(t, at + run) == ' ')
			break;
		*n += run;
		at += run;
		while (at < end && t->p[at] == '=')
			at++;
		behind = at;
		at = skip_between(t, at, end);
	}
	return behind;
}

/* Behind "-----END ...-----" if it is there, between what was skipped. */
static size_t
skip_end(const struct text *t, size_t at, size_t end)
{
	size_t p = skip_between(t, at, end), from = p;

	while (text_at(t, p) == '-')
		p++;
	if (p == from || !text_says(t, p, "end "))
		return at;
	p += text_run(t, p, IS_UPPER | IS_SPACE | IS_DIGIT, LABEL_MAX);
	while (text_at(t, p) == '-')
		p++;
	return p;
}

bool
private_key_find(const struct text *t, size_t at, struct found *ret)
{
	static const char begin[] = "-----BEGIN ";
	size_t label = at + sizeof(begin) - 1, n, len, end, p;
	const char *is_private;

	if (t->n - at < sizeof(begin) ||
	    memcmp(t->p + at, begin, sizeof(begin) - 1) != 0)
		return false;
	len = text_run(t, label, IS_UPPER | IS_SPACE | IS_DIGIT, LABEL_MAX);
	is_private = memmem(t->p + label, len, "PRIVATE KEY", 11);
	if (is_private == NULL || text_at(t, label + len) != '-')
		return false;
	end = t->n - at > KEY_MAX ? at + KEY_MAX : t->n;
	for (p = label + len; p < end && t->p[p] == '-'; p++)
		;
	p = skip_headers(t, skip_between(t, p, end), end);
	p = skip_base64(t, p, end, &n);
	if (n < KEY_MIN)
		return false;
	*ret = (struct found){ at, skip_end(t, p, end),
		memmem(t->p + label, len, "PGP", 3) != NULL ? "pgp-key"
							    : "pem-key" };
	return true;
}

/* PuTTY-User-Key-File-3: its private lines are the last, with a MAC. */
static bool
find_putty(const struct text *t, size_t at, struct found *ret)
{
	static const char mark[] = "Private-Lines: ", last[] = "Private-MAC: ";
	static const char first[] = "PuTTY-User-Key-File-";
	size_t end = t->n - at > KEY_MAX ? KEY_MAX : t->n - at;
	const char *next, *lines, *mac;

	if (t->n - at < sizeof(first) ||
	    memcmp(t->p + at, first, sizeof(first) - 1) != 0)
		return false;
	/* What is sought is before the next one, so that nothing is sought
	 * twice. */
	next = memmem(t->p + at + 1, end - 1, first, sizeof(first) - 1);
	if (next != NULL)
		end = (size_t)(next - t->p) - at;
	lines = memmem(t->p + at, end, mark, sizeof(mark) - 1);
	if (lines == NULL)
		return false;
	mac = memmem(t->p + at, end, last, sizeof(last) - 1);
	end += at;
	if (mac != NULL) {
		size_t from = (size_t)(mac - t->p) + sizeof(last) - 1;

		end = from + text_run(t, from, IS_HEX, 128);
	}
	*ret = (struct found){ at, end, "putty-key" };
	return true;
}

bool
private_key_find_word(const struct text *t, size_t at, struct found *ret)
{
	static const char age[] = "AGE-SECRET-KEY-1";

	if (t->p[at] == 'P')
		return find_putty(t, at, ret);
	if (t->n - at < 74 || memcmp(t->p + at, age, sizeof(age) - 1) != 0 ||
	    text_run(t, at + 16, IS_UPPER | IS_DIGIT, 59) != 58)
		return false;
	*ret = (struct found){ at, at + 74, "age-key" };
	return true;
}
