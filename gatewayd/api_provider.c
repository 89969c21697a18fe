/* SPDX-License-Identifier: Apache-2.0 */
/* api_provider.c - providers: made, looked at, changed, forgotten. */
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/wire/provider.h"
#include "common/xalloc.h"
#include "gatewayd/api.h"
#include "gatewayd/attachment.h"
#include "gatewayd/gateway.h"
#include "gatewayd/provider.h"
#include "gatewayd/sandbox.h"

#define LIST_DEFAULT 100

/* Lent: the rows of one provider's description. */
struct described {
	struct gateway_credential_info credentials[PROVIDER_CREDENTIALS_MAX];
	const char *config[PROVIDER_CONFIG_MAX + 1];
};

static void
describe(const struct provider *p, struct described *rows,
    struct gateway_provider *ret)
{
	*ret = (struct gateway_provider){
		.id = p->id,
		.name = p->name,
		.type = p->type,
		.version = p->version,
		.created_at_ms = p->created_at_ms,
		.owner_uid = p->owner,
		.credentials = { rows->credentials, p->n_credentials },
		.config_keys = { rows->config, p->config.n },
	};
	for (size_t i = 0; i < p->n_credentials; i++)
		rows->credentials[i] =
		    (struct gateway_credential_info){ p->credentials[i].key,
			    p->credentials[i].revision,
			    p->credentials[i].expires_at_ms };
	for (size_t i = 0; i < p->config.n; i++)
		rows->config[i] = p->config.v[i].name;
	rows->config[p->config.n] = NULL;
}

static void
answer(struct call *call, const struct provider *p)
{
	struct described rows;
	struct gateway_provider described;
	struct gateway_provider_reply reply = { &described };

	describe(p, &rows, &described);
	call_reply(call, &reply);
}

int
api_create_provider(struct call *call, void *params, struct error *e)
{
	struct provider *p;

	if (provider_create(
		call_ctx(call), call_peer(call)->uid, params, &p, e) < 0)
		return -1;
	answer(call, p);
	return 0;
}

int
api_get_provider(struct call *call, void *params, struct error *e)
{
	const struct gateway_provider_name *name = params;
	const struct provider *p =
	    provider_find(call_ctx(call), name->name, call_peer(call), e);

	if (p == NULL)
		return -1;
	answer(call, p);
	return 0;
}

int
api_list_providers(struct call *call, void *params, struct error *e)
{
	const struct gateway_list_providers *want = params;
	struct gateway *gw = call_ctx(call);
	size_t limit = want->limit > 0 ? (size_t)want->limit : LIST_DEFAULT;
	struct gateway_provider *v = xcalloc(limit, sizeof(*v));
	struct described *rows = xcalloc(limit, sizeof(*rows));
	struct gateway_providers reply = { { v, 0 } };
	int64_t skip = want->offset;
	const struct provider *p;

	(void)e;
	TAILQ_FOREACH(p, &gw->providers->list, next)
	{
		if (!provider_is_visible(p, call_peer(call)) || skip-- > 0)
			continue;
		if (reply.providers.n == limit)
			break;
		describe(p, &rows[reply.providers.n], &v[reply.providers.n]);
		reply.providers.n++;
	}
	call_reply(call, &reply);
	free(rows);
	free(v);
	return 0;
}

int
api_update_provider(struct call *call, void *params, struct error *e)
{
	const struct gateway_update_provider *given = params;
	struct provider *p =
	    provider_find(call_ctx(call), given->name, call_peer(call), e);

	if (p == NULL || provider_update(p, given, e) < 0)
		return -1;
	answer(call, p);
	return 0;
}

int
api_delete_provider(struct call *call, void *params, struct error *e)
{
	const struct gateway_provider_name *name = params;
	struct provider *p =
	    provider_find(call_ctx(call), name->name, call_peer(call), e);

	if (p == NULL || provider_delete(p, e) < 0)
		return -1;
	call_reply(call, NULL);
	return 0;
}

/* Both ends of an attachment; false and e if one isn't there. */
static bool
find_both(struct call *call, const struct gateway_attach_provider *want,
    struct sandbox **ret_s, struct provider **ret_p, struct error *e)
{
	struct gateway *gw = call_ctx(call);

	*ret_s = sandbox_find(gw, want->sandbox, call_peer(call), e);
	if (*ret_s == NULL)
		return false;
	/* Of the sandbox's owner: root may act for others, not mix them. */
	*ret_p = provider_of(gw, (*ret_s)->owner, want->provider);
	if (*ret_p == NULL)
		(void)error_set(e, ERR_NOT_FOUND, "provider '%s' not found",
		    want->provider);
	return *ret_p != NULL;
}

int
api_attach_provider(struct call *call, void *params, struct error *e)
{
	struct sandbox *s;
	struct provider *p;

	if (!find_both(call, params, &s, &p, e) || attachment_add(s, p, e) < 0)
		return -1;
	call_reply(call, NULL);
	return 0;
}

int
api_detach_provider(struct call *call, void *params, struct error *e)
{
	struct sandbox *s;
	struct provider *p;

	if (!find_both(call, params, &s, &p, e) ||
	    attachment_remove(s, p, e) < 0)
		return -1;
	call_reply(call, NULL);
	return 0;
}
