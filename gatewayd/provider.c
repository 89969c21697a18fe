/* SPDX-License-Identifier: Apache-2.0 */
/* provider.c - see provider.h. */
#include <assert.h>
#include <ctype.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/varlink/codec.h"
#include "common/varlink/server.h"
#include "common/when.h"
#include "common/xalloc.h"
#include "gatewayd/attachment.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inference.h"
#include "gatewayd/profile.h"
#include "gatewayd/provider.h"
#include "gatewayd/refresh.h"
#include "gatewayd/seal.h"
#include "gatewayd/store.h"

/* The config as the store keeps it. */
struct stored_config {
	struct pairs config;
};
static const struct field config_fields[] = {
	{ "config", FIELD_MAP, OPTIONAL, offsetof(struct stored_config, config),
	    PROVIDER_CONFIG_MAX },
	{ 0 },
};

static void
credential_clear(struct credential *c)
{
	free(c->key);
	free(c->sealed);
}

static void
provider_free(struct provider *p)
{
	for (size_t i = 0; i < p->n_credentials; i++)
		credential_clear(&p->credentials[i]);
	free(p->credentials);
	arena_clear(&p->config_arena);
	free(p->unread);
	free(p->name);
	free(p->type);
	free(p);
}

void
providers_free(struct providers *all)
{
	struct provider *p, *next;

	if (all == NULL)
		return;
	for (p = TAILQ_FIRST(&all->list); p != NULL; p = next) {
		next = TAILQ_NEXT(p, next);
		provider_free(p);
	}
	free(all);
}

static char *
label_of(const char *provider, const char *key, int64_t revision)
{
	return xasprintf(
	    "provider/%s/%s/%lld", provider, key, (long long)revision);
}

/*
 * From the store.
 */

struct loading {
	struct gateway *gw;
	struct error *e;
	int result;
};

static bool
read_config(struct provider *p, const char *json)
{
	const struct stored_config *c;
	struct bad_field bad;

	c = codec_decode_text(
	    json, config_fields, sizeof(*c), &p->config_arena, &bad);
	if (c == NULL)
		return false;
	p->config = c->config;
	return true;
}

static void
load_provider(void *arg, const struct store_provider *row)
{
	struct loading *l = arg;
	struct provider *p = xcalloc(1, sizeof(*p));

	p->gw = l->gw;
	(void)snprintf(p->id, sizeof(p->id), "%s", row->id);
	p->name = xstrdup(row->name);
	p->owner = (uid_t)row->owner_uid;
	p->type = xstrdup(row->type);
	p->version = row->version;
	p->created_at_ms = row->created_at_ms;
	if (!read_config(p, row->config)) {
		log_warnx("provider has an unreadable config name=%s", p->name);
		p->unread = xstrdup(row->config);
	}
	TAILQ_INSERT_TAIL(&l->gw->providers->list, p, next);
}

static struct credential *
add_credential(struct provider *p, const char *key)
{
	struct credential *c;

	p->credentials =
	    xreallocarray(p->credentials, p->n_credentials + 1, sizeof(*c));
	c = &p->credentials[p->n_credentials++];
	*c = (struct credential){ .key = xstrdup(key), .epoch = 1 };
	return c;
}

static struct provider *
by_id(struct gateway *gw, const char *id)
{
	struct provider *p;

	TAILQ_FOREACH(p, &gw->providers->list, next)
	if (strcmp(p->id, id) == 0)
		return p;
	return NULL;
}

static void
load_credential(void *arg, const struct store_credential *row)
{
	struct loading *l = arg;
	struct provider *p = by_id(l->gw, row->provider);
	struct credential *c;
	char *value;

	if (p == NULL || l->result < 0)
		return;
	c = add_credential(p, row->key);
	c->sealed = xmemdup(row->value, row->value_len);
	c->sealed_len = row->value_len;
	c->revision = row->revision;
	c->epoch = row->epoch;
	(void)snprintf(c->handle, sizeof(c->handle), "%s", row->handle);
	c->expires_at_ms = row->expires_at_ms;
	/* Now, and not when somebody needs it. */
	l->result = provider_secret(p, c, &value, l->e);
	if (l->result < 0)
		return;
	free_secret(value);
}

int
providers_load(struct gateway *gw, struct error *e)
{
	struct loading l = { .gw = gw, .e = e };

	gw->providers = xcalloc(1, sizeof(*gw->providers));
	TAILQ_INIT(&gw->providers->list);
	if (store_provider_each(gw->store, load_provider, &l, e) < 0 ||
	    store_credential_each(gw->store, load_credential, &l, e) < 0)
		return -1;
	return l.result;
}

