/* SPDX-License-Identifier: Apache-2.0 */
/* refresh_wanted.c - see refresh_wanted.h. */
#include <string.h>

#include "common/cleanup.h"
#include "common/wire/refresh.h"
#include "gatewayd/fetch.h"
#include "gatewayd/gateway.h"
#include "gatewayd/provider.h"
#include "gatewayd/refresh_strategy.h"
#include "gatewayd/refresh_wanted.h"

static void
add_material(struct refresh_wanted *w, const char *name, const char *value)
{
	w->v[w->material.n++] = (struct pair){ name, value };
}

static int
take_given(struct refresh_wanted *w,
    const struct gateway_configure_refresh *given, struct error *e)
{
	const struct gateway_secret_material *secret = given->secret_material.v;

	for (size_t i = 0; i < given->material.n; i++) {
		const struct pair *p = &given->material.v[i];

		if (refresh_material_is_secret(w->strategy, p->name))
			return error_set(e, ERR_INVALID,
			    "material '%s' is a secret: give it with "
			    "--secret-material-key or --secret-material-env",
			    p->name);
		add_material(w, p->name, p->value);
	}
	for (size_t i = 0; i < given->secret_material.n; i++)
		add_material(w, secret[i].key, secret[i].value);
	return 0;
}

/* What the type says of a credential, if that is the same strategy. */
static const struct profile_refresh *
find_typical(const struct provider *p, const char *key, const char *strategy)
{
	const struct profile *profile = profile_find(&p->gw->profiles, p->type);
	const struct profile_refresh *typical =
	    profile != NULL ? profile_refresh(profile, key) : NULL;

	if (typical != NULL && strategy != NULL &&
	    strcmp(typical->strategy, strategy) != 0)
		return NULL;
	return typical;
}

static void
add_typical(struct refresh_wanted *w, const struct profile_refresh *typical)
{
	const struct pairs *material = &typical->material;

	for (size_t i = 0; i < material->n; i++)
		if (refresh_material_get(&w->material, material->v[i].name) ==
		    NULL)
			add_material(
			    w, material->v[i].name, material->v[i].value);
	if (w->token_url == NULL)
		w->token_url = typical->token_url;
}

static int
find(const struct provider *p, const struct gateway_configure_refresh *given,
    struct refresh_wanted *w, struct error *e)
{
	const struct profile_refresh *typical =
	    find_typical(p, given->credential_key, given->strategy);

	if (given->strategy == NULL && typical == NULL)
		return error_set(e, ERR_INVALID,
		    "type '%s' has no strategy for credential '%s'; say one "
		    "with --strategy",
		    p->type, given->credential_key);
	w->material.v = w->v;
	w->token_url = given->token_url;
	w->strategy = refresh_strategy_find(
	    given->strategy != NULL ? given->strategy : typical->strategy, e);
	if (w->strategy == NULL || take_given(w, given, e) < 0)
		return -1;
	if (typical != NULL)
		add_typical(w, typical);
	if (w->token_url == NULL)
		w->token_url = refresh_strategy_url(w->strategy);
	if (w->token_url == NULL)
		return error_set(e, ERR_INVALID,
		    "strategy '%s' needs --token-url",
		    refresh_strategy_name(w->strategy));
	return 0;
}

static int
check(const struct refresh_wanted *w, struct error *e)
{
	struct refresh_request request = { 0 };
	struct http_url url;
	autofree char *text = NULL;
	int result;

	if (refresh_material_check(w->strategy, &w->material, e) < 0)
		return -1;
	text = refresh_expand_url(w->strategy, w->token_url, &w->material, e);
	if (text == NULL)
		return -1;
	if (fetch_check_url(text, &url, e) < 0)
		return error_prefix(e, "token URL '%s'", text);
	/* A key that can't sign is told of now. */
	result = refresh_build(
	    w->strategy, text, &url, &w->material, 0, &request, e);
	refresh_request_clear(&request);
	return result;
}

int
refresh_wanted_read(const struct provider *p,
    const struct gateway_configure_refresh *given, struct refresh_wanted *ret,
    struct error *e)
{
	return find(p, given, ret, e) < 0 ? -1 : check(ret, e);
}
