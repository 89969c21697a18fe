/* SPDX-License-Identifier: Apache-2.0 */
/* address.c - see address.h. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/policy/address.h"

#define MAPPED_BITS 96
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

struct range {
	uint8_t prefix[16];
	unsigned bits;
	enum address_class class;
};

static const struct {
	uint8_t prefix[4];
	unsigned bits;
	enum address_class class;
} ranges4[] = {
	{ { 0 }, 8, ADDRESS_BLOCKED },                   /* this network */
	{ { 127 }, 8, ADDRESS_BLOCKED },                 /* loopback */
	{ { 169, 254 }, 16, ADDRESS_BLOCKED },           /* link-local */
	{ { 100, 100, 100, 200 }, 32, ADDRESS_BLOCKED }, /* metadata */
	{ { 168, 63, 129, 16 }, 32, ADDRESS_BLOCKED },   /* metadata */
	{ { 224 }, 4, ADDRESS_BLOCKED },                 /* multicast */
	{ { 240 }, 4, ADDRESS_BLOCKED }, /* reserved, broadcast */
	{ { 10 }, 8, ADDRESS_INTERNAL }, { { 172, 16 }, 12, ADDRESS_INTERNAL },
	{ { 192, 168 }, 16, ADDRESS_INTERNAL },
	{ { 100, 64 }, 10, ADDRESS_INTERNAL },   /* shared, RFC 6598 */
	{ { 198, 18 }, 15, ADDRESS_INTERNAL },   /* benchmarks */
	{ { 192, 0, 0 }, 24, ADDRESS_INTERNAL }, /* IETF protocols */
	{ { 192, 0, 2 }, 24, ADDRESS_INTERNAL }, /* documentation */
	{ { 198, 51, 100 }, 24, ADDRESS_INTERNAL },
	{ { 203, 0, 113 }, 24, ADDRESS_INTERNAL },
	{ { 192, 88, 99 }, 24, ADDRESS_INTERNAL }, /* 6to4 relays */
};

static const struct range ranges6[] = {
	{ { 0 }, 128, ADDRESS_BLOCKED },         /* unspecified */
	{ { [15] = 1 }, 128, ADDRESS_BLOCKED },  /* loopback */
	{ { 0xfe, 0x80 }, 10, ADDRESS_BLOCKED }, /* link-local */
	{ { 0xff }, 8, ADDRESS_BLOCKED },        /* multicast */
	{ { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 }, 128,
	    ADDRESS_BLOCKED },                    /* metadata */
	{ { 0xfc }, 7, ADDRESS_INTERNAL },        /* unique local */
	{ { 0xfe, 0xc0 }, 10, ADDRESS_INTERNAL }, /* site-local */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32,
	    ADDRESS_INTERNAL },                   /* documentation */
	{ { 0x3f, 0xff }, 20, ADDRESS_INTERNAL }, /* documentation */
	{ { 0x20, 0x01 }, 23, ADDRESS_INTERNAL }, /* IETF protocols, Teredo */
	{ { 0x01 }, 64, ADDRESS_INTERNAL },       /* discard only */
	{ { 0x5f }, 16, ADDRESS_INTERNAL },       /* SRv6 SIDs */
};

/* Where IPv6 carries an IPv4 address, and the least the whole is then. */
static const struct {
	uint8_t prefix[16];
	unsigned bits;
	unsigned offset; /* of the four bytes */
	uint8_t invert;  /* they are complemented */
	enum address_class least;
} carriers[] = {
	{ { [10] = 0xff, [11] = 0xff }, 96, 12, 0, ADDRESS_PUBLIC },
	{ { 0x00, 0x64, 0xff, 0x9b }, 96, 12, 0, ADDRESS_PUBLIC }, /* NAT64 */
	/* Local-use NAT64, RFC 8215: where the address lies is the operator's.
	 */
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48, 12, 0, ADDRESS_INTERNAL },
	{ { 0x20, 0x02 }, 16, 2, 0, ADDRESS_INTERNAL },     /* 6to4 */
	{ { 0x20, 0x01 }, 32, 4, 0, ADDRESS_INTERNAL },     /* Teredo server */
	{ { 0x20, 0x01 }, 32, 12, 0xff, ADDRESS_INTERNAL }, /* Teredo client */
	{ { 0 }, 96, 12, 0, ADDRESS_INTERNAL },             /* v4-compatible */
};

/* An interface identifier of ISATAP, RFC 5214: 0000:5efe or 0200:5efe. */
static const uint8_t isatap[4] = { 0x00, 0x00, 0x5e, 0xfe };

static bool
has_prefix(const uint8_t *bytes, const uint8_t *prefix, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff << (8 - rest));

	return memcmp(bytes, prefix, whole) == 0 &&
	       (rest == 0 || ((bytes[whole] ^ prefix[whole]) & mask) == 0);
}

static enum address_class
worse(enum address_class a, enum address_class b)
{
	return a > b ? a : b;
}

