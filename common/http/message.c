/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.c - heads of requests and responses, strictly.
 *
 * Two passes: the first finds the empty line that ends the head, remembering
 * how far it has looked, so that a client that sends a byte at a time costs
 * no more than one that doesn't; the second parses the whole head.  It needs
 * no bounds in its inner loops: a head ends in CRLF, and neither byte is in
 * any of the classes that the loops run over.
 *
 * A field that means something has a row in `readers`.
 */
#include "common/http/authority.h"
#include "common/http/chars.h"
#include "common/http/message.h"
#include "common/utf8.h"

struct parser {
	struct http_head *head;
	struct error *e;
	const char *p; /* next byte */
	bool is_request;
	unsigned char high; /* OR of all bytes of values: is there UTF-8? */

	bool close;              /* Connection says close */
	bool connection_upgrade; /* Connection says upgrade */
	bool offers_websocket;   /* Upgrade says websocket */
	bool chunked;
	struct http_slice length_text;
	struct http_slice options[HTTP_CONNECTION_OPTIONS];
	size_t n_options;
};

static int
refuse(struct parser *x, unsigned status, const char *why)
{
	x->head->status = status;
	return error_set(
	    x->e, status == 431 ? ERR_LIMIT : ERR_PROTOCOL, "%s", why);
}

/*
 * The names as a hash table that has no collisions: the compiler would warn of
 * one (-Woverride-init).
 */
#define SLOT(len, first, last) (((len)*3 + (first)*7UL + (last)) & 63)

static const struct known {
	const char *name;
	size_t n;
	enum http_field field;
} known_fields[64] = {
#define KNOWN(first, last, text, id)                                           \
	[SLOT(sizeof(text) - 1, first, last)] = { text, sizeof(text) - 1, id }
	KNOWN('a', 'n', "authorization", HTTP_AUTHORIZATION),
	KNOWN('c', 'n', "connection", HTTP_CONNECTION),
	KNOWN('c', 'g', "content-encoding", HTTP_CONTENT_ENCODING),
	KNOWN('c', 'h', "content-length", HTTP_CONTENT_LENGTH),
	KNOWN('c', 'e', "content-type", HTTP_CONTENT_TYPE),
	KNOWN('c', 'e', "cookie", HTTP_COOKIE),
	KNOWN('e', 't', "expect", HTTP_EXPECT),
	KNOWN('h', 't', "host", HTTP_HOST),
	KNOWN('h', 's', "http2-settings", HTTP_HTTP2_SETTINGS),
	KNOWN('k', 'e', "keep-alive", HTTP_KEEP_ALIVE),
	KNOWN('p', 'e', "proxy-authenticate", HTTP_PROXY_AUTHENTICATE),
	KNOWN('p', 'o', "proxy-authentication-info",
	    HTTP_PROXY_AUTHENTICATION_INFO),
	KNOWN('p', 'n', "proxy-authorization", HTTP_PROXY_AUTHORIZATION),
	KNOWN('p', 'n', "proxy-connection", HTTP_PROXY_CONNECTION),
	KNOWN('s', 't', "sec-websocket-accept", HTTP_SEC_WEBSOCKET_ACCEPT),
	KNOWN('s', 's', "sec-websocket-extensions",
	    HTTP_SEC_WEBSOCKET_EXTENSIONS),
	KNOWN('s', 'y', "sec-websocket-key", HTTP_SEC_WEBSOCKET_KEY),
	KNOWN('s', 'l', "sec-websocket-protocol", HTTP_SEC_WEBSOCKET_PROTOCOL),
	KNOWN('s', 'n', "sec-websocket-version", HTTP_SEC_WEBSOCKET_VERSION),
	KNOWN('t', 'e', "te", HTTP_TE),
	KNOWN('t', 'r', "trailer", HTTP_TRAILER),
	KNOWN('t', 'g', "transfer-encoding", HTTP_TRANSFER_ENCODING),
	KNOWN('u', 'e', "upgrade", HTTP_UPGRADE),
	KNOWN('v', 'a', "via", HTTP_VIA),
#undef KNOWN
};

