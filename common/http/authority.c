/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authority.c - the grammar of hosts and ports, and nothing looser.
 *
 * Policies are matched on what comes out of here, names are resolved from it
 * and certificates made for it.  So every byte is either in the grammar or the
 * whole is refused: a NUL, a percent escape or an '@' that one component skips
 * and another reads is how a suffix match is made to lie.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "common/http/authority.h"
#include "common/http/chars.h"

#define HTTP_LABEL_MAX 63

static int
port_parse(struct http_slice s, uint16_t *ret, struct error *e)
{
	unsigned port = 0;

	if (s.n == 0 || s.n > 5)
		return error_set(e, ERR_INVALID, "port is not 1..65535");
	for (size_t i = 0; i < s.n; i++) {
		if (!http_char_is(s.p[i], HTTP_CHAR_DIGIT))
			return error_set(e, ERR_INVALID, "port is no number");
		port = port * 10 + (unsigned)(s.p[i] - '0');
	}
	if (port == 0 || port > 65535)
		return error_set(e, ERR_INVALID, "port is not 1..65535");
	*ret = (uint16_t)port;
	return 0;
}

static int
ipv6_parse(struct http_slice s, char ret[HTTP_HOST_MAX + 1], struct error *e)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;

	if (s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
		return error_set(e, ERR_INVALID, "not an IPv6 address");
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET6, text, &a) != 1)
		return error_set(e, ERR_INVALID, "not an IPv6 address");
	(void)inet_ntop(AF_INET6, &a, ret, INET6_ADDRSTRLEN); /* it fits */
	return 0;
}

/* Lower case into ret; every label 1..63 of the right bytes. */
static int
name_copy(struct http_slice s, char ret[HTTP_HOST_MAX + 1], struct error *e)
{
	size_t label = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '.') {
			if (label == 0)
				return error_set(
				    e, ERR_INVALID, "host has an empty label");
			label = 0;
		} else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			   c == '-' || c == '_') {
			label++;
		} else if (c >= 'A' && c <= 'Z') {
			c |= 0x20;
			label++;
		} else {
			return error_set(e, ERR_INVALID,
			    "host has a byte outside letters, digits, '-', "
			    "'_', '.'");
		}
		if (label > HTTP_LABEL_MAX)
			return error_set(e, ERR_INVALID,
			    "host has a label over %d bytes", HTTP_LABEL_MAX);
		ret[i] = c;
	}
	ret[s.n] = '\0';
	return 0;
}

/*
 * inet_aton(3) and with it getaddrinfo(3) read "127.1", "017700000001" and
 * "0x7f.1" as addresses.  No top-level domain starts with a digit and is
 * numeric, so a last label like that is either a dotted quad or a trick.
 */
static bool
looks_numeric(const char *host)
{
	const char *dot = strrchr(host, '.');
	const char *last = dot ? dot + 1 : host;

	if (last[0] == '0' && last[1] == 'x')
		return last[2 + strspn(last + 2, "0123456789abcdef")] == '\0';
	return last[strspn(last, "0123456789")] == '\0';
}

int
http_host_parse(struct http_slice s, char ret[HTTP_HOST_MAX + 1],
    enum http_host_kind *ret_kind, struct error *e)
{
	char host[HTTP_HOST_MAX + 1];
	struct in_addr a;

	if (s.n > 0 && memchr(s.p, ':', s.n)) {
		if (ipv6_parse(s, ret, e) < 0)
			return -1;
		*ret_kind = HTTP_HOST_IPV6;
		return 0;
	}
	if (s.n > 0 && s.p[s.n - 1] == '.')
		s.n--;
	if (s.n == 0)
		return error_set(e, ERR_INVALID, "host is empty");
	if (s.n > HTTP_HOST_MAX)
		return error_set(
		    e, ERR_LIMIT, "host is over %d bytes", HTTP_HOST_MAX);
	if (name_copy(s, host, e) < 0)
		return -1;
	if (host[s.n - 1] == '.')
		return error_set(e, ERR_INVALID, "host has an empty label");
	*ret_kind = HTTP_HOST_NAME;
	if (looks_numeric(host)) {
		/* inet_pton(3) takes four decimal numbers without leading
		 * zeros and nothing else. */
		if (inet_pton(AF_INET, host, &a) != 1)
			return error_set(e, ERR_INVALID,
			    "host is neither a name nor a dotted quad");
		*ret_kind = HTTP_HOST_IPV4;
	}
	memcpy(ret, host, s.n + 1);
	return 0;
}

