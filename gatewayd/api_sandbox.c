/* SPDX-License-Identifier: Apache-2.0 */
/* api_sandbox.c - sandboxes: made, looked at, started, stopped, deleted. */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/policy/policy.h"
#include "common/varlink/codec.h"
#include "common/wire/gateway.h"
#include "common/wire/limits.h"
#include "common/xalloc.h"
#include "gatewayd/api.h"
#include "gatewayd/api_policy.h"
#include "gatewayd/attachment.h"
#include "gatewayd/gateway.h"
#include "gatewayd/life.h"
#include "gatewayd/provider.h"
#include "gatewayd/sandbox.h"
#include "gatewayd/shown.h"

#define LIST_DEFAULT 100

static void
describe(struct call *call, const struct sandbox *s)
{
	struct gateway_sandbox described;
	struct gateway_sandbox_reply reply = { &described };

	sandbox_describe(s, &described);
	call_reply(call, &reply);
}

/* A deletion, once begun, is the end of whatever else was: who waited for that
 * isn't told that it worked. */
static void
answer_sandbox(struct call *call, struct sandbox *s, const struct error *e)
{
	struct error deleted;

	if (e == NULL && s->phase == PHASE_DELETING) {
		(void)error_set(&deleted, ERR_NOT_FOUND,
		    "sandbox '%s' was deleted meanwhile", s->name);
		e = &deleted;
	}
	if (e != NULL)
		call_error(call, e);
	else
		describe(call, s);
}

static void
answer_empty(struct call *call, struct sandbox *s, const struct error *e)
{
	(void)s;
	if (e != NULL)
		call_error(call, e);
	else
		call_reply(call, NULL);
}

/* The caller's providers of these names; false and e if one isn't there. */
static bool
find_providers(struct call *call, const struct strings *names,
    struct provider *ret[WIRE_PROVIDERS_MAX], struct error *e)
{
	for (size_t i = 0; i < names->n; i++) {
		ret[i] = provider_of(
		    call_ctx(call), call_peer(call)->uid, names->v[i]);
		if (ret[i] == NULL) {
			(void)error_set(e, ERR_PRECONDITION,
			    "provider '%s' not found; create it with: "
			    "openshell provider create --name %s --type TYPE "
			    "--from-existing",
			    names->v[i], names->v[i]);
			return false;
		}
	}
	return attachment_check(ret, names->n, e) == 0;
}

int
api_create_sandbox(struct call *call, void *params, struct error *e)
{
	const struct gateway_create_sandbox *p = params;
	const char *text = p->policy != NULL ? p->policy : policy_default_text;
	struct sandbox_spec spec = { p->env, p->labels, p->memory_max,
		p->pids_max, p->shown };
	struct policy *policy = NULL;
	struct life_wish wish = { p->name, call_peer(call)->uid, &spec, NULL };
	struct provider *providers[WIRE_PROVIDERS_MAX];
	struct sandbox *s = NULL;
	int r;

	if (!find_providers(call, &p->providers, providers, e) ||
	    shown_check(call_ctx(call), call_peer(call), &p->shown, e) < 0)
		return -1;
	if (!api_parse_policy(call, text, &policy))
		return 0;
	wish.policy = policy;
	r = life_create(call_ctx(call), &wish, &s, e);
	/* It isn't attached to proxyd yet: they go with that. */
	for (size_t i = 0; r == 0 && i < p->providers.n; i++)
		r = attachment_add(s, providers[i], e);
	if (r == 0)
		sandbox_wait(s, call, answer_sandbox);
	policy_free(policy);
	return r;
}

int
api_get_sandbox(struct call *call, void *params, struct error *e)
{
	const struct gateway_name *p = params;
	struct sandbox *s =
	    sandbox_find(call_ctx(call), p->name, call_peer(call), e);

	if (s == NULL)
		return -1;
	describe(call, s);
	return 0;
}

static bool
has_labels(const struct sandbox *s, const struct pairs *wanted)
{
	const struct pairs *have = &s->spec->labels;
	size_t found = 0;

	for (size_t i = 0; i < wanted->n; i++)
		for (size_t j = 0; j < have->n; j++)
			found +=
			    strcmp(wanted->v[i].name, have->v[j].name) == 0 &&
			    strcmp(wanted->v[i].value, have->v[j].value) == 0;
	return found == wanted->n;
}

int
api_list_sandboxes(struct call *call, void *params, struct error *e)
{
	const struct gateway_list_sandboxes *p = params;
	struct gateway *gw = call_ctx(call);
	size_t limit = p->limit > 0 ? (size_t)p->limit : LIST_DEFAULT;
	autofree struct gateway_sandbox *list = xcalloc(limit, sizeof(*list));
	struct gateway_sandboxes reply = { { list, 0 } };
	int64_t skip = p->offset;
	const struct sandbox *s;

	(void)e;
	TAILQ_FOREACH(s, &gw->sandboxes->list, next)
	{
		if (!sandbox_is_visible(s, call_peer(call)) ||
		    !has_labels(s, &p->selector) || skip-- > 0)
			continue;
		if (reply.sandboxes.n == limit)
			break;
		sandbox_describe(s, &list[reply.sandboxes.n++]);
	}
	call_reply(call, &reply);
	return 0;
}

/* Starts what ends later; the call is answered then. */
static int
change(struct call *call, const void *params,
    int (*begin)(struct sandbox *, struct error *), waiter_fn *answer,
    struct error *e)
{
	const struct gateway_name *p = params;
	struct sandbox *s =
	    sandbox_find(call_ctx(call), p->name, call_peer(call), e);

	if (s == NULL || begin(s, e) < 0)
		return -1;
	sandbox_wait(s, call, answer);
	return 0;
}

int
api_delete_sandbox(struct call *call, void *params, struct error *e)
{
	return change(call, params, life_delete, answer_empty, e);
}

int
api_start_sandbox(struct call *call, void *params, struct error *e)
{
	return change(call, params, life_start, answer_sandbox, e);
}

int
api_stop_sandbox(struct call *call, void *params, struct error *e)
{
	return change(call, params, life_stop, answer_sandbox, e);
}
