/* SPDX-License-Identifier: Apache-2.0 */
/*
 * injected.h - the secrets that one request carries upstream, remembered until
 * its answer has ended, so that what echoes them can be found.
 */
#ifndef COMMON_CREDENTIAL_INJECTED_H
#define COMMON_CREDENTIAL_INJECTED_H

#include <stdbool.h>
#include <stddef.h>

#define INJECTED_MAX 16 /* in one request */
#define INJECTED_SHOWN "[CREDENTIAL]"

struct buf;

struct injected_secret {
	char *key;   /* NULL: another spelling of the one before */
	char *value; /* as it is, or as the request spells it */
	size_t len;
};

/* Zero it. */
struct injected {
	struct injected_secret v[INJECTED_MAX];
	size_t n;
};

/* Copied; once is enough.  False if there are too many. */
bool injected_add(
    struct injected *, const char *key, const char *value, size_t len);
/* Wipes what it held. */
void injected_clear(struct injected *);
/* "GITHUB_TOKEN=[CREDENTIAL] ...", for the log. */
void injected_describe(const struct injected *, struct buf *);

#endif