/* "[v6]" or "[v6]:port" */
static int
bracketed_parse(
    struct http_slice s, struct http_authority *ret, struct error *e)
{
	const char *close = memchr(s.p, ']', s.n);
	struct http_slice inside, rest;

	if (!close)
		return error_set(e, ERR_INVALID, "'[' without ']'");
	inside = (struct http_slice){ s.p + 1, (size_t)(close - s.p) - 1 };
	rest = (struct http_slice){ close + 1, s.n - inside.n - 2 };
	if (ipv6_parse(inside, ret->host, e) < 0)
		return -1;
	ret->kind = HTTP_HOST_IPV6;
	ret->port = 0;
	if (rest.n == 0)
		return 0;
	if (rest.p[0] != ':')
		return error_set(e, ERR_INVALID, "bytes behind ']'");
	return port_parse(
	    (struct http_slice){ rest.p + 1, rest.n - 1 }, &ret->port, e);
}

int
http_authority_parse(
    struct http_slice s, struct http_authority *ret, struct error *e)
{
	struct http_slice host = s;
	const char *colon;
	uint16_t port = 0;

	if (s.n == 0)
		return error_set(e, ERR_INVALID, "host is empty");
	if (s.p[0] == '[')
		return bracketed_parse(s, ret, e);
	colon = memchr(s.p, ':', s.n);
	if (colon) {
		host.n = (size_t)(colon - s.p);
		/* A second colon lands here and is no digit: "::1" without
		 * brackets and "a:443:22" are refused. */
		if (port_parse(
			(struct http_slice){ colon + 1, s.n - host.n - 1 },
			&port, e) < 0)
			return -1;
	}
	if (http_host_parse(host, ret->host, &ret->kind, e) < 0)
		return -1;
	ret->port = port;
	return 0;
}

bool
http_authority_equal(const struct http_authority *a,
    const struct http_authority *b, uint16_t default_port)
{
	uint16_t a_port = a->port ? a->port : default_port;
	uint16_t b_port = b->port ? b->port : default_port;

	return a_port == b_port && a->kind == b->kind &&
	       strcmp(a->host, b->host) == 0;
}

const char *
http_authority_format(const struct http_authority *a, uint16_t default_port,
    char ret[HTTP_AUTHORITY_SIZE])
{
	bool v6 = a->kind == HTTP_HOST_IPV6;
	int n = snprintf(ret, HTTP_AUTHORITY_SIZE, "%s%s%s", v6 ? "[" : "",
	    a->host, v6 ? "]" : "");

	if (a->port != 0 && a->port != default_port)
		(void)snprintf(
		    ret + n, HTTP_AUTHORITY_SIZE - (size_t)n, ":%u", a->port);
	return ret;
}

bool
http_url_split(struct http_slice url, struct http_slice *ret_scheme,
    struct http_slice *ret_authority, struct http_slice *ret_target)
{
	const char *p = url.p, *end = url.p + url.n, *authority;

	while (p < end &&
	       (http_char_is(*p, HTTP_CHAR_TOKEN) && *p != '%' && *p != '#'))
		p++;
	if (p == url.p || end - p < 3 || memcmp(p, "://", 3) != 0)
		return false;
	*ret_scheme = (struct http_slice){ url.p, (size_t)(p - url.p) };
	authority = p += 3;
	while (p < end && *p != '/' && *p != '?' && *p != '#')
		p++;
	*ret_authority =
	    (struct http_slice){ authority, (size_t)(p - authority) };
	*ret_target = (struct http_slice){ p, (size_t)(end - p) };
	return true;
}

int
http_url_parse(struct http_slice s, struct http_url *ret, struct error *e)
{
	struct http_slice authority;

	if (!http_url_split(s, &ret->scheme, &authority, &ret->target))
		return error_set(e, ERR_INVALID, "not an absolute URL");
	if (memchr(s.p, '#', s.n))
		return error_set(e, ERR_INVALID, "URL has a fragment");
	if (authority.n > 0 && memchr(authority.p, '@', authority.n))
		return error_set(e, ERR_INVALID, "URL has user information");
	if (!http_chars_are(ret->target, HTTP_CHAR_VISIBLE))
		return error_set(e, ERR_INVALID,
		    "URL has a space or another byte that none can have");
	return http_authority_parse(authority, &ret->authority, e);
}
