/* SPDX-License-Identifier: Apache-2.0 */
/* service.c - see service.h. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/varlink/server.h"
#include "common/wire/limits.h"
#include "common/wire/supervisor.h"
#include "common/xalloc.h"
#include "supervisord/listeners.h"
#include "supervisord/owner.h"
#include "supervisord/plan.h"
#include "supervisord/service.h"
#include "supervisord/session.h"

static int
get_listeners(struct call *call, void *params, struct error *e)
{
	const struct supervisor_listeners_params *p = params;
	struct service_parts *parts = call_ctx(call);
	int owners[WIRE_OWNERS_MAX];
	struct supervisor_listeners reply = {
		.explicit_proxy = parts->listeners->explicit_proxy,
		.transparent = parts->listeners->transparent,
		.dns_udp = parts->listeners->dns_udp,
		.dns_tcp = parts->listeners->dns_tcp,
		.names = parts->listeners->names,
		.owners = { owners, 0 },
	};
	int r = 0;

	if (p->owners < 1)
		return error_set(
		    e, ERR_INVALID, "owners must be 1..%d", WIRE_OWNERS_MAX);
	while (r == 0 && (int64_t)reply.owners.n < p->owners) {
		r = owner_open(
		    parts->base, parts->records, &owners[reply.owners.n], e);
		reply.owners.n += r == 0;
	}
	if (r == 0)
		call_reply(call, &reply);
	for (size_t i = 0; i < reply.owners.n; i++)
		(void)close(owners[i]);
	return r;
}

static int
exec_command(struct call *call, void *params, struct error *e)
{
	struct service_parts *parts = call_ctx(call);

	return sessions_exec(parts->sessions, params, call, e);
}

static int
send_signal(struct call *call, void *params, struct error *e)
{
	const struct supervisor_signal *p = params;
	struct service_parts *parts = call_ctx(call);

	if (sessions_signal(parts->sessions, p->session, (int)p->signo, e) < 0)
		return -1;
	call_reply(call, NULL);
	return 0;
}

static int
resolve_links(struct call *call, void *params, struct error *e)
{
	const struct supervisor_resolve *p = params;
	struct supervisor_resolved reply = { { NULL, 0 } };

	(void)e;
	reply.links.v = xcalloc(p->paths.n + 1, sizeof(*reply.links.v));
	for (size_t i = 0; i < p->paths.n; i++) {
		char *target = realpath(p->paths.v[i], NULL);

		if (target == NULL || strcmp(target, p->paths.v[i]) == 0) {
			free(target);
			continue;
		}
		reply.links.v[reply.links.n].name = p->paths.v[i];
		reply.links.v[reply.links.n++].value = target;
	}
	call_reply(call, &reply);
	for (size_t i = 0; i < reply.links.n; i++)
		free((void *)(uintptr_t)reply.links.v[i].value);
	free(reply.links.v);
	return 0;
}

static int
get_info(struct call *call, void *params, struct error *e)
{
	struct service_parts *parts = call_ctx(call);
	struct supervisor_fact facts[FACTS_MAX];
	struct supervisor_info reply = {
		.sessions = (int64_t)sessions_count(parts->sessions),
		.facts = { facts, parts->facts->n },
	};

	(void)params;
	(void)e;
	for (size_t i = 0; i < parts->facts->n; i++)
		facts[i] = (struct supervisor_fact){
			parts->facts->v[i].layer,
			parts->facts->v[i].level,
			parts->facts->v[i].full != 0,
		};
	call_reply(call, &reply);
	return 0;
}

static const struct handler handlers[] = {
	{ &supervisor_listeners_method, ROLE_ADMIN, get_listeners },
	{ &supervisor_exec_method, ROLE_ADMIN, exec_command },
	{ &supervisor_signal_method, ROLE_ADMIN, send_signal },
	{ &supervisor_resolve_method, ROLE_ADMIN, resolve_links },
	{ &supervisor_info_method, ROLE_ADMIN, get_info },
	{ 0 },
};

static enum role
role_of(void *ctx, const struct peer *peer)
{
	(void)ctx;
	/* Processes outside have no number in here. */
	return peer->pid == 0 ? ROLE_ADMIN : ROLE_NOBODY;
}

int
service_start(struct service_parts *parts, int socket, struct error *e)
{
	struct service *service = xcalloc(1, sizeof(*service));
	struct varlink_server *server;

	*service = (struct service){
		.product = "openshell supervisord",
		.interface = &supervisor_interface,
		.handlers = handlers,
		.role = role_of,
		.ctx = parts,
	};
	server = varlink_server_new(parts->base, service);
	return varlink_server_listen(server, socket, e);
}
