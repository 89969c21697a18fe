/* SPDX-License-Identifier: Apache-2.0 */
/* refresh_record.c - see refresh_record.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/varlink/codec.h"
#include "common/xalloc.h"
#include "gatewayd/gateway.h"
#include "gatewayd/provider.h"
#include "gatewayd/refresh_record.h"
#include "gatewayd/refresh_strategy.h"
#include "gatewayd/seal.h"
#include "gatewayd/store.h"

static const char *const status_names[] = {
	[REFRESH_IS_CONFIGURED] = "configured",
	[REFRESH_IS_REFRESHED] = "refreshed",
	[REFRESH_IS_REQUESTED] = "rotation_requested",
	[REFRESH_IS_ERROR] = "error",
};

/* Material as it is sealed. */
struct sealed_material {
	struct pairs material;
};
static const struct field sealed_fields[] = {
	{ "material", FIELD_MAP, REQUIRED,
	    offsetof(struct sealed_material, material), REFRESH_MATERIAL_MAX,
	    .is_secret = true },
	{ 0 },
};

const char *
refresh_status_name(enum refresh_status s)
{
	return status_names[s];
}

static enum refresh_status
status_of(const char *name)
{
	enum refresh_status s = REFRESH_IS_CONFIGURED;

	while (s < REFRESH_IS_ERROR && strcmp(status_names[s], name) != 0)
		s++;
	return s;
}

void
refresh_state_set(
    struct refresh_state *s, enum refresh_status status, const char *error)
{
	s->status = status;
	(void)snprintf(s->error, sizeof(s->error), "%s", error);
}

struct refresh *
refresh_record_new(struct provider *p, const char *key,
    const struct refresh_strategy *strategy, const char *token_url)
{
	struct refresh *r = xcalloc(1, sizeof(*r));

	r->gw = p->gw;
	r->provider = p;
	r->key = xstrdup(key);
	r->strategy = strategy;
	r->token_url = xstrdup(token_url);
	r->slot.refresh = r;
	r->slot.due_ms = &r->state.next_ms;
	TAILQ_INIT(&r->waits);
	return r;
}

struct refresh *
refresh_record_of(struct provider *p, const struct refresh_strategy *strategy,
    const struct store_refresh *row)
{
	struct refresh *r =
	    refresh_record_new(p, row->key, strategy, row->token_url);

	r->state = (struct refresh_state){
		.material = xmemdup(row->material, row->material_len),
		.material_len = row->material_len,
		.version = row->version,
		.expires_at_ms = row->expires_at_ms,
		.next_ms = row->next_ms,
		.last_ms = row->last_ms,
	};
	refresh_state_set(&r->state, status_of(row->status), row->error);
	return r;
}

void
refresh_record_free(struct refresh *r)
{
	free(r->key);
	free(r->token_url);
	free(r->state.material);
	free(r);
}

void
refresh_record_tell(
    struct refresh *r, struct refresh *said, const struct error *e)
{
	struct refresh_wait *w;

	while ((w = TAILQ_FIRST(&r->waits)) != NULL) {
		refresh_cancel(w);
		w->done(w->arg, said, e);
	}
}

struct strings
refresh_outputs(const struct refresh_strategy *s, const char **key)
{
	struct strings all = refresh_strategy_outputs(s);

	return all.n > 0 ? all : (struct strings){ key, 1 };
}

/*
 * Material.
 */

static char *
label_of(const struct refresh *r, int64_t version)
{
	return xasprintf(
	    "refresh/%s/%s/%lld", r->provider->id, r->key, (long long)version);
}

void
refresh_record_seal(
    struct refresh *r, const struct pairs *material, struct refresh_state *to)
{
	const struct sealed_material what = { *material };
	_cleanup_(buf_wipe) struct buf json = BUF_INIT;
	autofree char *label = label_of(r, ++to->version);

	(void)codec_encode(&json, sealed_fields, &what, NULL);
	to->material_len = json.len + SEAL_OVERHEAD;
	to->material = xmalloc(to->material_len);
	seal_lock(r->gw->seal, label, buf_data(&json), json.len, to->material);
}

int
refresh_record_open(const struct refresh *r, struct arena *arena,
    struct pairs *ret, struct error *e)
{
	autofree char *label = label_of(r, r->state.version);
	const struct sealed_material *what;
	struct bad_field bad;
	char *json;

	if (seal_unlock(r->gw->seal, label, r->state.material,
		r->state.material_len, &json, e) < 0)
		return error_prefix(e, "material of credential '%s' of '%s'",
		    r->key, r->provider->name);
	what =
	    codec_decode_text(json, sealed_fields, sizeof(*what), arena, &bad);
	free_secret(json);
	if (what == NULL)
		return error_set(e, ERR_INVALID,
		    "the material of credential '%s' can't be read", r->key);
	*ret = what->material;
	return 0;
}

int
refresh_record_renew(struct refresh *r, struct error *e)
{
	autofree char *label = label_of(r, r->state.version);

	return seal_renew(
	    r->gw->seal, label, r->state.material, r->state.material_len, e);
}

/*
 * Changing.
 */

int
refresh_record_commit(struct refresh *r, const struct refresh_state *next,
    char *const *values, bool new_epoch, struct error *e)
{
	const char *key = r->key;
	struct strings outputs = refresh_outputs(r->strategy, &key);
	struct provider_value v[REFRESH_OUTPUTS_MAX];
	const struct store_refresh row = { r->provider->id, r->key,
		refresh_strategy_name(r->strategy), r->token_url,
		next->material, next->material_len, next->version,
		status_names[next->status], next->expires_at_ms, next->next_ms,
		next->last_ms, next->error, new_epoch };

	for (size_t i = 0; i < outputs.n; i++)
		v[i] = (struct provider_value){ outputs.v[i],
			values != NULL ? values[i] : NULL,
			next->expires_at_ms };
	if (values != NULL || new_epoch) {
		if (provider_put_values(
			r->provider, v, outputs.n, new_epoch, &row, e) < 0)
			return -1;
	} else if (store_refresh_put(r->gw->store, &row, e) < 0) {
		return -1;
	}
	if (next->material != r->state.material)
		free(r->state.material);
	r->state = *next;
	r->is_unsaved = false;
	return 0;
}