/*
 * Looking.
 */

bool
provider_is_visible(const struct provider *p, const struct peer *peer)
{
	return peer->uid == 0 || peer->uid == p->owner;
}

struct provider *
provider_of(struct gateway *gw, uid_t owner, const char *name)
{
	struct provider *p;

	TAILQ_FOREACH(p, &gw->providers->list, next)
	if (p->owner == owner && strcmp(p->name, name) == 0)
		return p;
	return NULL;
}

struct provider *
provider_find(struct gateway *gw, const char *name, const struct peer *peer,
    struct error *e)
{
	struct provider *p = provider_of(gw, peer->uid, name);

	if (p != NULL)
		return p;
	TAILQ_FOREACH(p, &gw->providers->list, next)
	if (strcmp(p->name, name) == 0 && provider_is_visible(p, peer))
		return p;
	(void)error_set(e, ERR_NOT_FOUND, "provider '%s' not found", name);
	return NULL;
}

char *
provider_names_of_type(const struct gateway *gw, const char *type)
{
	_cleanup_(buf_free) struct buf names = BUF_INIT;
	const struct provider *p;

	TAILQ_FOREACH(p, &gw->providers->list, next)
	{
		if (strcmp(p->type, type) != 0)
			continue;
		(void)buf_puts(&names, names.len > 0 ? ", " : "");
		(void)buf_puts(&names, p->name);
	}
	return names.len > 0 ? xstrdup(buf_str(&names)) : NULL;
}

const struct credential *
provider_credential(const struct provider *p, const char *key)
{
	for (size_t i = 0; i < p->n_credentials; i++)
		if (strcmp(p->credentials[i].key, key) == 0)
			return &p->credentials[i];
	return NULL;
}

const char *
provider_config(const struct provider *p, const char *key)
{
	for (size_t i = 0; i < p->config.n; i++)
		if (strcmp(p->config.v[i].name, key) == 0)
			return p->config.v[i].value;
	return NULL;
}

bool
credential_is_empty(const struct credential *c)
{
	return c->sealed_len == SEAL_OVERHEAD;
}

int
provider_secret(const struct provider *p, const struct credential *c,
    char **ret, struct error *e)
{
	autofree char *label = label_of(p->id, c->key, c->revision);

	if (seal_unlock(p->gw->seal, label, c->sealed, c->sealed_len, ret, e) <
	    0)
		return error_prefix(
		    e, "credential '%s' of provider '%s'", c->key, p->name);
	return 0;
}

/*
 * Changing.
 */

static int
check_name(const char *name, struct error *e)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789-_.");

	if (n == 0 || name[n] != '\0' || !isalnum((unsigned char)*name))
		return error_set(e, ERR_INVALID,
		    "provider name '%s' may have letters, digits, '-', '_' "
		    "and '.', and begins with a letter or digit",
		    name);
	return 0;
}

static int
check_value(const struct gateway_credential *c, struct error *e)
{
	for (const char *p = c->value; p != NULL && *p != '\0'; p++)
		if (iscntrl((unsigned char)*p) && *p != '\t')
			return error_set(e, ERR_INVALID,
			    "credential '%s' has a line break or another "
			    "control character in its value",
			    c->key);
	return 0;
}

static int
check_given(const struct objects *credentials, const struct pairs *config,
    struct error *e)
{
	const struct gateway_credential *v = credentials->v;

	for (size_t i = 0; i < credentials->n; i++) {
		if (naming_check_key(v[i].key, e) < 0 ||
		    check_value(&v[i], e) < 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (strcmp(v[i].key, v[k].key) == 0)
				return error_set(e, ERR_INVALID,
				    "credential '%s' is given twice", v[i].key);
	}
	for (size_t i = 0; i < config->n; i++)
		if (strlen(config->v[i].name) > PROVIDER_KEY_MAX ||
		    strlen(config->v[i].value) > PROVIDER_VALUE_MAX)
			return error_set(e, ERR_LIMIT,
			    "config '%.64s' is too long", config->v[i].name);
	return 0;
}

/* Those that come without a value must have one; p is NULL if it is new. */
static int
check_kept(const struct provider *p, const struct objects *credentials,
    struct error *e)
{
	const struct gateway_credential *v = credentials->v;

