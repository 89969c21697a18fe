/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns_message.c - the query of a stub resolver, and the answer to it.
 *
 * The query is hostile, its reader has one cursor that can't leave the
 * message, and whatever a stub has no reason to send (pointers, records in
 * the answer sections, TSIG, bytes behind the last record) ends the parse.
 * The answer echoes the question byte for byte: its case is the client's
 * guard against forged answers.
 */
#include <stdio.h>
#include <string.h>

#include "proxyd/dns_message.h"

#define HEADER_SIZE 12
#define CLASS_IN 1
#define TYPE_OPT 41
#define LABEL_MAX 63

enum flag {
	FLAG_QR = 0x8000,
	FLAG_OPCODE = 0x7800,
	FLAG_RD = 0x0100,
	FLAG_RA = 0x0080,
};

struct cursor {
	const uint8_t *p;
	size_t left;
};

static bool
take(struct cursor *c, size_t n, const uint8_t **ret)
{
	if (c->left < n)
		return false;
	*ret = c->p;
	c->p += n;
	c->left -= n;
	return true;
}

static bool
take_16(struct cursor *c, uint16_t *ret)
{
	const uint8_t *p;

	if (!take(c, 2, &p))
		return false;
	*ret = (uint16_t)(p[0] << 8 | p[1]);
	return true;
}

static enum dns_rcode
refuse(struct error *e, enum dns_rcode rcode, const char *why)
{
	(void)error_set(e, ERR_PROTOCOL, "DNS query: %s", why);
	return rcode;
}

/* Lower case, or 0 for what no host name has. */
static char
host_char(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c | 0x20);
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	    c == '_')
		return (char)c;
	return 0;
}

/*
 * A dot or a NUL inside a label would make the text another name than the one
 * that was asked for, so labels are held to the host grammar.
 */
static enum dns_rcode
read_name(struct cursor *c, char name[DNS_NAME_MAX + 1], struct error *e)
{
	const uint8_t *length, *label;
	size_t used = 0;

	for (;;) {
		if (!take(c, 1, &length))
			return refuse(e, DNS_FORMERR, "cut inside a name");
		if (*length == 0)
			break;
		if (*length > LABEL_MAX)
			return refuse(
			    e, DNS_FORMERR, "a pointer in a question");
		if (!take(c, *length, &label))
			return refuse(e, DNS_FORMERR, "cut inside a name");
		if (used + (used > 0) + *length > DNS_NAME_MAX)
			return refuse(e, DNS_FORMERR, "the name is too long");
		if (used > 0)
			name[used++] = '.';
		for (size_t i = 0; i < *length; i++) {
			name[used] = host_char(label[i]);
			if (name[used++] == 0)
				return refuse(e, DNS_FORMERR,
				    "a byte that host names don't have");
		}
	}
	name[used] = '\0';
	return DNS_NOERROR;
}

static enum dns_rcode
read_question(struct cursor *c, struct dns_query *q, struct error *e)
{
	const uint8_t *start = c->p;
	enum dns_rcode r;
	uint16_t class;

	r = read_name(c, q->name, e);
	if (r != DNS_NOERROR)
		return r;
	if (!take_16(c, &q->type) || !take_16(c, &class))
		return refuse(e, DNS_FORMERR, "cut inside the question");
	/* DNS_NAME_MAX bytes of text are 255 on the wire, at most. */
	q->question_len = (size_t)(c->p - start);
	memcpy(q->question, start, q->question_len);
	if (class != CLASS_IN)
		return refuse(e, DNS_REFUSED, "the class isn't IN");
	return DNS_NOERROR;
}

