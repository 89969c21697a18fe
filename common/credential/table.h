/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - a sandbox's credentials: which secret a placeholder stands for, and
 * may it go there.
 *
 * The only place where a placeholder becomes a secret.  The placeholder is the
 * workload's, the table gatewayd's; where the request goes has been decided
 * before.  Fails closed: what isn't known, isn't meant for this endpoint, has
 * expired or couldn't be written safely doesn't resolve.
 */
#ifndef COMMON_CREDENTIAL_TABLE_H
#define COMMON_CREDENTIAL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define CREDENTIAL_GENERATIONS 8 /* of retired values that still resolve */

struct credentials; /* immutable; wiped when it is freed */
struct objects;
struct placeholder;

/* Of struct proxy_credential (common/wire/proxy.h), copied.  ERR_INVALID names
 * the key that has something wrong. */
int credentials_new(
    const struct objects *, struct credentials **ret, struct error *);
void credentials_free(struct credentials *); /* NULL is fine */

/* The endpoint of one request. */
struct credential_target {
	const char *host; /* canonical */
	uint16_t port;
	const char *path;     /* canonical, as the client sent it */
	const char *provider; /* the policy binds it to this one, or NULL */
	int64_t now_ms;       /* since the epoch */
};

/* Later is nearer to having one. */
enum credential_result {
	CREDENTIAL_UNKNOWN,
	CREDENTIAL_MISMATCH, /* not for this endpoint, or not by this spelling
			      */
	CREDENTIAL_EXPIRED,
	CREDENTIAL_UNUSABLE, /* empty, or has CR, LF or NUL */
	CREDENTIAL_FOUND,
};

/* Borrowed from the table. */
struct credential {
	const char *key;
	const char *value;
	size_t value_len;
};

enum credential_result credentials_resolve(const struct credentials *,
    const struct placeholder *, const struct credential_target *,
    struct credential *ret);
/* By its key alone, where the policy and not the workload asks: signing. */
enum credential_result credentials_find(const struct credentials *,
    const char *key, const struct credential_target *, struct credential *ret);

/* May any of them go there?  path NULL: to some path; provider as above. */
bool credentials_concern(const struct credentials *, const char *host,
    uint16_t port, const char *path, const char *provider);

#endif
