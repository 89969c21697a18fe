/* SPDX-License-Identifier: Apache-2.0 */
/* api_refresh.c - refreshes: configured, looked at, made now, ended. */
#include <stdlib.h>

#include "common/wire/provider.h"
#include "common/xalloc.h"
#include "gatewayd/api.h"
#include "gatewayd/provider.h"
#include "gatewayd/refresh.h"

static void
answer(struct call *call, const struct refresh *r)
{
	struct gateway_refresh described;
	struct gateway_refresh_reply reply = { &described };

	refresh_describe(r, &described);
	call_reply(call, &reply);
}

int
api_configure_refresh(struct call *call, void *params, struct error *e)
{
	const struct gateway_configure_refresh *given = params;
	struct provider *p =
	    provider_find(call_ctx(call), given->provider, call_peer(call), e);
	struct refresh *r;

	if (p == NULL || refresh_configure(p, given, &r, e) < 0)
		return -1;
	answer(call, r);
	return 0;
}

int
api_list_refreshes(struct call *call, void *params, struct error *e)
{
	const struct gateway_refresh_name *name = params;
	const struct provider *p =
	    provider_find(call_ctx(call), name->provider, call_peer(call), e);
	struct gateway_refresh rows[PROVIDER_CREDENTIALS_MAX];
	struct gateway_refreshes reply = { { rows, 0 } };
	struct refresh *r = NULL;

	if (p == NULL)
		return -1;
	if (name->credential_key != NULL) {
		r = refresh_find(p, name->credential_key, e);
		if (r == NULL)
			return -1;
		refresh_describe(r, &rows[reply.refreshes.n++]);
	} else {
		while ((r = refresh_next(p, r)) != NULL)
			refresh_describe(r, &rows[reply.refreshes.n++]);
	}
	call_reply(call, &reply);
	return 0;
}

/* A call that is answered when there is a new value. */
struct rotation {
	struct call *call;
	struct refresh_wait wait;
};

static void
on_call_end(void *arg)
{
	struct rotation *waiting = arg;

	refresh_cancel(&waiting->wait);
	free(waiting);
}

static void
on_rotated(void *arg, struct refresh *r, const struct error *e)
{
	struct rotation *waiting = arg;
	struct call *call = waiting->call;

	/* Both end the call, which frees. */
	if (e == NULL)
		answer(call, r);
	else
		call_error(call, e);
}

/* The named refresh of the named provider; NULL and e. */
static struct refresh *
find(
    struct call *call, const struct gateway_refresh_name *name, struct error *e)
{
	const struct provider *p =
	    provider_find(call_ctx(call), name->provider, call_peer(call), e);

	return p != NULL ? refresh_find(p, name->credential_key, e) : NULL;
}

int
api_rotate_refresh(struct call *call, void *params, struct error *e)
{
	struct refresh *r = find(call, params, e);
	struct rotation *waiting;

	if (r == NULL)
		return -1;
	waiting = xcalloc(1, sizeof(*waiting));
	waiting->call = call;
	waiting->wait.done = on_rotated;
	waiting->wait.arg = waiting;
	if (refresh_rotate(r, &waiting->wait, e) < 0) {
		free(waiting);
		return -1;
	}
	call_on_end(call, on_call_end, waiting);
	return 0;
}

int
api_delete_refresh(struct call *call, void *params, struct error *e)
{
	struct refresh *r = find(call, params, e);

	if (r == NULL || refresh_delete(r, e) < 0)
		return -1;
	call_reply(call, NULL);
	return 0;
}
