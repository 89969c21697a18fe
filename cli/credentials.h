/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials.h - where the values of --credential come from.
 *
 *	KEY          the environment variable KEY
 *	KEY=-        standard input, up to its end or a line break there
 *	KEY=@FILE    a file
 *	KEY=VALUE    the argument itself, which others could see: warns
 *
 * Of --secret-material-env KEY[=VARIABLE] the environment alone; of
 * --secret-material-key KEY[=-|=@FILE] standard input or a file.
 */
#ifndef CLI_CREDENTIALS_H
#define CLI_CREDENTIALS_H

#include "common/wire/provider.h"

struct list;

/* Values are secrets: wiped by credentials_clear(). */
struct credentials {
	struct gateway_credential v[PROVIDER_CREDENTIALS_MAX];
	size_t n;
};

/* An exit code; an error has been said that names the flag. */
int credentials_parse(const struct list *, struct credentials *ret);
int material_parse(const struct list *variables, const struct list *sources,
    struct credentials *ret);
/* One whose value stays as it is; an exit code. */
int credentials_keep(
    struct credentials *, const char *key, int64_t expires_at_ms);
void credentials_clear(struct credentials *);

/* What the environment has of a type's variables; how many were found. */
size_t credentials_discover(
    const struct gateway_profile *, struct credentials *ret);

#endif
