/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auto_provider.h - which providers a new sandbox gets.
 *
 * Those that were named, and one that fits the command: "claude" has a
 * provider of the type that is called so.  One that is missing is made from
 * the variables of our own environment, if the caller agrees.
 */
#ifndef CLI_AUTO_PROVIDER_H
#define CLI_AUTO_PROVIDER_H

#include "common/field.h"

struct cli;
struct list;

enum consent { CONSENT_ASK, CONSENT_YES, CONSENT_NO };

/* The names, owned: auto_providers_clear(); an exit code.  command is the
 * first word of what will run, or NULL. */
int auto_providers(struct cli *, const struct list *wanted, const char *command,
    enum consent, struct strings *ret);
void auto_providers_clear(struct strings *);

#endif
