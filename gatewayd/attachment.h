/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attachment.h - the providers that a sandbox may use: what its programs see
 * of their credentials, what proxyd gets of them, and the rules that come with
 * them.
 *
 * A program sees KEY=openshell:resolve:env:s<handle>_KEY; the secret itself
 * goes to proxyd alone.  Changes reach proxyd at once, and new programs.
 */
#ifndef GATEWAYD_ATTACHMENT_H
#define GATEWAYD_ATTACHMENT_H

#include <stdbool.h>

#include "common/error.h"
#include "common/field.h"

struct gateway;
struct provider;
struct proxy_credential;
struct sandbox;

/* From the store, after sandboxes and providers. */
int attachments_load(struct gateway *, struct error *);

/* ERR_EXISTS if it is attached, ERR_PRECONDITION if another that is has a
 * credential of the same name. */
int attachment_add(struct sandbox *, struct provider *, struct error *);
/* ERR_NOT_FOUND if it isn't attached. */
int attachment_remove(struct sandbox *, struct provider *, struct error *);
/* Could these be attached together?  The error says why not. */
int attachment_check(struct provider *const *, size_t n, struct error *);
/* Is it attached to a sandbox?  Its name, or NULL. */
const char *attachment_of(const struct provider *);
/* Its credentials have changed: proxyd hears of it. */
void attachment_changed(const struct provider *);
/* proxyd has the sandbox: it hears of what has changed since it was told. */
void attachment_push(struct sandbox *);

/* The variables of a new program; an owned array, its strings too. */
void attachment_env(const struct sandbox *, struct pairs *ret);
void attachment_env_clear(struct pairs *);

/* What proxyd gets; wiped by attachment_secrets_clear(). */
void attachment_secrets(const struct sandbox *, struct objects *ret);
void attachment_secrets_clear(struct objects *);

/* The policy with its providers' rules; owned.  A rule that contradicts the
 * policy is left out, and the log says so. */
char *attachment_policy(const struct sandbox *, const char *policy);

#endif
