/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placeholder.h - what a sandbox holds instead of a secret, and finding it.
 *
 *	openshell:resolve:env:KEY              any identity
 *	openshell:resolve:env:v<N>_KEY         the N-th value, or a later one
 *	openshell:resolve:env:s<64 hex>_KEY    this identity, whatever its value
 *	<prefix>OPENSHELL-RESOLVE-ENV-KEY      the same three, for programs that
 *	                                       check a token's shape; the prefix
 *	                                       is one or more of A-Za-z0-9_.~-
 *
 * A marker is the fixed part of one.  The bytes are the workload's.  No I/O,
 * no allocation.
 */
#ifndef COMMON_CREDENTIAL_PLACEHOLDER_H
#define COMMON_CREDENTIAL_PLACEHOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACEHOLDER_KEY_MAX 256
#define PLACEHOLDER_HANDLE_LEN 64
#define PLACEHOLDER_MARKER_LEN 22

enum placeholder_identity {
	PLACEHOLDER_PLAIN, /* none */
	PLACEHOLDER_REVISION,
	PLACEHOLDER_HANDLE,
};

/* Points into the text it was found in. */
struct placeholder {
	size_t start; /* of all of it, the prefix included */
	size_t len;
	const char *key; /* not terminated */
	size_t key_len;
	enum placeholder_identity identity;
	int64_t revision;
	const char *handle; /* 64 bytes */
};

/* The first whole placeholder at or behind `from`; false if there is none,
 * which doesn't mean that there is no marker. */
bool placeholder_find(
    const char *text, size_t n, size_t from, struct placeholder *ret);

/* May a credential have this name?  [A-Za-z_][A-Za-z0-9_]*, and not one that
 * reads as a revision or a handle. */
bool placeholder_is_key(const char *key);

/*
 * Is there a marker in a stream, raw or with any of its bytes percent-encoded,
 * in any case of letters and of hex digits?  Zero it for each stream; true as
 * soon as a marker is complete, and from then on.
 */
struct marker_scan {
	unsigned matched; /* bytes of the marker */
	char escape[2];   /* "%", or "%" and a hex digit, so far */
	unsigned n_escape;
	bool found;
};
bool marker_scan(struct marker_scan *, const void *, size_t n);
bool marker_is_in(const void *, size_t n); /* of a whole text */

#endif
