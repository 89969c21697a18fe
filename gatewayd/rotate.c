/* SPDX-License-Identifier: Apache-2.0 */
/* rotate.c - see rotate.h. */
#include <string.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "gatewayd/gateway.h"
#include "gatewayd/provider.h"
#include "gatewayd/refresh.h"
#include "gatewayd/rotate.h"
#include "gatewayd/sandbox.h"
#include "gatewayd/seal.h"
#include "gatewayd/store.h"

/*
 * Looking.
 */

static void
notice(void *arg, const char *label, const void *sealed, size_t len)
{
	(void)label;
	(void)sealed;
	(void)len;
	*(bool *)arg = true;
}

int
rotate_needs_key(struct gateway *gw, bool *ret, struct error *e)
{
	*ret = false;
	return store_sealed_each(gw->store, notice, ret, e);
}

struct trial {
	const struct seal *seal;
	size_t opened;
	size_t failed;
};

static void
try_to_open(void *arg, const char *label, const void *sealed, size_t len)
{
	struct trial *t = arg;
	struct error e;
	char *secret;

	if (seal_unlock(t->seal, label, sealed, len, &secret, &e) < 0) {
		t->failed++;
		return;
	}
	t->opened++;
	free_secret(secret);
}

/*
 * Sealing anew.
 */

static int
renew(void *arg, const char *label, void *sealed, size_t len, struct error *e)
{
	return seal_renew(arg, label, sealed, len, e);
}

static int
renew_all(struct gateway *gw, int64_t *ret_n, struct error *e)
{
	return store_sealed_change(gw->store, renew, gw->seal, ret_n, e);
}

static void
reload_credential(void *arg, const struct store_credential *row)
{
	struct gateway *gw = arg;
	struct provider *p;

	TAILQ_FOREACH(p, &gw->providers->list, next)
	for (size_t i = 0; i < p->n_credentials; i++) {
		struct credential *c = &p->credentials[i];

		if (strcmp(p->id, row->provider) == 0 &&
		    strcmp(c->key, row->key) == 0 &&
		    c->sealed_len == row->value_len)
			memcpy(c->sealed, row->value, row->value_len);
	}
}

static void
reload_sandbox(void *arg, const struct store_sandbox *row)
{
	struct gateway *gw = arg;
	struct sandbox *s;

	TAILQ_FOREACH(s, &gw->sandboxes->list, next)
	if (strcmp(s->id, row->id) == 0 && s->ca_key_len == row->ca_key_len)
		memcpy(s->ca_key, row->ca_key, row->ca_key_len);
}

/* Sealed values that are kept in memory, too, are read again. */
static int
reload_all(struct gateway *gw, struct error *e)
{
	if (store_credential_each(gw->store, reload_credential, gw, e) < 0)
		return -1;
	if (store_sandbox_each(gw->store, reload_sandbox, gw, e) < 0)
		return -1;
	return refreshes_renew(gw, e);
}

/* What a crash interrupted.  As long as it can't be ended, both keys stay, and
 * everything works. */
static void
resume(struct gateway *gw)
{
	int64_t n = 0;
	struct error e;

	if (renew_all(gw, &n, &e) < 0 || seal_end(gw->seal, &e) < 0)
		log_warnx("change of key goes on: %s", e.text);
	else
		log_info("change of key ended path=%s secrets=%lld",
		    seal_path(gw->seal), (long long)n);
}

int
rotate_check(struct gateway *gw, struct error *e)
{
	struct trial t = { gw->seal, 0, 0 };

	if (store_sealed_each(gw->store, try_to_open, &t, e) < 0)
		return -1;
	if (t.failed > 0 && t.opened == 0)
		return error_set(e, ERR_DENIED,
		    "key '%s' is not the one that the secrets in '%s' are "
		    "sealed with: put the right one back",
		    seal_path(gw->seal), gw->dirs.state);
	if (seal_has_two(gw->seal))
		resume(gw);
	return 0;
}

int
rotate_key(struct gateway *gw, int64_t *ret_n, struct error *e)
{
	if (!seal_has_two(gw->seal) && seal_begin(gw->seal, e) < 0)
		return -1;
	if (renew_all(gw, ret_n, e) < 0 || reload_all(gw, e) < 0)
		return -1;
	return seal_end(gw->seal, e);
}
