/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.c - see scan.h.
 *
 * json_parse() is the only function that trusts nothing; the others walk what
 * it has validated.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/json/scan.h"

/* Bytes that need a look inside a string: quote, backslash, control bytes and
 * what begins or continues a character of more than one byte. */
static const uint8_t special[256] = {
	[0 ... 0x1f] = 1,
	['"'] = 1,
	['\\'] = 1,
	[0x80 ... 0xff] = 1,
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *
skip_space(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes of the character at p, 2 to 4 (RFC 3629); 0 if there is none. */
static size_t
multibyte(const char *p, const char *end)
{
	const uint8_t *s = (const uint8_t *)p;
	size_t left = (size_t)(end - p);
	/* What the second byte may be says what is overlong, a surrogate or
	 * beyond U+10FFFF. */
	uint8_t low = 0x80, high = 0xbf;
	size_t n;

	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (left < n || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* Behind the escape at p; NULL if it is none. */
static const char *
check_escape(const char *p, const char *end)
{
	if (end - p < 2)
		return NULL;
	if (p[1] != 'u')
		return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL
			   ? p + 2
			   : NULL;
	if (end - p < 6)
		return NULL;
	for (int i = 2; i < 6; i++)
		if (hex(p[i]) < 0)
			return NULL;
	return p + 6;
}

/* Behind the string whose quote is at p.  *bad is where it is broken. */
static const char *
check_string(const char *p, const char *end, const char **bad)
{
	for (p++; p < end;) {
		const char *at = p;

		if (!special[(uint8_t)*p]) {
			p++;
			continue;
		}
		if (*p == '"')
			return p + 1;
		*bad = at;
		if (*p == '\\') {
			p = check_escape(p, end);
		} else {
			size_t n = multibyte(p, end);

			p = n > 0 ? p + n : NULL;
		}
		if (p == NULL)
			return NULL;
	}
	*bad = end;
	return NULL;
}

static const char *
digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

static const char *
check_number(const char *p, const char *end)
{
	const char *from;

	if (p < end && *p == '-')
		p++;
	from = p;
	p = digits(p, end);
	if (p == from || (*from == '0' && p - from > 1))
		return NULL;
	if (p < end && *p == '.') {
		from = ++p;
		p = digits(p, end);
		if (p == from)
			return NULL;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		from = p;
		p = digits(p, end);
		if (p == from)
			return NULL;
	}
	return p;
}

static const char *
check_word(const char *p, const char *end)
{
	static const char *const words[] = { "null", "false", "true" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(end - p) >= n && memcmp(p, words[i], n) == 0)
			return p + n;
	}
	return NULL;
}

static enum json_type
type_at(const char *p)
{
	switch (*p) {
	case 'n':
		return JSON_NULL;
	case 'f':
		return JSON_FALSE;
	case 't':
		return JSON_TRUE;
	case '"':
		return JSON_STRING;
	case '[':
		return JSON_ARRAY;
	case '{':
		return JSON_OBJECT;
	default:
		return JSON_NUMBER;
	}
}

/* Behind the string, number or word at p; NULL if it is none. */
static const char *
check_scalar(const char *p, const char *end, const char **bad)
{
	switch (type_at(p)) {
	case JSON_STRING:
		return check_string(p, end, bad);
	case JSON_NUMBER:
		return check_number(p, end);
	default:
		return check_word(p, end);
	}
}

enum step {
	VALUE,          /* a value must come */
	VALUE_OR_CLOSE, /* or the array ends */
	NAME,           /* a member's name must come */
	NAME_OR_CLOSE,
	COMMA_OR_CLOSE,
};

struct checker {
	const char *p;
	const char *end;
	const char *bad;
	enum step step;
	unsigned depth;
	bool too_deep;
	char open[JSON_DEPTH_MAX];
};

static bool
check_name(struct checker *k)
{
	if (*k->p != '"')
		return false;
	k->p = check_string(k->p, k->end, &k->bad);
	if (k->p == NULL)
		return false;
	k->bad = k->p = skip_space(k->p, k->end);
	if (k->p == k->end || *k->p != ':')
		return false;
	k->p++;
	k->step = VALUE;
	return true;
}

static bool
check_value(struct checker *k)
{
	if (*k->p != '{' && *k->p != '[') {
		k->p = check_scalar(k->p, k->end, &k->bad);
		k->step = COMMA_OR_CLOSE;
		return k->p != NULL;
	}
	k->too_deep = k->depth == JSON_DEPTH_MAX;
	if (k->too_deep)
		return false;
	k->step = *k->p == '{' ? NAME_OR_CLOSE : VALUE_OR_CLOSE;
	k->open[k->depth++] = *k->p++;
	return true;
}

static bool
check_close(struct checker *k)
{
	char open = k->open[k->depth - 1];

	if (*k->p != (open == '{' ? '}' : ']'))
		return false;
	k->p++;
	k->depth--;
	k->step = COMMA_OR_CLOSE;
	return true;
}

static bool
check_step(struct checker *k)
{
	switch (k->step) {
	case VALUE:
		return check_value(k);
	case NAME:
		return check_name(k);
	case VALUE_OR_CLOSE:
		return *k->p == ']' ? check_close(k) : check_value(k);
	case NAME_OR_CLOSE:
		return *k->p == '}' ? check_close(k) : check_name(k);
	case COMMA_OR_CLOSE:
		break;
	}
	if (*k->p != ',')
		return check_close(k);
	k->p++;
	k->step = k->open[k->depth - 1] == '{' ? NAME : VALUE;
	return true;
}

int
json_parse(const char *text, size_t n, struct json_span *ret, struct error *e)
{
	struct checker k = { .p = text, .end = text + n, .step = VALUE };
	const char *start = skip_space(text, k.end);

	do {
		k.bad = k.p = skip_space(k.p, k.end);
		if (k.p == k.end)
			return error_set(
			    e, ERR_INVALID, "the JSON text ends too early");
		if (check_step(&k))
			continue;
		if (k.too_deep)
			return error_set(e, ERR_LIMIT,
			    "the JSON text is nested deeper than %d levels",
			    JSON_DEPTH_MAX);
		return error_set(e, ERR_INVALID,
		    "the JSON text is broken at byte %zu",
		    (size_t)(k.bad - text));
	} while (k.depth > 0);
	*ret =
	    (struct json_span){ start, (size_t)(k.p - start), type_at(start) };
	k.p = skip_space(k.p, k.end);
	if (k.p != k.end)
		return error_set(e, ERR_INVALID,
		    "there is more behind the JSON text, at byte %zu",
		    (size_t)(k.p - text));
	return 0;
}

/* Behind the string whose quote is at p; valid from here on. */
static const char *
skip_string(const char *p)
{
	for (p++; *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p + 1;
}

static const char *
skip_value(const char *p, const char *end)
{
	unsigned depth = 0;

	do {
		switch (*p) {
		case '"':
			p = skip_string(p);
			break;
		case '{':
		case '[':
			depth++;
			p++;
			break;
		case '}':
		case ']':
			depth--;
			p++;
			break;
		default:
			p++;
			if (depth > 0)
				break;
			while (p < end && *p != ',' && *p != '}' && *p != ']' &&
			       !is_space(*p))
				p++;
		}
	} while (depth > 0);
	return p;
}

struct json_iter
json_iter(const struct json_span *s)
{
	struct json_iter it = { .is_object = s->type == JSON_OBJECT };

	if (s->type == JSON_OBJECT || s->type == JSON_ARRAY) {
		it.p = s->p + 1;
		it.end = s->p + s->n - 1;
	}
	return it;
}

static const char *
take(const char *p, const char *end, struct json_span *ret)
{
	const char *behind = skip_value(p, end);

	*ret = (struct json_span){ p, (size_t)(behind - p), type_at(p) };
	return behind;
}

bool
json_next(struct json_iter *it, struct json_span *key, struct json_span *value)
{
	struct json_span name;
	const char *p = it->p;

	if (p == NULL)
		return false;
	p = skip_space(p, it->end);
	if (p < it->end && *p == ',')
		p = skip_space(p + 1, it->end);
	if (p == it->end)
		return false;
	if (it->is_object) {
		p = skip_space(take(p, it->end, &name), it->end) + 1;
		p = skip_space(p, it->end);
		if (key != NULL)
			*key = name;
	}
	it->p = take(p, it->end, value);
	return true;
}

void
json_find_all(
    const struct json_span *object, struct json_member *members, size_t n)
{
	struct json_iter it = json_iter(object);
	struct json_span key, value;

	for (size_t i = 0; i < n; i++)
		members[i].n = 0;
	if (object->type != JSON_OBJECT)
		return;
	while (json_next(&it, &key, &value)) {
		for (size_t i = 0; i < n; i++) {
			struct json_member *m = &members[i];

			if (m->n < 2 && json_is(&key, m->name) && m->n++ == 0)
				m->value = value;
		}
	}
}

unsigned
json_find(
    const struct json_span *object, const char *name, struct json_span *ret)
{
	struct json_member member = { .name = name };

	json_find_all(object, &member, 1);
	if (member.n > 0)
		*ret = member.value;
	return member.n;
}

static unsigned
unit(const char *p)
{
	unsigned u = 0;

	for (int i = 2; i < 6; i++)
		u = u << 4 | (unsigned)hex(p[i]);
	return u;
}

static size_t
put_utf8(uint32_t c, char *to)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* What the escape at p means, into to; returns the bytes it is written in. */
static size_t
unescape(const char *p, const char *end, char *to, size_t *n)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	uint32_t c;

	if (p[1] != 'u') {
		*to = meanings[strchr(letters, p[1]) - letters];
		*n = 1;
		return 2;
	}
	c = unit(p);
	if (c >= 0xd800 && c <= 0xdbff && end - p >= 12 && p[6] == '\\' &&
	    p[7] == 'u') {
		uint32_t low = unit(p + 6);

		if (low >= 0xdc00 && low <= 0xdfff) {
			*n = put_utf8(
			    0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00),
			    to);
			return 12;
		}
	}
	if (c >= 0xd800 && c <= 0xdfff)
		c = 0xfffd;
	*n = put_utf8(c, to);
	return 6;
}

size_t
json_unescape(const struct json_span *s, char *ret)
{
	const char *p = s->p + 1, *end = s->p + s->n - 1;
	char *to = ret;

	while (p < end) {
		const char *escape = memchr(p, '\\', (size_t)(end - p));
		size_t plain = (size_t)((escape != NULL ? escape : end) - p);
		size_t n;

		memcpy(to, p, plain);
		to += plain;
		p += plain;
		if (escape == NULL)
			break;
		p += unescape(p, end, to, &n);
		to += n;
	}
	return (size_t)(to - ret);
}

size_t
json_step(const char *p, const char *end, char ret[4], size_t *n)
{
	if (*p == '\\')
		return unescape(p, end, ret, n);
	*ret = *p;
	*n = 1;
	return 1;
}

bool
json_is(const struct json_span *s, const char *text)
{
	const char *p = s->p + 1, *end = s->p + s->n - 1;
	size_t left = strlen(text);

	if (s->type != JSON_STRING)
		return false;
	if ((size_t)(end - p) < left)
		return false;
	if (memchr(p, '\\', (size_t)(end - p)) == NULL)
		return (size_t)(end - p) == left && memcmp(p, text, left) == 0;
	while (p < end) {
		char one[4];
		size_t n;

		p += json_step(p, end, one, &n);
		if (n > left || memcmp(text, one, n) != 0)
			return false;
		text += n;
		left -= n;
	}
	return left == 0;
}

long long
json_count(const struct json_span *s)
{
	long long v = 0;

	if (s->type != JSON_NUMBER || s->n > 15)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return -1;
		v = v * 10 + (s->p[i] - '0');
	}
	return v;
}

static int
put_one(struct buf *b, char c)
{
	static const char letters[] = "\"\\bfnrt";
	static const char meanings[] = "\"\\\b\f\n\r\t";
	const char *at = c != '\0' ? strchr(meanings, c) : NULL;
	char text[8];

	if (at != NULL)
		(void)snprintf(
		    text, sizeof(text), "\\%c", letters[at - meanings]);
	else
		(void)snprintf(
		    text, sizeof(text), "\\u%04x", (unsigned)(uint8_t)c);
	return buf_puts(b, text);
}

int
json_put_escaped(struct buf *b, const char *text, size_t n)
{
	size_t from = 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)text[i];

		if (c >= 0x80 || !special[c])
			continue;
		if (buf_append(b, text + from, i - from) < 0 ||
		    put_one(b, text[i]) < 0)
			return -1;
		from = i + 1;
	}
	return buf_append(b, text + from, n - from);
}

int
json_put_string(struct buf *b, const char *text, size_t n)
{
	if (buf_append(b, "\"", 1) < 0 || json_put_escaped(b, text, n) < 0)
		return -1;
	return buf_append(b, "\"", 1);
}