static enum http_field
field_of(struct http_slice name)
{
	unsigned first = (unsigned char)name.p[0] | 0x20;
	unsigned last = (unsigned char)name.p[name.n - 1] | 0x20;
	const struct known *k = &known_fields[SLOT(name.n, first, last)];

	if (k->n == name.n && strncasecmp(k->name, name.p, name.n) == 0)
		return k->field;
	return HTTP_OTHER;
}

/* RFC 9110 7.6.1, and the fields that only older software has. */
static const bool is_hop[HTTP_FIELD_MAX_] = {
	[HTTP_CONNECTION] = true,
	[HTTP_HTTP2_SETTINGS] = true,
	[HTTP_KEEP_ALIVE] = true,
	[HTTP_PROXY_AUTHENTICATE] = true,
	[HTTP_PROXY_AUTHENTICATION_INFO] = true,
	[HTTP_PROXY_AUTHORIZATION] = true,
	[HTTP_PROXY_CONNECTION] = true,
	[HTTP_TE] = true,
	[HTTP_TRAILER] = true,
	[HTTP_TRANSFER_ENCODING] = true,
	[HTTP_UPGRADE] = true,
};

bool
http_list_next(struct http_slice *rest, struct http_slice *ret)
{
	const char *p = rest->p, *end = rest->p + rest->n, *stop;

	while (p < end && (*p == ',' || *p == ' ' || *p == '\t'))
		p++;
	if (p == end)
		return false;
	stop = memchr(p, ',', (size_t)(end - p));
	if (!stop)
		stop = end;
	*rest = (struct http_slice){ stop, (size_t)(end - stop) };
	while (stop[-1] == ' ' || stop[-1] == '\t')
		stop--;
	*ret = (struct http_slice){ p, (size_t)(stop - p) };
	return true;
}

bool
http_is_token(struct http_slice s)
{
	return s.n > 0 && http_chars_are(s, HTTP_CHAR_TOKEN);
}

bool
http_is_field_value(struct http_slice s)
{
	return http_chars_are(s, HTTP_CHAR_VALUE);
}

/*
 * 1*DIGIT and nothing else (RFC 9110 8.6).  The same text again is the same
 * length; a list, even of equal numbers, is refused: not everybody reads one.
 */
static int
read_content_length(struct parser *x, struct http_slice v)
{
	uint64_t n = 0;

	if (x->head->has_content_length) {
		if (v.n == x->length_text.n &&
		    memcmp(v.p, x->length_text.p, v.n) == 0)
			return 0;
		return refuse(x, 400, "Content-Length twice, and different");
	}
	if (v.n == 0)
		return refuse(x, 400, "Content-Length is empty");
	for (size_t i = 0; i < v.n; i++) {
		unsigned digit = (unsigned char)v.p[i] - '0';

		if (digit > 9)
			return refuse(x, 400, "Content-Length is no number");
		if (n > ((uint64_t)INT64_MAX - digit) / 10)
			return refuse(x, 400, "Content-Length is too large");
		n = n * 10 + digit;
	}
	x->head->content_length = n;
	x->head->has_content_length = true;
	x->length_text = v;
	return 0;
}

static int
read_transfer_encoding(struct parser *x, struct http_slice v)
{
	if (x->chunked)
		return refuse(x, 400, "Transfer-Encoding twice");
	if (!http_slice_is_nocase(v, "chunked"))
		return refuse(
		    x, 400, "Transfer-Encoding is other than 'chunked'");
	x->chunked = true;
	return 0;
}

static int
read_host(struct parser *x, struct http_slice v)
{
	struct http_authority ignored;

	if (!x->is_request)
		return 0;
	if (x->head->host.p)
		return refuse(x, 400, "Host twice");
	if (http_authority_parse(v, &ignored, x->e) < 0) {
		x->head->status = 400;
		return error_prefix(x->e, "Host");
	}
	x->head->host = v;
	return 0;
}

/* Removing these would change where the message ends or whom it is for. */
static const char *const never_nominated[] = {
	"host",
	"content-length",
	"transfer-encoding",
};