	for (size_t i = 0; i < credentials->n; i++)
		if (v[i].value == NULL &&
		    (p == NULL || provider_credential(p, v[i].key) == NULL))
			return error_set(e, ERR_INVALID,
			    "credential '%s' has no value", v[i].key);
	return 0;
}

static void
make_handle(char ret[PROVIDER_HANDLE_LEN + 1])
{
	unsigned char bytes[PROVIDER_HANDLE_LEN / 2];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		fatalx("no randomness");
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

static void
set_value(struct provider *p, struct credential *c,
    const struct gateway_credential *from)
{
	autofree char *label = NULL;
	size_t n = strlen(from->value);

	c->revision++;
	label = label_of(p->id, c->key, c->revision);
	free(c->sealed);
	c->sealed_len = n + SEAL_OVERHEAD;
	c->sealed = xmalloc(c->sealed_len);
	seal_lock(p->gw->seal, label, from->value, n, c->sealed);
	c->expires_at_ms = from->expires_at_ms;
}

static void
drop_credential(struct provider *p, const char *key)
{
	for (size_t i = 0; i < p->n_credentials; i++) {
		if (strcmp(p->credentials[i].key, key) != 0)
			continue;
		credential_clear(&p->credentials[i]);
		p->credentials[i] = p->credentials[--p->n_credentials];
		return;
	}
}

static void
merge_credentials(struct provider *p, const struct objects *given)
{
	const struct gateway_credential *v = given->v;

	for (size_t i = 0; i < given->n; i++) {
		struct credential *c =
		    (struct credential *)(uintptr_t)provider_credential(
			p, v[i].key);

		if (v[i].value == NULL) {
			assert(c != NULL); /* check_kept() has seen it */
			c->expires_at_ms = v[i].expires_at_ms;
			continue;
		}
		if (*v[i].value == '\0') {
			drop_credential(p, v[i].key);
			continue;
		}
		if (c == NULL) {
			c = add_credential(p, v[i].key);
			make_handle(c->handle);
		}
		set_value(p, c, &v[i]);
	}
}

static const char *
given_config(const struct pairs *given, const char *name)
{
	for (size_t i = 0; i < given->n; i++)
		if (strcmp(given->v[i].name, name) == 0)
			return given->v[i].value;
	return NULL;
}

static void
merge_config(struct provider *p, const struct pairs *given)
{
	struct arena arena = { 0 };
	struct pairs merged = { 0 };

	merged.v =
	    arena_alloc(&arena, p->config.n + given->n + 1, sizeof(*merged.v));
	for (size_t i = 0; i < p->config.n; i++)
		if (given_config(given, p->config.v[i].name) == NULL)
			merged.v[merged.n++] = (struct pair){
				arena_strdup(&arena, p->config.v[i].name),
				arena_strdup(&arena, p->config.v[i].value)
			};
	for (size_t i = 0; i < given->n; i++)
		if (*given->v[i].value != '\0')
			merged.v[merged.n++] = (struct pair){
				arena_strdup(&arena, given->v[i].name),
				arena_strdup(&arena, given->v[i].value)
			};
	arena_clear(&p->config_arena);
	p->config_arena = arena;
	p->config = merged;
}

static int
check_limits(const struct provider *p, struct error *e)
{
	if (p->n_credentials > PROVIDER_CREDENTIALS_MAX)
		return error_set(e, ERR_LIMIT,
		    "a provider has at most %d credentials",
		    PROVIDER_CREDENTIALS_MAX);
	if (p->config.n > PROVIDER_CONFIG_MAX)
		return error_set(e, ERR_LIMIT,
		    "a provider has at most %d config values",
		    PROVIDER_CONFIG_MAX);
	return 0;
}

static bool
has_any(const struct provider *p, const struct strings *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		if (provider_credential(p, keys->v[i]) != NULL)
			return true;
	return false;
}

/* One without any may get them later; a half of them is of no use.  Asked only
 * of who makes it so: what is fetched or taken away must never fail for it. */
static int
check_required(const struct provider *p, struct error *e)
{
	const struct profile *profile = profile_find(&p->gw->profiles, p->type);

	if (profile == NULL || p->n_credentials == 0)
		return 0;
	for (size_t i = 0; i < profile->n_credentials; i++) {
		const struct profile_credential *c = &profile->credentials[i];

		if (c->required && !has_any(p, &c->variables))
			return error_set(e, ERR_INVALID,
			    "type '%s' requires credential '%s'%s", p->type,
			    c->variables.v[0],
			    c->variables.n > 1 ? " or one that stands for it"
					       : "");
	}
	return 0;
}

static int
write_provider(struct provider *p,
    int (*write)(struct store *, const struct store_provider *, struct error *),
    const struct store_refresh *refresh, struct error *e)
{
	struct store_credential rows[PROVIDER_CREDENTIALS_MAX];
	struct stored_config config = { p->config };
	_cleanup_(buf_free) struct buf json = BUF_INIT;

	if (check_limits(p, e) < 0)
		return -1;
	(void)codec_encode(&json, config_fields, &config, NULL);
	for (size_t i = 0; i < p->n_credentials; i++) {
		const struct credential *c = &p->credentials[i];

		rows[i] = (struct store_credential){ p->id, c->key, c->sealed,
			c->sealed_len, c->revision, c->epoch, c->handle,
			c->expires_at_ms };
	}
	return write(p->gw->store,
	    &(struct store_provider){ p->id, p->name, p->owner, p->type,
		p->unread != NULL ? p->unread : buf_str(&json), p->version,
		p->created_at_ms, rows, p->n_credentials, refresh },
	    e);
}

static int
find_type(struct gateway *gw, const char *type, const struct profile **ret,
    struct error *e)
{
	const struct profile *p;
	char known[ERROR_TEXT_MAX] = "";
	size_t n = 0;

	*ret = profile_find(&gw->profiles, type);
	if (*ret != NULL)
		return 0;
	TAILQ_FOREACH(p, &gw->profiles, next)
	if (n < sizeof(known))
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s",
		    n > 0 ? ", " : "", p->id);
	return error_set(e, ERR_INVALID,
	    "unknown provider type '%s'; there are: %s", type, known);
}

static size_t
count_of(const struct gateway *gw, uid_t owner)
{
	const struct provider *p;
	size_t n = 0;

	TAILQ_FOREACH(p, &gw->providers->list, next)
	n += p->owner == owner;
	return n;
}

/* Whoever uses providers hears of every change here. */
static void
tell_users(struct gateway *gw, const struct provider *p)
{
	inference_push(gw);
	if (p != NULL)
		attachment_changed(p);
}

int
provider_create(struct gateway *gw, uid_t owner,
    const struct gateway_create_provider *given, struct provider **ret,
    struct error *e)
{
	const struct profile *profile;
	struct provider *p;

