/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sigv4.h - AWS Signature Version 4, as AWS documents it ("Create a signed AWS
 * API request", IAM User Guide).
 *
 * A pure function over a request that is complete: what is signed must go out
 * byte for byte.  The caller adds x-amz-date, x-amz-content-sha256 and
 * x-amz-security-token to the fields before it asks.
 */
#ifndef COMMON_CREDENTIAL_SIGV4_H
#define COMMON_CREDENTIAL_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/http/slice.h"

#define SIGV4_HEADERS_MAX 64
#define SIGV4_REGION_MAX 63
#define SIGV4_DATE_SIZE 17 /* 20150830T123600Z and a NUL */
#define SIGV4_HASH_SIZE 65 /* 64 hex digits and a NUL */
#define SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"

struct buf;

/* A field that is signed; lines of one name stand in the order they go out. */
struct sigv4_header {
	struct http_slice name; /* in any case */
	struct http_slice value;
};

struct sigv4_request {
	struct http_slice method;
	struct http_slice path;  /* percent-encoded, as it goes out */
	struct http_slice query; /* as it goes out, without '?'; or absent */
	const struct sigv4_header *headers; /* host is among them */
	size_t n_headers;
	const char *payload_hash; /* hex, or what x-amz-content-sha256 says */
	const char *service;      /* "s3", "bedrock" */
	const char *region;
	int64_t time_s; /* since the epoch; x-amz-date says the same */
};

struct sigv4_keys {
	const char *access_key;
	const char *secret_key;
};

/*
 * Appends the value of Authorization.  ERR_LIMIT for more than
 * SIGV4_HEADERS_MAX fields or a query of more than SIGV4_PARAMETERS_MAX.
 */
#define SIGV4_PARAMETERS_MAX 256
int sigv4_sign(const struct sigv4_request *, const struct sigv4_keys *,
    struct buf *, struct error *);

void sigv4_date(int64_t time_s, char ret[SIGV4_DATE_SIZE]);
/* SHA-256 in hex, of a payload. */
void sigv4_hash(const void *, size_t n, char ret[SIGV4_HASH_SIZE]);

/* The region in the name of an endpoint of AWS, us-east-1 where the name of a
 * global one has none; false for other hosts. */
bool sigv4_region(const char *host, char ret[SIGV4_REGION_MAX + 1]);

#endif