static int
read_connection(struct parser *x, struct http_slice v)
{
	struct http_slice option;

	while (http_list_next(&v, &option)) {
		if (!http_is_token(option))
			return refuse(x, 400,
			    "Connection has an option that is no token");
		for (size_t i = 0; i < 3; i++)
			if (http_slice_is_nocase(option, never_nominated[i]))
				return refuse(x, 400,
				    "Connection nominates Host or framing");
		if (http_slice_is_nocase(option, "close"))
			x->close = true;
		else if (http_slice_is_nocase(option, "upgrade"))
			x->connection_upgrade = true;
		else if (x->n_options == HTTP_CONNECTION_OPTIONS)
			return refuse(x, 431, "too many Connection options");
		else
			x->options[x->n_options++] = option;
	}
	return 0;
}

static int
read_upgrade(struct parser *x, struct http_slice v)
{
	struct http_slice protocol;

	x->head->upgrade = true;
	while (http_list_next(&v, &protocol)) {
		if (http_slice_is_nocase(protocol, "websocket"))
			x->offers_websocket = true;
		else if (http_slice_is_nocase(protocol, "h2c"))
			x->head->upgrade_h2c = true;
	}
	return 0;
}

static int
read_http2_settings(struct parser *x, struct http_slice v)
{
	(void)v; /* to send it at all is to ask for h2c (RFC 7540 3.2.1) */
	x->head->upgrade_h2c = true;
	return 0;
}

static int
read_expect(struct parser *x, struct http_slice v)
{
	if (!x->is_request)
		return 0;
	if (!http_slice_is_nocase(v, "100-continue"))
		return refuse(x, 417, "Expect is other than '100-continue'");
	/* RFC 9110 10.1.1: a 1.0 client doesn't know the answer. */
	x->head->expect_continue = x->head->minor == 1;
	return 0;
}

static int (*const readers[HTTP_FIELD_MAX_])(
    struct parser *, struct http_slice) = {
	[HTTP_CONNECTION] = read_connection,
	[HTTP_CONTENT_LENGTH] = read_content_length,
	[HTTP_EXPECT] = read_expect,
	[HTTP_HOST] = read_host,
	[HTTP_HTTP2_SETTINGS] = read_http2_settings,
	[HTTP_TRANSFER_ENCODING] = read_transfer_encoding,
	[HTTP_UPGRADE] = read_upgrade,
};

/* No bounds: the head ends in CRLF, which ends every character. */
static bool
is_utf8(const char *p, const char *end)
{
	while (p < end) {
		size_t n = (*p & 0x80) ? utf8_length(p) : 1;

		if (n == 0)
			return false;
		p += n;
	}
	return true;
}

/* From the scan's place to the empty line. */
static ssize_t
find_end(struct parser *x, struct http_scan *scan, const char *buf, size_t len,
    size_t limit)
{
	size_t max = len < limit ? len : limit;
	size_t at = scan->seen;
	const char *lf;

	while (at < max && (lf = memchr(buf + at, '\n', max - at))) {
		size_t i = (size_t)(lf - buf);

		if (i == 0 || buf[i - 1] != '\r')
			return refuse(x, 400, "a line doesn't end in CRLF");
		if (i == 1)
			return refuse(x, 400, "the first line is empty");
		at = i + 1;
		if (buf[i - 2] == '\n') {
			scan->seen = 0;
			return (ssize_t)at;
		}
	}
	scan->seen = max;
	if (len >= limit)
		return refuse(x, 431, "the head is too large");
	return 0;
}

static const char *
skip_class(const char *p, enum http_char class)
{
	while (http_char_is(*p, class))
		p++;
	return p;
}

static int
read_value(struct parser *x, struct http_slice *ret)
{
	const char *p = x->p, *start, *stop;
	unsigned char high = 0;

	while (*p == ' ' || *p == '\t')
		p++;
	start = p;
	for (; http_char_is(*p, HTTP_CHAR_VALUE); p++)
		high |= (unsigned char)*p;
	if (p[0] != '\r' || p[1] != '\n')
		return refuse(x, 400, "a control byte in a field value");
	x->high |= high;
	x->p = p + 2;
	for (stop = p; stop > start; stop--)
		if (stop[-1] != ' ' && stop[-1] != '\t')
			break;
	*ret = (struct http_slice){ start, (size_t)(stop - start) };
	return 0;
}

