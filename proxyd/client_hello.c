/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_hello.c - the first handshake message of TLS 1.0 to 1.3.
 *
 *	record*: type 22, version 3.x, length
 *	  handshake: type 1, length
 *	    ClientHello: version, random, session, suites, compression,
 *	      extensions: server_name, ALPN, encrypted_client_hello, others
 *
 * The message is first put together from its records, then read with cursors
 * of which an inner one can't leave its outer.  Lengths must add up exactly:
 * a hello that we read differently than OpenSSL would is one that passes
 * under another name.
 */
#include <string.h>

#include "proxyd/client_hello.h"

#define RECORD_HEADER 5
#define RECORD_MAX 16384
#define HANDSHAKE_HEADER 4
#define RECORD_HANDSHAKE 22
#define HANDSHAKE_CLIENT_HELLO 1

enum extension {
	EXT_SERVER_NAME = 0,
	EXT_ALPN = 16,
	EXT_ECH = 0xfe0d, /* encrypted_client_hello */
};

struct cursor {
	const uint8_t *p;
	size_t left;
};

static bool
take_number(struct cursor *c, size_t width, size_t *ret)
{
	size_t v = 0;

	if (c->left < width)
		return false;
	for (size_t i = 0; i < width; i++)
		v = v << 8 | c->p[i];
	c->p += width;
	c->left -= width;
	*ret = v;
	return true;
}

/* A vector: its length in so many bytes, then that many bytes. */
static bool
take_vector(struct cursor *c, size_t width, struct cursor *ret)
{
	size_t n;

	if (!take_number(c, width, &n) || c->left < n)
		return false;
	*ret = (struct cursor){ c->p, n };
	c->p += n;
	c->left -= n;
	return true;
}

static int
broken(struct error *e, const char *why)
{
	return error_set(e, ERR_PROTOCOL, "ClientHello: %s", why);
}

/* RFC 6066 3: a list that may have one host_name, which is all there is. */
static int
read_server_name(struct cursor ext, struct client_hello *hello, struct error *e)
{
	enum http_host_kind kind;
	struct cursor list, name;
	size_t type;

	if (!take_vector(&ext, 2, &list) || ext.left > 0 ||
	    !take_number(&list, 1, &type) || type != 0 ||
	    !take_vector(&list, 2, &name) || list.left > 0)
		return broken(e, "server_name isn't one host name");
	if (http_host_parse(
		(struct http_slice){ (const char *)name.p, name.left },
		hello->sni, &kind, e) < 0)
		return error_prefix(e, "ClientHello: server_name");
	if (kind != HTTP_HOST_NAME)
		return broken(e, "server_name is an address");
	return 0;
}

static bool
is_protocol(struct cursor c, const char *name)
{
	return c.left == strlen(name) && memcmp(c.p, name, c.left) == 0;
}

static int
read_alpn(struct cursor ext, struct client_hello *hello, struct error *e)
{
	struct cursor list, name;

	if (!take_vector(&ext, 2, &list) || ext.left > 0 || list.left == 0)
		return broken(e, "ALPN isn't a list");
	hello->has_alpn = true;
	while (list.left > 0) {
		if (!take_vector(&list, 1, &name) || name.left == 0)
			return broken(e, "ALPN isn't a list");
		hello->alpn_h2 |= is_protocol(name, "h2");
		hello->alpn_http11 |= is_protocol(name, "http/1.1");
	}
	return 0;
}

static int
read_ech(struct cursor ext, struct client_hello *hello, struct error *e)
{
	(void)ext, (void)e; /* that it is there is all there is to know */
	hello->has_ech = true;
	return 0;
}

static const struct reader {
	size_t type;
	int (*read)(struct cursor, struct client_hello *, struct error *);
} readers[] = {
	{ EXT_SERVER_NAME, read_server_name },
	{ EXT_ALPN, read_alpn },
	{ EXT_ECH, read_ech },
};
#define N_READERS (sizeof(readers) / sizeof(readers[0]))

static int
read_extensions(struct cursor all, struct client_hello *hello, struct error *e)
{
	bool seen[N_READERS] = { 0 };

	while (all.left > 0) {
		struct cursor ext;
		size_t type;

		if (!take_number(&all, 2, &type) || !take_vector(&all, 2, &ext))
			return broken(e, "an extension is cut");
		for (size_t i = 0; i < N_READERS; i++) {
			if (readers[i].type != type)
				continue;
			/* RFC 8446 4.2: which of two would count? */
			if (seen[i])
				return broken(e, "an extension comes twice");
			seen[i] = true;
			if (readers[i].read(ext, hello, e) < 0)
				return -1;
		}
	}
	return 0;
}

