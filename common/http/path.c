/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.c - one pass over the target, writing the canonical path as it goes.
 *
 * Each byte, raw or decoded, is appended in its canonical spelling; at the end
 * of a segment what was appended decides: parameters never got in, an empty or
 * "." segment is taken back, ".." takes the one before with it.  In canonical
 * spelling a dot is always a literal dot, so there is no second way to write
 * a dot segment.
 */
#include "common/http/authority.h"
#include "common/http/chars.h"
#include "common/http/path.h"
#include "common/http/percent.h"
#include "common/utf8.h"

struct canon {
	struct http_path *out;
	size_t segment;     /* where in out->path it starts, behind its '/' */
	bool in_params;     /* behind a ';', up to the next '/' */
	bool has_separator; /* a kept %2F or a '\' is in this segment */
	bool has_high;      /* a byte >= 0x80 was decoded */
	bool allow_encoded_slash;
	struct error *e;
};

static int
invalid(struct canon *c, const char *why)
{
	return error_set(c->e, ERR_INVALID, "%s", why);
}

static int
put_byte(struct canon *c, unsigned char byte)
{
	static const char digits[] = "0123456789ABCDEF";
	struct http_path *out = c->out;
	bool literal = http_char_is((char)byte, HTTP_CHAR_PATH);

	if (out->len + (literal ? 1 : 3) > HTTP_PATH_MAX)
		return error_set(
		    c->e, ERR_LIMIT, "path is over %d bytes", HTTP_PATH_MAX);
	if (literal) {
		out->path[out->len++] = (char)byte;
		return 0;
	}
	out->path[out->len++] = '%';
	out->path[out->len++] = digits[byte >> 4];
	out->path[out->len++] = digits[byte & 15];
	return 0;
}

static bool
is_dots(const char *p, size_t n)
{
	return (n == 1 && p[0] == '.') ||
	       (n == 2 && p[0] == '.' && p[1] == '.');
}

/*
 * A server that takes %2F or '\' for a separator would see dot segments in
 * "..%2Fx" or "a%5C..".
 */
static bool
hides_dots(const char *p, size_t n)
{
	size_t start = 0;

	for (size_t i = 0; i + 2 < n; i++) {
		if (p[i] != '%' || (memcmp(p + i, "%2F", 3) != 0 &&
				       memcmp(p + i, "%5C", 3) != 0))
			continue;
		if (is_dots(p + start, i - start))
			return true;
		start = i + 3;
	}
	return is_dots(p + start, n - start);
}

/* At a '/' (more is true) or at the end of the path. */
static int
end_segment(struct canon *c, bool more)
{
	struct http_path *out = c->out;
	const char *p = out->path + c->segment;
	size_t n = out->len - c->segment;

	if (c->has_separator && hides_dots(p, n))
		return invalid(c, "dot segment beside an encoded separator");
	c->in_params = c->has_separator = false;
	if (n == 2 && is_dots(p, n)) {
		if (c->segment == 1)
			return invalid(c, "path climbs above the root");
		/* Back behind the '/' before the segment before. */
		out->len = c->segment - 1;
		while (out->path[out->len - 1] != '/')
			out->len--;
		c->segment = out->len;
		return 0;
	}
	if (n == 0 || is_dots(p, n)) {
		out->len = c->segment;
		return 0;
	}
	if (!more)
		return 0;
	if (out->len == HTTP_PATH_MAX)
		return error_set(
		    c->e, ERR_LIMIT, "path is over %d bytes", HTTP_PATH_MAX);
	out->path[out->len++] = '/';
	c->segment = out->len;
	return 0;
}

/* A decoded byte; a '/' here was written as %2F. */
static int
on_escape(struct canon *c, unsigned char byte)
{
	if (byte < 0x20 || byte == 0x7f)
		return invalid(c, "encoded control byte in the path");
	c->has_high |= byte >= 0x80;
	if (byte == '/') {
		if (!c->allow_encoded_slash)
			return invalid(c, "encoded slash in the path");
		c->out->has_encoded_slash = true;
	}
	if (byte == ';')
		c->in_params = true;
	if (c->in_params)
		return 0;
	c->has_separator |= byte == '/' || byte == '\\';
	return put_byte(c, byte);
}

static int
on_raw(struct canon *c, char byte)
{
	if (!http_char_is(byte, HTTP_CHAR_VISIBLE) || byte == '#')
		return invalid(c, "path has a byte that must be encoded");
	if (byte == '/')
		return end_segment(c, true);
	if (byte == ';')
		c->in_params = true;
	if (c->in_params)
		return 0;
	c->has_separator |= byte == '\\';
	return put_byte(c, (unsigned char)byte);
}