static int
read_header(struct parser *x, struct http_header *h)
{
	const char *name = x->p;

	x->p = skip_class(x->p, HTTP_CHAR_TOKEN);
	h->name = (struct http_slice){ name, (size_t)(x->p - name) };
	if (h->name.n == 0 && (*name == ' ' || *name == '\t'))
		return refuse(x, 400, "a folded line");
	if (h->name.n == 0 || *x->p != ':')
		return refuse(x, 400, "a field name isn't a token and a colon");
	x->p++;
	if (read_value(x, &h->value) < 0)
		return -1;
	h->field = field_of(h->name);
	h->hop = is_hop[h->field];
	return readers[h->field] ? readers[h->field](x, h->value) : 0;
}

static void
mark_nominated(struct parser *x)
{
	struct http_head *head = x->head;

	for (size_t o = 0; o < x->n_options; o++) {
		struct http_slice name = x->options[o];

		for (size_t i = 0; i < head->n_headers; i++) {
			struct http_header *h = &head->headers[i];

			if (h->name.n == name.n &&
			    strncasecmp(h->name.p, name.p, name.n) == 0)
				h->hop = true;
		}
	}
}

/* The field lines, up to and with the empty one, which is at `last`. */
static int
read_headers(struct parser *x, const char *last)
{
	struct http_head *head = x->head;

	while (x->p < last) {
		if (head->n_headers == HTTP_HEADERS_MAX)
			return refuse(x, 431, "too many fields");
		if (read_header(x, &head->headers[head->n_headers]) < 0)
			return -1;
		head->n_headers++;
	}
	mark_nominated(x);
	head->upgrade_websocket = x->offers_websocket && x->connection_upgrade;
	head->keep_alive = head->minor == 1 && !x->close;
	/* RFC 9112 6.1: either alone is fine, both is an attack; and a 1.0
	 * sender that frames with chunks has a proxy behind it that doesn't
	 * know what it forwards. */
	if (x->chunked && head->has_content_length)
		return refuse(
		    x, 400, "Content-Length beside Transfer-Encoding");
	if (x->chunked && head->minor == 0)
		return refuse(x, 400, "Transfer-Encoding in HTTP/1.0");
	return 0;
}

/* CONNECT has host:port and nothing else, all others have a path. */
static int
check_target(struct parser *x)
{
	struct http_head *head = x->head;
	struct http_slice scheme, authority, rest;
	struct http_authority a;

	if (http_slice_is(head->method, "CONNECT")) {
		head->target_form = HTTP_TARGET_AUTHORITY;
		if (http_authority_parse(head->target, &a, x->e) < 0) {
			head->status = 400;
			return error_prefix(x->e, "CONNECT target");
		}
		if (a.port == 0)
			return refuse(x, 400, "CONNECT target has no port");
	} else if (head->target.p[0] == '/') {
		head->target_form = HTTP_TARGET_ORIGIN;
	} else if (http_slice_is(head->target, "*")) {
		head->target_form = HTTP_TARGET_ASTERISK;
		if (!http_slice_is(head->method, "OPTIONS"))
			return refuse(x, 400, "target '*' without OPTIONS");
	} else if (http_url_split(head->target, &scheme, &authority, &rest)) {
		head->target_form = HTTP_TARGET_ABSOLUTE;
	} else {
		return refuse(x, 400, "target is neither path nor URL");
	}
	return 0;
}