static int
read_hello(struct cursor c, struct client_hello *hello, struct error *e)
{
	struct cursor session, suites, compression, extensions;
	size_t version;

	if (!take_number(&c, 2, &version) || version >> 8 != 3 || c.left < 32)
		return broken(e, "no version and random");
	c.p += 32; /* the random */
	c.left -= 32;
	if (!take_vector(&c, 1, &session) || session.left > 32 ||
	    !take_vector(&c, 2, &suites) || suites.left < 2 ||
	    suites.left % 2 != 0 || !take_vector(&c, 1, &compression) ||
	    compression.left == 0)
		return broken(e, "session, suites or compression are cut");
	if (c.left == 0)
		return 0; /* before TLS 1.2 there may be no extensions */
	if (!take_vector(&c, 2, &extensions) || c.left > 0)
		return broken(e, "the extensions don't end the message");
	return read_extensions(extensions, hello, e);
}

/* Do the bytes that are there start a handshake record? */
static bool
starts_record(const uint8_t *p, size_t n)
{
	return (n < 1 || p[0] == RECORD_HANDSHAKE) && (n < 2 || p[1] == 3) &&
	       (n < 3 || p[2] <= 4);
}

/* A message being put together from records. */
struct message {
	uint8_t bytes[HANDSHAKE_HEADER + CLIENT_HELLO_MAX];
	size_t have;
	size_t want; /* with its header; known once that is there */
};

/* Appends what has come of a record's content; cut says that more will. */
static enum client_hello_kind
message_add(
    struct message *m, const uint8_t *p, size_t n, bool cut, struct error *e)
{
	size_t room = sizeof(m->bytes) - m->have;
	size_t used = n < room ? n : room;

	memcpy(m->bytes + m->have, p, used);
	m->have += used;
	if (m->have < 1)
		return CLIENT_HELLO_MORE;
	if (m->bytes[0] != HANDSHAKE_CLIENT_HELLO) {
		(void)broken(e, "the first message is another");
		return CLIENT_HELLO_BAD;
	}
	if (m->have < HANDSHAKE_HEADER)
		return CLIENT_HELLO_MORE;
	m->want =
	    HANDSHAKE_HEADER + ((size_t)m->bytes[1] << 16 |
				   (size_t)m->bytes[2] << 8 | m->bytes[3]);
	if (m->want > sizeof(m->bytes)) {
		(void)error_set(e, ERR_LIMIT, "ClientHello: over %d bytes",
		    CLIENT_HELLO_MAX);
		return CLIENT_HELLO_BAD;
	}
	if (m->have < m->want)
		return CLIENT_HELLO_MORE;
	/* RFC 8446 5.1: keys change behind it, so its record ends with it. */
	if (m->have > m->want || used < n || cut) {
		(void)broken(e, "bytes behind it in its record");
		return CLIENT_HELLO_BAD;
	}
	return CLIENT_HELLO_TLS;
}

static enum client_hello_kind
gather(struct message *m, const uint8_t *p, size_t n, struct error *e)
{
	while (n > 0) {
		enum client_hello_kind kind;
		size_t length, part;

		if (!starts_record(p, n)) {
			(void)broken(e, "a record isn't a handshake");
			return CLIENT_HELLO_BAD;
		}
		if (n < RECORD_HEADER)
			return CLIENT_HELLO_MORE;
		length = (size_t)p[3] << 8 | p[4];
		/* Empty ones are forbidden (RFC 8446 5.1), and would let a
		 * client send headers for ever. */
		if (length == 0 || length > RECORD_MAX) {
			(void)broken(e, "a record's length is wrong");
			return CLIENT_HELLO_BAD;
		}
		p += RECORD_HEADER;
		n -= RECORD_HEADER;
		part = length < n ? length : n;
		kind = message_add(m, p, part, part < length, e);
		if (kind != CLIENT_HELLO_MORE)
			return kind;
		p += part;
		n -= part;
	}
	return CLIENT_HELLO_MORE;
}

enum client_hello_kind
client_hello_parse(
    const void *bytes, size_t len, struct client_hello *ret, struct error *e)
{
	struct message m;
	enum client_hello_kind kind;

	if (!starts_record(bytes, len))
		return CLIENT_HELLO_NOT_TLS;
	/* The verdict may not depend on how much more was there to peek at. */
	if (len > CLIENT_HELLO_PEEK_MAX)
		len = CLIENT_HELLO_PEEK_MAX;
	m.have = m.want = 0; /* not the bytes: 16 KiB */
	kind = gather(&m, bytes, len, e);
	if (kind == CLIENT_HELLO_MORE && len == CLIENT_HELLO_PEEK_MAX) {
		(void)error_set(
		    e, ERR_LIMIT, "ClientHello: spread over too many records");
		return CLIENT_HELLO_BAD;
	}
	if (kind != CLIENT_HELLO_TLS)
		return kind;
	memset(ret, 0, sizeof(*ret));
	if (read_hello((struct cursor){ m.bytes + HANDSHAKE_HEADER,
			   m.want - HANDSHAKE_HEADER },
		ret, e) < 0)
		return CLIENT_HELLO_BAD;
	return CLIENT_HELLO_TLS;
}