/* Are the escapes between p and end whole, and is what they say UTF-8?  A
 * character is escaped as a whole: raw bytes are ASCII. */
static bool
escapes_are_utf8(const char *p, const char *end)
{
	while (p < end) {
		char character[5] = "";
		size_t n;

		if (*p != '%') {
			p++;
			continue;
		}
		if (!http_is_escape(p, end))
			return false;
		for (n = 0; n < 4 && http_is_escape(p + 3 * n, end); n++)
			character[n] = (char)http_escape_value(p + 3 * n);
		/* An encoded NUL is a character of its own. */
		n = character[0] == '\0' ? 1 : utf8_length(character);
		if (n == 0)
			return false;
		p += 3 * n;
	}
	return true;
}

static int
canon_path(struct canon *c, const char *p, const char *end)
{
	const char *start = p;

	if (end - p > HTTP_PATH_MAX)
		return error_set(
		    c->e, ERR_LIMIT, "path is over %d bytes", HTTP_PATH_MAX);
	while (p < end) {
		int r;

		if (*p != '%') {
			r = on_raw(c, *p++);
		} else if (http_is_escape(p, end)) {
			r = on_escape(c, http_escape_value(p));
			p += 3;
		} else {
			return invalid(c, "broken escape in the path");
		}
		if (r < 0)
			return -1;
	}
	if (end_segment(c, false) < 0)
		return -1;
	/* Overlong forms are how a dot or slash is smuggled past a check. */
	if (c->has_high && !escapes_are_utf8(start, end))
		return invalid(c, "escapes in the path aren't UTF-8");
	c->out->path[c->out->len] = '\0';
	return 0;
}

/* Rules on query parameters are judged on what a server would decode. */
static int
check_query(struct canon *c, const char *p, const char *end)
{
	bool escapes = false;

	for (const char *q = p; q < end; q++) {
		if (!http_char_is(*q, HTTP_CHAR_VISIBLE) || *q == '#')
			return invalid(
			    c, "query has a byte that must be encoded");
		escapes |= *q == '%';
	}
	if (escapes && !escapes_are_utf8(p, end))
		return invalid(c, "escapes in the query aren't UTF-8");
	return 0;
}

int
http_path_canon(struct http_slice target, bool allow_encoded_slash,
    struct http_path *ret, struct error *e)
{
	struct canon c = {
		.out = ret,
		.segment = 1,
		.allow_encoded_slash = allow_encoded_slash,
		.e = e,
	};
	struct http_slice scheme, authority, rest = target;
	const char *end, *question;

	if (target.n > 0 && target.p[0] != '/' && target.p[0] != '?' &&
	    !http_url_split(target, &scheme, &authority, &rest))
		return error_set(e, ERR_INVALID, "target has no path");
	end = rest.p + rest.n;
	question = rest.n > 0 ? memchr(rest.p, '?', rest.n) : NULL;
	ret->path[0] = '/';
	ret->len = 1;
	ret->has_encoded_slash = false;
	ret->query = (struct http_slice){ 0 };
	if (question) {
		ret->query = (struct http_slice){ question + 1,
			(size_t)(end - question) - 1 };
		if (check_query(&c, question + 1, end) < 0)
			return -1;
		end = question;
	}
	return canon_path(&c, rest.p, end);
}

bool
http_query_next(struct http_slice *rest, struct http_slice *ret_name,
    struct http_slice *ret_value)
{
	const char *end, *p, *eq;

	while (rest->n > 0 && rest->p[0] == '&')
		rest->p++, rest->n--;
	if (rest->n == 0)
		return false;
	p = rest->p;
	end = memchr(p, '&', rest->n);
	if (!end)
		end = p + rest->n;
	*rest = (struct http_slice){ end, rest->n - (size_t)(end - p) };
	eq = memchr(p, '=', (size_t)(end - p));
	*ret_name = (struct http_slice){ p, (size_t)((eq ? eq : end) - p) };
	*ret_value = (struct http_slice){ 0 };
	if (eq)
		*ret_value =
		    (struct http_slice){ eq + 1, (size_t)(end - eq) - 1 };
	return true;
}

size_t
http_query_decode(struct http_slice s, char *out)
{
	const char *end = s.p + s.n;
	size_t n = 0;

	for (const char *p = s.p; p < end; p++) {
		if (http_is_escape(p, end)) {
			out[n++] = (char)http_escape_value(p);
			p += 2;
		} else {
			out[n++] = *p == '+' ? ' ' : *p;
		}
	}
	return n;
}
