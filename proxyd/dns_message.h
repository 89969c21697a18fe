/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns_message.h - one DNS query in, one answer out (RFC 1035, RFC 6891).
 *
 * The queries are the workload's.  Read is exactly what a stub resolver
 * sends: one question, class IN, at most one OPT record; everything else gets
 * a return code and nothing in the answer.  No name is ever decompressed:
 * a pointer in a question is a trick.
 */
#ifndef PROXYD_DNS_MESSAGE_H
#define PROXYD_DNS_MESSAGE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define DNS_UDP_MAX 1232  /* bytes of a query; what our OPT announces too */
#define DNS_TCP_MAX 65535 /* what the length prefix can say */
#define DNS_NAME_MAX 253
#define DNS_QUESTION_MAX (255 + 4)
#define DNS_ANSWER_MAX 512 /* every answer fits in plain UDP */

enum dns_type { DNS_A = 1, DNS_AAAA = 28, DNS_HTTPS = 65 };

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16,
	DNS_DROP = -1, /* don't answer at all */
};

struct dns_query {
	uint16_t id;
	uint16_t flags; /* as they came */
	uint16_t type;  /* enum dns_type or any other */
	bool has_edns;
	char name[DNS_NAME_MAX + 1]; /* lower case, no final dot; "" is the
				      * root; labels in the host grammar */
	uint8_t question[DNS_QUESTION_MAX]; /* to echo, case kept (0x20) */
	size_t question_len;
};

/*
 * DNS_NOERROR: ret is filled.  DNS_DROP: too short to have an id, or itself an
 * answer; there is nothing to reply to.  Else e says why, and ret is good for
 * dns_answer() with the code returned.
 */
enum dns_rcode dns_query_parse(
    const void *, size_t n, struct dns_query *ret, struct error *);

/*
 * The answer, at most DNS_ANSWER_MAX bytes; returns its length.  address is an
 * A record's, NULL for none: with DNS_NOERROR that says "no such data".
 */
size_t dns_answer(const struct dns_query *, enum dns_rcode,
    const struct in_addr *address, uint32_t ttl_s, uint8_t ret[DNS_ANSWER_MAX]);

#endif
