/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.h - "which process made this connection?", asked by proxyd of
 * supervisord, once, right after accept(2) and before a byte is read.
 *
 * One SEQPACKET datagram each way, fixed layout, host byte order (both ends
 * are the same machine).  The answer consumes the record.  No record means
 * that the connection slipped past the notification: it is refused.
 */
#ifndef COMMON_WIRE_OWNER_H
#define COMMON_WIRE_OWNER_H

#include <stdint.h>

#define OWNER_PATH_MAX 512     /* longer paths are recorded as unknown */
#define OWNER_ANCESTORS_MAX 16 /* nearest first */

/* The 4-tuple as the kernel has it; IPv4 as v4-mapped. */
struct owner_query {
	uint64_t cookie; /* comes back in the answer */
	uint8_t source[16];
	uint8_t destination[16];
	uint16_t source_port;
	uint16_t destination_port;
	uint32_t reserved;
};

enum owner_status {
	OWNER_UNKNOWN, /* no record */
	OWNER_KNOWN,
	OWNER_CHANGED, /* the executable's hash isn't the one first seen */
};

/*
 * Followed by the NUL-terminated executable path, then each ancestor's, in
 * one datagram of at most OWNER_REPLY_MAX bytes.
 */
struct owner_reply {
	uint64_t cookie;
	uint32_t status;
	int32_t pid; /* in the sandbox's PID namespace */
	uint8_t sha256[32];
	uint32_t ancestors;
	uint32_t bytes; /* of paths that follow */
};

#define OWNER_REPLY_MAX                                                        \
	(sizeof(struct owner_reply) +                                          \
	    (OWNER_ANCESTORS_MAX + 1) * OWNER_PATH_MAX)

#endif
