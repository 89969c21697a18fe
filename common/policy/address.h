/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.h - what kind of place an IP address is: the table of the SSRF
 * guard.
 *
 * IANA's special-purpose registries (RFC 6890, 8190), the clouds' metadata
 * addresses, and every way in which IPv6 carries an IPv4 address, which is
 * then judged as well: the worse of the two counts.
 */
#ifndef COMMON_POLICY_ADDRESS_H
#define COMMON_POLICY_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum address_class {
	ADDRESS_PUBLIC,
	ADDRESS_INTERNAL, /* private, shared, test: only where a policy says */
	ADDRESS_BLOCKED,  /* loopback, link-local, metadata: never */
};

/* IPv4 as v4-mapped IPv6. */
struct address {
	uint8_t bytes[16];
};

struct cidr {
	struct address base;
	unsigned bits; /* 0..128, of the mapped form */
};

bool address_from_sockaddr(const struct sockaddr_storage *, struct address *);
/* Strict: inet_pton(3)'s forms only. */
bool address_parse(const char *text, struct address *ret);
enum address_class address_classify(const struct address *);
bool address_is_loopback(const struct address *);
bool address_equal(const struct address *, const struct address *);

/* "10.0.0.0/8", "fd00::/8" or a bare address; bits below the mask are
 * cleared. */
bool cidr_parse(const char *text, struct cidr *ret);
bool cidr_contains(const struct cidr *, const struct address *);
/* Does it touch a range that is never allowed? */
bool cidr_overlaps_blocked(const struct cidr *);
/* Prefix length in the address's own family. */
unsigned cidr_own_bits(const struct cidr *);

#endif