	if (check_name(given->name, e) < 0 ||
	    find_type(gw, given->type, &profile, e) < 0 ||
	    check_given(&given->credentials, &given->config, e) < 0 ||
	    check_kept(NULL, &given->credentials, e) < 0)
		return -1;
	if (count_of(gw, owner) >= PROVIDERS_PER_OWNER_MAX)
		return error_set(e, ERR_LIMIT,
		    "one owner has at most %d providers",
		    PROVIDERS_PER_OWNER_MAX);
	p = xcalloc(1, sizeof(*p));
	p->gw = gw;
	naming_make_id(p->id);
	p->name = xstrdup(given->name);
	p->type = xstrdup(profile->id);
	p->owner = owner;
	p->version = 1;
	p->created_at_ms = when_now_ms();
	merge_credentials(p, &given->credentials);
	merge_config(p, &given->config);
	if (check_required(p, e) < 0 ||
	    write_provider(p, store_provider_create, NULL, e) < 0) {
		provider_free(p);
		return -1;
	}
	TAILQ_INSERT_TAIL(&gw->providers->list, p, next);
	tell_users(gw, NULL);
	*ret = p;
	return 0;
}

/* One like it, so that what can't be written changes nothing. */
static struct provider *
copy(const struct provider *p)
{
	struct provider *c = xcalloc(1, sizeof(*c));

	*c = *p;
	c->name = xstrdup(p->name);
	c->type = xstrdup(p->type);
	c->credentials = NULL;
	c->n_credentials = 0;
	for (size_t i = 0; i < p->n_credentials; i++) {
		const struct credential *from = &p->credentials[i];
		struct credential *to = add_credential(c, from->key);
		char *key = to->key;

		*to = *from;
		to->key = key;
		to->sealed = xmemdup(from->sealed, from->sealed_len);
	}
	c->config_arena = (struct arena){ 0 };
	c->config = (struct pairs){ NULL, 0 };
	c->unread = p->unread != NULL ? xstrdup(p->unread) : NULL;
	merge_config(c, &p->config);
	return c;
}

/* May it have what it hasn't had, wherever it is attached? */
static int
check_keys(
    const struct provider *p, const struct provider *next, struct error *e)
{
	for (size_t i = 0; i < next->n_credentials; i++)
		if (provider_credential(p, next->credentials[i].key) == NULL &&
		    attachment_check_key(p, next->credentials[i].key, e) < 0)
			return -1;
	return 0;
}

/* Writes the new state, which then takes the place of the old one; frees
 * next. */
static int
replace(struct provider *p, struct provider *next,
    const struct store_refresh *refresh, struct error *e)
{
	next->version++;
	if (check_keys(p, next, e) < 0 ||
	    write_provider(next, store_provider_update, refresh, e) < 0) {
		provider_free(next);
		return -1;
	}
	for (size_t i = 0; i < p->n_credentials; i++)
		credential_clear(&p->credentials[i]);
	free(p->credentials);
	p->credentials = steal_ptr(&next->credentials);
	p->n_credentials = next->n_credentials;
	next->n_credentials = 0;
	arena_clear(&p->config_arena);
	p->config_arena = next->config_arena;
	p->config = next->config;
	next->config_arena = (struct arena){ 0 };
	free(p->unread);
	p->unread = steal_ptr(&next->unread);
	p->version = next->version;
	provider_free(next);
	tell_users(p->gw, p);
	return 0;
}

/* What is fetched anew isn't taken away. */
static int
check_removed(
    const struct provider *p, const struct objects *given, struct error *e)
{
	const struct gateway_credential *v = given->v;

	for (size_t i = 0; i < given->n; i++)
		if (v[i].value != NULL && *v[i].value == '\0' &&
		    refresh_gives(p, v[i].key))
			return error_set(e, ERR_PRECONDITION,
			    "credential '%s' is refreshed; end that first: "
			    "openshell provider refresh delete %s "
			    "--credential-key %s",
			    v[i].key, p->name, v[i].key);
	return 0;
}

int
provider_update(struct provider *p, const struct gateway_update_provider *given,
    struct error *e)
{
	struct provider *next;