/* " HTTP/1.1\r\n" or 1.0; p is at the space. */
static int
read_version(struct parser *x, const char *p, const char *last)
{
	static const char name[] = "HTTP/";

	if (last - p < 10 || memcmp(p, name, 5) != 0 ||
	    !http_char_is(p[5], HTTP_CHAR_DIGIT) || p[6] != '.' ||
	    !http_char_is(p[7], HTTP_CHAR_DIGIT))
		return refuse(x, 400, "no HTTP version where one belongs");
	if (p[5] != '1' || p[7] > '1')
		return refuse(x, 505, "HTTP version is neither 1.0 nor 1.1");
	x->head->minor = p[7] == '1';
	x->p = p + 8;
	return 0;
}

static int
read_request_line(struct parser *x, const char *last)
{
	struct http_head *head = x->head;
	const char *start = x->p, *p;

	p = skip_class(start, HTTP_CHAR_TOKEN);
	head->method = (struct http_slice){ start, (size_t)(p - start) };
	if (head->method.n == 0 || *p != ' ')
		return refuse(x, 400, "no method in the request line");
	if (head->method.n > HTTP_METHOD_MAX)
		return refuse(x, 400, "the method is too long");
	start = ++p;
	p = skip_class(start, HTTP_CHAR_VISIBLE);
	head->target = (struct http_slice){ start, (size_t)(p - start) };
	if (head->target.n == 0 || *p != ' ')
		return refuse(
		    x, 400, "the request line isn't method, target, version");
	if (read_version(x, p + 1, last) < 0)
		return -1;
	if (x->p[0] != '\r' || x->p[1] != '\n')
		return refuse(x, 400, "bytes behind the HTTP version");
	x->p += 2;
	return check_target(x);
}

static int
request_framing(struct parser *x)
{
	struct http_head *head = x->head;
	bool connect = head->target_form == HTTP_TARGET_AUTHORITY;

	if (head->minor == 1 && !head->host.p)
		return refuse(x, 400, "no Host in HTTP/1.1");
	/* What follows a CONNECT is the tunnel; a body there would be read as
	 * tunnel bytes by some and as a body by others (RFC 9110 9.3.6). */
	if (connect && (x->chunked || head->content_length > 0))
		return refuse(x, 400, "CONNECT with a body");
	if (x->chunked)
		head->framing = HTTP_CHUNKED;
	else if (head->has_content_length && !connect)
		head->framing = HTTP_LENGTH;
	else
		head->framing = HTTP_NO_BODY;
	return 0;
}

static void
parser_begin(struct parser *x, struct http_head *head, const char *buf,
    bool is_request, struct error *e)
{
	*x = (struct parser){
		.head = head, .e = e, .p = buf, .is_request = is_request
	};
	/* Not the array: 5 KiB that n_headers says nothing is in. */
	memset(head, 0, offsetof(struct http_head, headers));
	head->n_headers = 0;
}

ssize_t
http_parse_request(struct http_scan *scan, const char *buf, size_t len,
    size_t limit, struct http_head *ret, struct error *e)
{
	struct parser x;
	ssize_t n;

	parser_begin(&x, ret, buf, true, e);
	n = find_end(&x, scan, buf, len, limit);
	if (n <= 0)
		return n;
	if (read_request_line(&x, buf + n) < 0 ||
	    read_headers(&x, buf + n - 2) < 0)
		return -1;
	/* All outside the values is ASCII already. */
	if ((x.high & 0x80) && !is_utf8(buf, buf + n))
		return refuse(&x, 400, "the head isn't UTF-8");
	return request_framing(&x) < 0 ? -1 : n;
}

static int
read_status_line(struct parser *x, const char *last)
{
	const char *p = x->p;
	unsigned status = 0;

	if (read_version(x, p, last) < 0)
		return -1;
	p = x->p;
	if (*p++ != ' ')
		return refuse(x, 502, "no status in the status line");
	for (int i = 0; i < 3; i++, p++) {
		if (!http_char_is(*p, HTTP_CHAR_DIGIT))
			return refuse(x, 502, "the status isn't three digits");
		status = status * 10 + (unsigned)(*p - '0');
	}
	if (status < 100 || status > 599)
		return refuse(x, 502, "the status isn't 100..599");
	/* Servers that have no reason leave out its space, too. */
	if (*p != ' ' && *p != '\r')
		return refuse(x, 502, "the status isn't three digits");
	x->p = p;
	if (read_value(x, &x->head->reason) < 0)
		return -1;
	x->head->status = status;
	return 0;
}

