/* SPDX-License-Identifier: Apache-2.0 */
/* placeholder.c - see placeholder.h. */
#include <string.h>

#include "common/credential/placeholder.h"
#include "common/http/chars.h"

#define REVISION_DIGITS_MAX 15

static const char plain_marker[] = "openshell:resolve:env:";
static const char alias_marker[] = "OPENSHELL-RESOLVE-ENV-";

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_prefix_char(char c)
{
	return is_letter(c) || is_digit(c) || c == '.' || c == '~' || c == '-';
}

/* Handles are written in lower case only: one spelling for each. */
static bool
is_handle_digit(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

/* "v<N>_" and "s<64 hex>_"; returns its length, 0 if there is none. */
static size_t
read_identity(const char *p, size_t n, struct placeholder *ret)
{
	size_t i = 1;

	ret->identity = PLACEHOLDER_PLAIN;
	if (n < 3)
		return 0;
	if (p[0] == 'v') {
		ret->revision = 0;
		for (; i < n && i <= REVISION_DIGITS_MAX && is_digit(p[i]); i++)
			ret->revision = ret->revision * 10 + (p[i] - '0');
		if (i == 1 || i == n || p[i] != '_')
			return 0;
		ret->identity = PLACEHOLDER_REVISION;
		return i + 1;
	}
	while (i < n && i <= PLACEHOLDER_HANDLE_LEN && is_handle_digit(p[i]))
		i++;
	if (p[0] != 's' || i != PLACEHOLDER_HANDLE_LEN + 1 || i == n ||
	    p[i] != '_')
		return 0;
	ret->handle = p + 1;
	ret->identity = PLACEHOLDER_HANDLE;
	return i + 1;
}

/* What stands behind a marker; false if that is no key. */
static bool
read_name(const char *p, size_t n, struct placeholder *ret)
{
	size_t identity = read_identity(p, n, ret);
	size_t i = 0;

	p += identity;
	n -= identity;
	while (i < n && (is_letter(p[i]) || (i > 0 && is_digit(p[i]))))
		i++;
	if (i == 0 || i > PLACEHOLDER_KEY_MAX)
		return false;
	ret->key = p;
	ret->key_len = i;
	return true;
}

/* The next marker of either kind; NULL if there is none. */
static const char *
find_marker(const char *text, size_t n, bool *ret_alias)
{
	const char *plain =
	    memmem(text, n, plain_marker, sizeof(plain_marker) - 1);
	const char *alias =
	    memmem(text, n, alias_marker, sizeof(alias_marker) - 1);

	*ret_alias = alias != NULL && (plain == NULL || alias < plain);
	return *ret_alias ? alias : plain;
}

bool
placeholder_find(
    const char *text, size_t n, size_t from, struct placeholder *ret)
{
	const char *end = text + n;
	const char *lower = text + from; /* the prefix doesn't begin before */
	const char *p = lower;
	const char *start;
	bool alias;

	while (p < end) {
		p = find_marker(p, (size_t)(end - p), &alias);
		if (p == NULL)
			return false;
		start = p;
		p += PLACEHOLDER_MARKER_LEN;
		if (!read_name(p, (size_t)(end - p), ret))
			continue;
		while (alias && start > lower && is_prefix_char(start[-1]))
			start--;
		if (alias && start + PLACEHOLDER_MARKER_LEN == p)
			continue;
		ret->start = (size_t)(start - text);
		ret->len = (size_t)(ret->key + ret->key_len - start);
		return true;
	}
	return false;
}

bool
placeholder_is_key(const char *key)
{
	struct placeholder p;

	return read_name(key, strlen(key), &p) &&
	       p.identity == PLACEHOLDER_PLAIN && p.key_len == strlen(key);
}

/*
 * Markers in a stream: an automaton over the bytes after percent-decoding, so
 * that it needs no buffer and no read can split a marker.  Both markers are one
 * pattern, in which '?' stands for ':' or '-'.
 */

static const char pattern[] = "openshell?resolve?env?";

/* The only place where a part matched ends as the pattern begins: "...reso",
 * which ends in "o". */
#define MATCHED_RESO 14

static bool
fits(unsigned at, char c)
{
	if (pattern[at] == '?')
		return c == ':' || c == '-';
	return pattern[at] == (c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
}

static void
advance(struct marker_scan *s, char c)
{
	while (s->matched > 0 && !fits(s->matched, c))
		s->matched = s->matched == MATCHED_RESO ? 1 : 0;
	if (fits(s->matched, c))
		s->matched++;
	if (s->matched == PLACEHOLDER_MARKER_LEN) {
		s->found = true;
		s->matched = 0;
	}
}

/* Not an escape after all: '%' and a hex digit, neither of which is in a
 * marker's beginning, were read as themselves. */
static void
abandon_escape(struct marker_scan *s)
{
	for (unsigned i = 0; i < s->n_escape; i++)
		advance(s, s->escape[i]);
	s->n_escape = 0;
}

static void
take(struct marker_scan *s, char c)
{
	if (s->n_escape == 0 && c != '%') {
		advance(s, c);
		return;
	}
	if (s->n_escape > 0 && !http_char_is(c, HTTP_CHAR_HEX)) {
		abandon_escape(s);
		take(s, c);
		return;
	}
	if (s->n_escape < 2) {
		s->escape[s->n_escape++] = c;
		return;
	}
	s->n_escape = 0;
	advance(
	    s, (char)(http_hex_value(s->escape[1]) << 4 | http_hex_value(c)));
}

bool
marker_scan(struct marker_scan *s, const void *bytes, size_t n)
{
	const char *p = bytes;

	for (size_t i = 0; i < n && !s->found; i++) {
		/* Most bytes neither begin a marker nor go on with one. */
		if (s->matched == 0 && s->n_escape == 0 && p[i] != 'o' &&
		    p[i] != 'O' && p[i] != '%')
			continue;
		take(s, p[i]);
	}
	return s->found;
}

bool
marker_is_in(const void *bytes, size_t n)
{
	struct marker_scan s = { 0 };

	return marker_scan(&s, bytes, n);
}