	if (check_given(&given->credentials, &given->config, e) < 0 ||
	    check_kept(p, &given->credentials, e) < 0 ||
	    check_removed(p, &given->credentials, e) < 0)
		return -1;
	next = copy(p);
	merge_credentials(next, &given->credentials);
	merge_config(next, &given->config);
	if (given->config.n > 0)
		free(steal_ptr(&next->unread));
	if (check_required(next, e) < 0) {
		provider_free(next);
		return -1;
	}
	return replace(p, next, NULL, e);
}

/* The value as it is now, owned; "" if it can't be opened or there is none. */
static char *
value_of(const struct provider *p, const struct credential *c)
{
	char *value;
	struct error e;

	if (c->sealed == NULL)
		return xstrdup("");
	if (provider_secret(p, c, &value, &e) == 0)
		return value;
	log_warnx("%s", e.text);
	return xstrdup("");
}

static void
put_value(struct provider *p, const struct provider_value *from, bool new_epoch)
{
	const struct credential *has = provider_credential(p, from->key);
	struct credential *c = has != NULL ? (struct credential *)(uintptr_t)has
					   : add_credential(p, from->key);
	char *value =
	    from->value != NULL ? xstrdup(from->value) : value_of(p, c);
	/* What stays lives no longer for that. */
	int64_t expires = from->value == NULL && from->expires_at_ms == 0
			      ? c->expires_at_ms
			      : from->expires_at_ms;

	if (has == NULL || new_epoch) {
		make_handle(c->handle);
		c->epoch = c->revision + 1;
	}
	set_value(p, c, &(struct gateway_credential){ c->key, value, expires });
	free_secret(value);
}

int
provider_put_values(struct provider *p, const struct provider_value *v,
    size_t n, bool new_epoch, const struct store_refresh *refresh,
    struct error *e)
{
	struct provider *next = copy(p);

	for (size_t i = 0; i < n; i++)
		put_value(next, &v[i], new_epoch);
	return replace(p, next, refresh, e);
}

int
provider_delete(struct provider *p, struct error *e)
{
	struct gateway *gw = p->gw;

	if (inference_uses(p))
		return error_set(e, ERR_PRECONDITION,
		    "provider '%s' is used by an inference route; "
		    "delete that first: openshell inference delete",
		    p->name);
	if (attachment_of(p) != NULL)
		return error_set(e, ERR_PRECONDITION,
		    "provider '%s' is attached to sandbox '%s'; detach it "
		    "first: openshell sandbox provider detach %s %s",
		    p->name, attachment_of(p), attachment_of(p), p->name);
	if (store_provider_delete(gw->store, p->id, e) < 0)
		return -1;
	refresh_forget(p);
	TAILQ_REMOVE(&gw->providers->list, p, next);
	provider_free(p);
	tell_users(gw, NULL);
	return 0;
}