/* RFC 6891 6.1.2: root name, type, size, extended flags, options. */
static enum dns_rcode
read_opt(struct cursor *c, struct dns_query *q, struct error *e)
{
	const uint8_t *root, *ttl, *options;
	uint16_t type, size, length;

	if (!take(c, 1, &root) || !take_16(c, &type) || *root != 0 ||
	    type != TYPE_OPT)
		return refuse(e, DNS_FORMERR, "a record other than OPT");
	if (!take_16(c, &size) || !take(c, 4, &ttl) || !take_16(c, &length) ||
	    !take(c, length, &options))
		return refuse(e, DNS_FORMERR, "cut inside OPT");
	q->has_edns = true;
	if (ttl[1] != 0)
		return refuse(e, DNS_BADVERS, "EDNS version isn't 0");
	return DNS_NOERROR;
}

enum dns_rcode
dns_query_parse(
    const void *message, size_t n, struct dns_query *ret, struct error *e)
{
	struct cursor c = { message, n };
	uint16_t counts[4] = { 0 };
	enum dns_rcode r;

	memset(ret, 0, sizeof(*ret));
	if (n < HEADER_SIZE || n > DNS_TCP_MAX)
		return refuse(e, DNS_DROP, "no DNS message");
	(void)take_16(&c, &ret->id); /* these cannot fail: the size is known */
	(void)take_16(&c, &ret->flags);
	for (int i = 0; i < 4; i++)
		(void)take_16(&c, &counts[i]);
	/* Answering an answer is how two servers are made to talk forever. */
	if (ret->flags & FLAG_QR)
		return refuse(e, DNS_DROP, "it is an answer");
	if (ret->flags & FLAG_OPCODE)
		return refuse(e, DNS_NOTIMP, "the opcode isn't QUERY");
	if (counts[0] != 1 || counts[1] != 0 || counts[2] != 0 || counts[3] > 1)
		return refuse(e, DNS_FORMERR, "not one question");
	r = read_question(&c, ret, e);
	if (r == DNS_NOERROR && counts[3] == 1)
		r = read_opt(&c, ret, e);
	if (r == DNS_NOERROR && c.left > 0)
		r = refuse(e, DNS_FORMERR, "bytes behind the last record");
	return r;
}

struct out {
	uint8_t *p;
	size_t n;
};

static void
put_16(struct out *o, unsigned v)
{
	o->p[o->n++] = (uint8_t)(v >> 8);
	o->p[o->n++] = (uint8_t)v;
}

static void
put_32(struct out *o, uint32_t v)
{
	put_16(o, v >> 16);
	put_16(o, v & 0xffff);
}

static void
put_address(struct out *o, const struct in_addr *address, uint32_t ttl_s)
{
	put_16(o, 0xc000 | HEADER_SIZE); /* the name in the question */
	put_16(o, DNS_A);
	put_16(o, CLASS_IN);
	put_32(o, ttl_s);
	put_16(o, sizeof(address->s_addr));
	memcpy(o->p + o->n, &address->s_addr, sizeof(address->s_addr));
	o->n += sizeof(address->s_addr);
}

static void
put_opt(struct out *o, unsigned rcode)
{
	o->p[o->n++] = 0;
	put_16(o, TYPE_OPT);
	put_16(o, DNS_UDP_MAX);
	put_32(o, (uint32_t)(rcode >> 4) << 24); /* its upper bits, version 0 */
	put_16(o, 0);
}

/* The size: 12 + 259 + 16 + 11 are fewer than DNS_ANSWER_MAX. */
size_t
dns_answer(const struct dns_query *q, enum dns_rcode rcode,
    const struct in_addr *address, uint32_t ttl_s, uint8_t ret[DNS_ANSWER_MAX])
{
	struct out o = { ret, 0 };
	unsigned code = (unsigned)rcode;

	put_16(&o, q->id);
	put_16(&o, FLAG_QR | (q->flags & (FLAG_OPCODE | FLAG_RD)) | FLAG_RA |
		       (code & 0xf));
	put_16(&o, q->question_len > 0);
	put_16(&o, address != NULL);
	put_16(&o, 0);
	put_16(&o, q->has_edns);
	memcpy(o.p + o.n, q->question, q->question_len);
	o.n += q->question_len;
	if (address)
		put_address(&o, address, ttl_s);
	if (q->has_edns)
		put_opt(&o, code);
	return o.n;
}
