/* SPDX-License-Identifier: Apache-2.0 */
/* api_gateway.c - the gateway itself and its logs; the table of all methods. */
#include <event2/event.h>
#include <unistd.h>

#include "common/when.h"
#include "common/wire/gateway.h"
#include "common/wire/inference.h"
#include "common/wire/profile.h"
#include "common/wire/provider.h"
#include "common/wire/refresh.h"
#include "gatewayd/api.h"
#include "gatewayd/event_log.h"
#include "gatewayd/gateway.h"
#include "gatewayd/link.h"
#include "gatewayd/rotate.h"
#include "gatewayd/sandbox.h"

int
api_get_logs(struct call *call, void *params, struct error *e)
{
	const struct gateway_logs *p = params;
	struct gateway *gw = call_ctx(call);
	struct sandbox *s = sandbox_find(gw, p->name, call_peer(call), e);
	struct event_query q = { NULL, p->since_ms, p->limit, p->level,
		p->source };

	if (s == NULL || event_query_check(&q, e) < 0)
		return -1;
	if (p->follow && !call_wants_more(call))
		return error_set(
		    e, ERR_INVALID, "follow needs a call that wants more");
	q.sandbox = s->id;
	return event_log_answer(gw->events, &q, p->follow, call, e);
}

int
api_get_status(struct call *call, void *params, struct error *e)
{
	struct gateway *gw = call_ctx(call);
	struct gateway_daemon daemons[2];
	struct gateway_status reply = { .version = OPENSHELL_VERSION,
		.pid = getpid(),
		.uptime_ms = when_now_ms() - gw->started_at_ms,
		.state_dir = gw->dirs.state,
		.daemons = { daemons, 2 } };
	const struct sandbox *s;

	(void)params;
	(void)e;
	if (reply.uptime_ms < 0)
		reply.uptime_ms = 0; /* the clock was set back */
	TAILQ_FOREACH(s, &gw->sandboxes->list, next)
	{
		if (!sandbox_is_visible(s, call_peer(call)))
			continue;
		reply.sandboxes++;
		reply.ready += s->phase == PHASE_READY;
	}
	link_describe(gw->proxy, &daemons[0]);
	link_describe(gw->router, &daemons[1]);
	call_reply(call, &reply);
	return 0;
}

int
api_rotate_key(struct call *call, void *params, struct error *e)
{
	struct gateway_key_rotated reply;

	(void)params;
	if (rotate_key(call_ctx(call), &reply.secrets, e) < 0)
		return -1;
	call_reply(call, &reply);
	return 0;
}

int
api_shutdown(struct call *call, void *params, struct error *e)
{
	struct gateway *gw = call_ctx(call);

	(void)params;
	(void)e;
	call_reply(call, NULL);
	gw->shutting_down = true;
	/* After the reply has left. */
	(void)event_base_loopexit(gw->base, NULL);
	return 0;
}

const struct handler api_handlers[] = {
	{ &gateway_create_sandbox_method, ROLE_USER, api_create_sandbox },
	{ &gateway_get_sandbox_method, ROLE_USER, api_get_sandbox },
	{ &gateway_list_sandboxes_method, ROLE_USER, api_list_sandboxes },
	{ &gateway_delete_sandbox_method, ROLE_USER, api_delete_sandbox },
	{ &gateway_start_sandbox_method, ROLE_USER, api_start_sandbox },
	{ &gateway_stop_sandbox_method, ROLE_USER, api_stop_sandbox },
	{ &gateway_exec_method, ROLE_USER, api_exec },
	{ &gateway_signal_method, ROLE_USER, api_signal },
	{ &gateway_set_policy_method, ROLE_USER, api_set_policy },
	{ &gateway_get_policy_method, ROLE_USER, api_get_policy },
	{ &gateway_wait_policy_method, ROLE_USER, api_wait_policy },
	{ &gateway_list_policies_method, ROLE_USER, api_list_policies },
	{ &gateway_logs_method, ROLE_USER, api_get_logs },
	{ &gateway_create_provider_method, ROLE_USER, api_create_provider },
	{ &gateway_get_provider_method, ROLE_USER, api_get_provider },
	{ &gateway_list_providers_method, ROLE_USER, api_list_providers },
	{ &gateway_update_provider_method, ROLE_USER, api_update_provider },
	{ &gateway_delete_provider_method, ROLE_USER, api_delete_provider },
	{ &gateway_attach_provider_method, ROLE_USER, api_attach_provider },
	{ &gateway_detach_provider_method, ROLE_USER, api_detach_provider },
	{ &gateway_list_profiles_method, ROLE_USER, api_list_profiles },
	{ &gateway_export_profile_method, ROLE_USER, api_export_profile },
	{ &gateway_check_profiles_method, ROLE_USER, api_check_profiles },
	{ &gateway_import_profiles_method, ROLE_ADMIN, api_import_profiles },
	{ &gateway_update_profile_method, ROLE_ADMIN, api_update_profile },
	{ &gateway_delete_profile_method, ROLE_ADMIN, api_delete_profile },
	{ &gateway_configure_refresh_method, ROLE_USER, api_configure_refresh },
	{ &gateway_list_refreshes_method, ROLE_USER, api_list_refreshes },
	{ &gateway_rotate_refresh_method, ROLE_USER, api_rotate_refresh },
	{ &gateway_delete_refresh_method, ROLE_USER, api_delete_refresh },
	{ &gateway_set_inference_method, ROLE_USER, api_set_inference },
	{ &gateway_list_inference_method, ROLE_USER, api_list_inference },
	{ &gateway_delete_inference_method, ROLE_USER, api_delete_inference },
	{ &gateway_inference_usage_method, ROLE_USER, api_inference_usage },
	{ &gateway_status_method, ROLE_USER, api_get_status },
	{ &gateway_rotate_key_method, ROLE_ADMIN, api_rotate_key },
	{ &gateway_shutdown_method, ROLE_ADMIN, api_shutdown },
	{ 0 },
};
