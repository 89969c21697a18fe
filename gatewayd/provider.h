/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provider.h - providers: named sets of credentials of one owner, and the
 * config that goes with them.
 *
 * Values are sealed in memory as they are in the store; provider_secret()
 * opens one for as long as its caller needs it.  A credential has a revision,
 * which counts its values, and a handle, which names it through all of them.
 */
#ifndef GATEWAYD_PROVIDER_H
#define GATEWAYD_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/field.h"
#include "common/varlink/arena.h"
#include "common/wire/provider.h"
#include "gatewayd/naming.h"

#define PROVIDERS_PER_OWNER_MAX 128
#define PROVIDER_HANDLE_LEN 64 /* hex */
#define PROVIDER_GENERATIONS 8 /* of a credential that still resolve */

struct gateway;
struct peer;
struct store_refresh;

struct credential {
	char *key;
	uint8_t *sealed;
	size_t sealed_len;
	int64_t revision;
	int64_t epoch; /* older revisions are another identity's */
	char handle[PROVIDER_HANDLE_LEN + 1];
	int64_t expires_at_ms; /* 0: never */
};

struct provider {
	TAILQ_ENTRY(provider) next;
	struct gateway *gw;
	char id[NAMING_ID_SIZE];
	char *name;
	uid_t owner;
	char *type;
	int64_t version;
	int64_t created_at_ms;
	struct arena config_arena;
	struct pairs config;
	char *unread; /* config that we couldn't read, kept; or NULL */
	struct credential *credentials;
	size_t n_credentials;
};

TAILQ_HEAD(provider_list, provider);
struct providers {
	struct provider_list list; /* in order of creation */
};

/* From the store; ERR_DENIED if a credential doesn't open with our key. */
int providers_load(struct gateway *, struct error *);
void providers_free(struct providers *);

bool provider_is_visible(const struct provider *, const struct peer *);
/* NULL and ERR_NOT_FOUND if there is none that this peer may see. */
struct provider *provider_find(
    struct gateway *, const char *name, const struct peer *, struct error *);
/* The owner's of that name; NULL: none. */
struct provider *provider_of(struct gateway *, uid_t owner, const char *name);

/* "a, b": all owners' of a type, owned; NULL: there is none. */
char *provider_names_of_type(const struct gateway *, const char *type);

/* Both write the store and tell whoever uses providers. */
int provider_create(struct gateway *, uid_t owner,
    const struct gateway_create_provider *, struct provider **ret,
    struct error *);
int provider_update(
    struct provider *, const struct gateway_update_provider *, struct error *);
/* ERR_PRECONDITION while something uses it. */
int provider_delete(struct provider *, struct error *);

/* What a refresh brings. */
struct provider_value {
	const char *key;
	const char *value;     /* NULL: the one it has stays; "": it has none */
	int64_t expires_at_ms; /* 0: never, or as before if it stays */
};

/*
 * All of them at once, in one transaction with the row that says how the next
 * ones come; credentials that aren't there are made.  new_epoch: placeholders
 * that were given out before stop working.
 */
int provider_put_values(struct provider *, const struct provider_value *,
    size_t n, bool new_epoch, const struct store_refresh *, struct error *);

const struct credential *provider_credential(
    const struct provider *, const char *key);
/* NULL: it has none. */
const char *provider_config(const struct provider *, const char *key);
/* It has no value now: its placeholders don't resolve. */
bool credential_is_empty(const struct credential *);
/* The value, owned, to be wiped by the caller. */
int provider_secret(const struct provider *, const struct credential *,
    char **ret, struct error *);

#endif
