/* SPDX-License-Identifier: Apache-2.0 */
/* api_policy.c - policies: set, looked at, waited for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/policy/policy.h"
#include "common/wire/gateway.h"
#include "common/xalloc.h"
#include "gatewayd/api.h"
#include "gatewayd/api_policy.h"
#include "gatewayd/gateway.h"
#include "gatewayd/revision.h"
#include "gatewayd/sandbox.h"
#include "gatewayd/store.h"

#define LIST_DEFAULT 20
#define WAIT_DEFAULT_MS 60000

static void
answer_invalid(struct call *call, const struct violations *bad)
{
	struct gateway_violation rows[POLICY_VIOLATIONS_MAX];
	char message[64];
	struct gateway_policy_invalid reply = { message, { rows, bad->n } };

	(void)snprintf(message, sizeof(message),
	    "policy contains unsafe content: %zu%s violation%s", bad->n,
	    bad->more ? " or more" : "", bad->n == 1 ? "" : "s");
	for (size_t i = 0; i < bad->n; i++)
		rows[i] = (struct gateway_violation){ bad->v[i].line,
			bad->v[i].column, bad->v[i].path, bad->v[i].message };
	call_error_with(
	    call, "PolicyInvalid", gateway_policy_invalid_fields, &reply);
}

bool
api_parse_policy(struct call *call, const char *text, struct policy **ret)
{
	struct violations *bad = xcalloc(1, sizeof(*bad));
	bool ok = policy_parse(text, strlen(text), ret, bad, NULL) == 0;

	if (!ok)
		answer_invalid(call, bad);
	violations_clear(bad);
	free(bad);
	return ok;
}

/* Against what the sandbox was created with: that is what was applied. */
static int
check_static(struct sandbox *s, const struct policy *new, struct error *e)
{
	struct revision first = { 0 };
	struct policy *old = NULL;
	struct strings unused = { NULL, 0 };
	int r;

	if (revision_get(s, 1, &first, e) < 0)
		return -1;
	r = revision_binaries(first.policy, &unused, &old);
	if (r < 0)
		(void)error_set(
		    e, ERR_SYSTEM, "stored policy version 1 can't be read");
	else
		r = policy_check_update(old, new, e);
	free(unused.v);
	policy_free(old);
	revision_clear(&first);
	return r;
}

int
api_set_policy(struct call *call, void *params, struct error *e)
{
	const struct gateway_set_policy *p = params;
	struct sandbox *s =
	    sandbox_find(call_ctx(call), p->name, call_peer(call), e);
	struct gateway_policy_set reply = { 0 };
	struct policy *policy = NULL;
	char hash[65];
	int r;

	if (s == NULL)
		return -1;
	if (s->phase == PHASE_DELETING)
		return error_set(e, ERR_PRECONDITION,
		    "sandbox '%s' is being deleted", s->name);
	if (!api_parse_policy(call, p->policy, &policy))
		return 0;
	r = check_static(s, policy, e);
	if (r == 0)
		r = revision_set(
		    s, policy, &reply.version, hash, &reply.unchanged, e);
	policy_free(policy);
	if (r < 0)
		return -1;
	reply.hash = hash;
	call_reply(call, &reply);
	return 0;
}

int
api_get_policy(struct call *call, void *params, struct error *e)
{
	const struct gateway_get_policy *p = params;
	struct sandbox *s =
	    sandbox_find(call_ctx(call), p->name, call_peer(call), e);
	struct gateway_revision reply;
	struct revision r = { 0 };

	if (s == NULL || revision_get(s, p->version, &r, e) < 0)
		return -1;
	if (p->effective)
		revision_complete(s, &r);
	revision_describe(&r, s->loaded_version, &reply);
	call_reply(call, &reply);
	revision_clear(&r);
	return 0;
}

int
api_wait_policy(struct call *call, void *params, struct error *e)
{
	const struct gateway_wait_policy *p = params;
	struct sandbox *s =
	    sandbox_find(call_ctx(call), p->name, call_peer(call), e);

	if (s == NULL)
		return -1;
	return revision_wait(s, p->version,
	    p->timeout_ms > 0 ? p->timeout_ms : WAIT_DEFAULT_MS, call, e);
}

struct list {
	struct sandbox *s;
	struct revision *rows;
	size_t n;
	size_t max;
};

static void
collect(void *arg, const struct store_revision *row)
{
	struct list *l = arg;

	if (l->n < l->max)
		l->rows[l->n++] = (struct revision){ row->version, NULL,
			xstrdup(row->hash), xstrdup(row->status),
			row->error != NULL ? xstrdup(row->error) : NULL,
			row->created_at_ms, row->loaded_at_ms };
}

int
api_list_policies(struct call *call, void *params, struct error *e)
{
	const struct gateway_list_policies *p = params;
	struct gateway *gw = call_ctx(call);
	struct sandbox *s = sandbox_find(gw, p->name, call_peer(call), e);
	size_t max = p->limit > 0 ? (size_t)p->limit : LIST_DEFAULT;
	autofree struct revision *rows = xcalloc(max, sizeof(*rows));
	autofree struct gateway_revision *described =
	    xcalloc(max, sizeof(*described));
	struct list l = { s, rows, 0, max };
	struct gateway_revisions reply = { { described, 0 } };
	int r;

	if (s == NULL)
		return -1;
	r = store_revision_each(gw->store, s->id, (int64_t)max, collect, &l, e);
	for (; reply.revisions.n < l.n; reply.revisions.n++)
		revision_describe(&rows[reply.revisions.n], s->loaded_version,
		    &described[reply.revisions.n]);
	if (r == 0)
		call_reply(call, &reply);
	for (size_t i = 0; i < l.n; i++)
		revision_clear(&rows[i]);
	return r;
}