/* RFC 9112 6.3, in its order. */
static int
response_framing(struct parser *x, enum http_asked asked)
{
	struct http_head *head = x->head;
	unsigned status = head->status;

	head->framing = HTTP_NO_BODY;
	if (status == 101)
		return asked == HTTP_ASKED_UPGRADE
			   ? 0
			   : refuse(
				 x, 502, "101 though no upgrade was asked for");
	if (status < 200 || status == 204 || status == 304 ||
	    asked == HTTP_ASKED_HEAD)
		return 0;
	if (asked == HTTP_ASKED_CONNECT && status < 300)
		return 0;
	if (x->chunked) {
		head->framing = HTTP_CHUNKED;
	} else if (head->has_content_length) {
		head->framing = HTTP_LENGTH;
	} else {
		head->framing = HTTP_UNTIL_CLOSE;
		head->keep_alive = false;
	}
	return 0;
}

ssize_t
http_parse_response(struct http_scan *scan, const char *buf, size_t len,
    size_t limit, enum http_asked asked, struct http_head *ret, struct error *e)
{
	struct parser x;
	ssize_t n;

	parser_begin(&x, ret, buf, false, e);
	n = find_end(&x, scan, buf, len, limit);
	if (n == 0)
		return 0;
	if (n < 0 || read_status_line(&x, buf + n) < 0 ||
	    read_headers(&x, buf + n - 2) < 0 ||
	    response_framing(&x, asked) < 0) {
		ret->status = 502; /* whatever it was, it's the server's */
		return -1;
	}
	return n;
}

const struct http_header *
http_head_get(const struct http_head *head, enum http_field field)
{
	for (size_t i = 0; i < head->n_headers; i++)
		if (head->headers[i].field == field)
			return &head->headers[i];
	return NULL;
}

const struct http_header *
http_head_find(const struct http_head *head, const char *name)
{
	for (size_t i = 0; i < head->n_headers; i++)
		if (http_slice_is_nocase(head->headers[i].name, name))
			return &head->headers[i];
	return NULL;
}

size_t
http_head_count(const struct http_head *head, enum http_field field)
{
	size_t n = 0;

	for (size_t i = 0; i < head->n_headers; i++)
		n += head->headers[i].field == field;
	return n;
}

/*
 * Upper case, a space, and then what a target starts with: greetings of mail
 * and chat servers ("EHLO me", "SSH-2.0-x y") aren't taken for requests.
 */
static enum http_guess
guess_request_line(const char *p, size_t n)
{
	static const char url[] = "http";
	size_t i = 0;

	while (i < n && i <= HTTP_METHOD_MAX && p[i] >= 'A' && p[i] <= 'Z')
		i++;
	if (i > HTTP_METHOD_MAX)
		return HTTP_GUESS_OTHER;
	if (i == n)
		return HTTP_GUESS_MORE;
	if (i == 0 || p[i++] != ' ')
		return HTTP_GUESS_OTHER;
	if (i == n)
		return HTTP_GUESS_MORE;
	if (p[i] == '/' || p[i] == '*')
		return HTTP_GUESS_1;
	if (n - i < sizeof(url) - 1)
		return strncasecmp(p + i, url, n - i) == 0 ? HTTP_GUESS_MORE
							   : HTTP_GUESS_OTHER;
	return strncasecmp(p + i, url, sizeof(url) - 1) == 0 ? HTTP_GUESS_1
							     : HTTP_GUESS_OTHER;
}

enum http_guess
http_guess(const char *buf, size_t len)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	size_t n = sizeof(preface) - 1;

	/* "PRI *" is no HTTP/1 request of anybody's, so five bytes do. */
	if (len >= 5 && memcmp(buf, preface, len < n ? len : n) == 0)
		return HTTP_GUESS_2;
	if (len < 5 && memcmp(buf, preface, len) == 0)
		return HTTP_GUESS_MORE;
	return guess_request_line(buf, len);
}