static enum address_class
classify4(const uint8_t bytes[4])
{
	for (size_t i = 0; i < LENGTH(ranges4); i++)
		if (has_prefix(bytes, ranges4[i].prefix, ranges4[i].bits))
			return ranges4[i].class;
	return ADDRESS_PUBLIC;
}

static enum address_class
classify_carried(const struct address *a)
{
	enum address_class class = ADDRESS_PUBLIC;

	for (size_t i = 0; i < LENGTH(carriers); i++) {
		uint8_t inner[4];

		if (!has_prefix(a->bytes, carriers[i].prefix, carriers[i].bits))
			continue;
		for (unsigned j = 0; j < 4; j++)
			inner[j] = a->bytes[carriers[i].offset + j] ^
				   carriers[i].invert;
		class = worse(class, carriers[i].least);
		class = worse(class, classify4(inner));
	}
	if ((a->bytes[8] & ~2) == isatap[0] &&
	    memcmp(a->bytes + 9, isatap + 1, 3) == 0)
		class = worse(class, classify4(a->bytes + 12));
	return class;
}

enum address_class
address_classify(const struct address *a)
{
	for (size_t i = 0; i < LENGTH(ranges6); i++)
		if (has_prefix(a->bytes, ranges6[i].prefix, ranges6[i].bits))
			return worse(ranges6[i].class, classify_carried(a));
	return classify_carried(a);
}

static void
map4(const uint8_t bytes[4], struct address *ret)
{
	memcpy(ret->bytes, mapped_prefix, sizeof(mapped_prefix));
	memcpy(ret->bytes + 12, bytes, 4);
}

bool
address_from_sockaddr(const struct sockaddr_storage *from, struct address *ret)
{
	const struct sockaddr_in *in = (const void *)from;
	const struct sockaddr_in6 *in6 = (const void *)from;

	if (from->ss_family == AF_INET)
		map4((const uint8_t *)&in->sin_addr, ret);
	else if (from->ss_family == AF_INET6)
		memcpy(ret->bytes, &in6->sin6_addr, sizeof(ret->bytes));
	else
		return false;
	return true;
}

bool
address_parse(const char *text, struct address *ret)
{
	uint8_t bytes[4];

	if (inet_pton(AF_INET, text, bytes) == 1) {
		map4(bytes, ret);
		return true;
	}
	return inet_pton(AF_INET6, text, ret->bytes) == 1;
}

bool
address_is_loopback(const struct address *a)
{
	static const uint8_t loopback4[16] = { [10] = 0xff, 0xff, 127 };
	static const uint8_t loopback6[16] = { [15] = 1 };

	return has_prefix(a->bytes, loopback4, MAPPED_BITS + 8) ||
	       has_prefix(a->bytes, loopback6, 128);
}

bool
address_equal(const struct address *a, const struct address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static void
clear_below(struct cidr *c)
{
	for (unsigned bit = c->bits; bit < 128; bit++)
		c->base.bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
}

bool
cidr_parse(const char *text, struct cidr *ret)
{
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct cidr c;
	unsigned width, bits;

	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	if (!address_parse(host, &c.base))
		return false;
	width = strchr(host, ':') == NULL ? 32 : 128;
	bits = width;
	if (slash != NULL) {
		size_t digits = strspn(slash + 1, "0123456789");

		if (digits == 0 || digits > 3 || slash[1 + digits] != '\0' ||
		    (digits > 1 && slash[1] == '0'))
			return false;
		bits = (unsigned)strtoul(slash + 1, NULL, 10);
		if (bits > width)
			return false;
	}
	c.bits = 128 - width + bits;
	clear_below(&c);
	*ret = c;
	return true;
}

bool
cidr_contains(const struct cidr *c, const struct address *a)
{
	return has_prefix(a->bytes, c->base.bytes, c->bits);
}

static bool
overlaps(const struct cidr *c, const uint8_t prefix[16], unsigned bits)
{
	return has_prefix(
	    c->base.bytes, prefix, c->bits < bits ? c->bits : bits);
}

bool
cidr_overlaps_blocked(const struct cidr *c)
{
	for (size_t i = 0; i < LENGTH(ranges6); i++)
		if (ranges6[i].class == ADDRESS_BLOCKED &&
		    overlaps(c, ranges6[i].prefix, ranges6[i].bits))
			return true;
	for (size_t i = 0; i < LENGTH(ranges4); i++) {
		struct address mapped;

		map4(ranges4[i].prefix, &mapped);
		if (ranges4[i].class == ADDRESS_BLOCKED &&
		    overlaps(c, mapped.bytes, MAPPED_BITS + ranges4[i].bits))
			return true;
	}
	return false;
}

unsigned
cidr_own_bits(const struct cidr *c)
{
	if (c->bits >= MAPPED_BITS &&
	    has_prefix(c->base.bytes, mapped_prefix, MAPPED_BITS))
		return c->bits - MAPPED_BITS;
	return c->bits;
}
