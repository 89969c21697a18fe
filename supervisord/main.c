/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - supervisord: builds one sandbox for gatewayd, and is its PID 1.
 *
 * Started by gatewayd with one end of a socket pair as descriptor 3, on which
 * it serves one call, Create, and then leaves; the process that it cloned
 * stays (inside.h).
 */
#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/log.h"
#include "common/varlink/server.h"
#include "common/wire/supervisor.h"
#include "supervisord/launch.h"
#include "supervisord/plan.h"
#include "supervisord/remove.h"

#define CREATOR_FD 3

struct launcher {
	const char *remove; /* --remove */
	struct event_base *base;
	struct varlink_server *server;
	struct event *hung_up;
	int creator; /* our own duplicate, to see its end */
	bool used;
};

static int
create(struct call *call, void *params, struct error *e)
{
	struct launcher *l = call_ctx(call);
	struct supervisor_fact shown[FACTS_MAX];
	struct supervisor_created reply = { 0, { shown, 0 } };
	struct facts facts = { 0 };
	struct plan plan;
	pid_t pid = 0;
	int r;

	if (l->used)
		return error_set(e, ERR_PRECONDITION,
		    "this supervisord has made its sandbox");
	l->used = true;
	r = plan_read(params, l->creator, &plan, e);
	if (r == 0)
		r = launch(&plan, &pid, &facts, e);
	plan_clear(&plan);
	if (r < 0)
		return -1;
	reply.pid = pid;
	for (; reply.facts.n < facts.n; reply.facts.n++)
		shown[reply.facts.n] = (struct supervisor_fact){
			facts.v[reply.facts.n].layer,
			facts.v[reply.facts.n].level,
			facts.v[reply.facts.n].full != 0,
		};
	call_reply(call, &reply);
	return 0;
}

static const struct handler handlers[] = {
	{ &supervisor_create_method, ROLE_ADMIN, create },
	{ 0 },
};

static enum role
role_of(void *ctx, const struct peer *peer)
{
	(void)ctx;
	(void)peer;
	return ROLE_ADMIN; /* the socket came from whoever started us */
}

static struct service service = {
	.product = "openshell supervisord",
	.interface = &supervisor_interface,
	.handlers = handlers,
	.role = role_of,
};

static void
on_hung_up(evutil_socket_t fd, short what, void *arg)
{
	struct launcher *l = arg;
	char byte;

	(void)what;
	if (recv((int)fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		(void)event_base_loopbreak(l->base);
}

static int
start(struct event_base *base, void *ctx, struct error *e)
{
	struct launcher *l = ctx;

	if (l->remove != NULL)
		return remove_tree_as_sandbox(l->remove, e);
	l->base = base;
	l->creator = fcntl(CREATOR_FD, F_DUPFD_CLOEXEC, CREATOR_FD + 1);
	if (l->creator < 0)
		return error_set(e, ERR_INVALID,
		    "gatewayd starts supervisord; there is nothing to do "
		    "without it");
	l->hung_up =
	    event_new(base, l->creator, EV_READ | EV_PERSIST, on_hung_up, l);
	if (l->hung_up == NULL || event_add(l->hung_up, NULL) < 0)
		fatalx("cannot watch the creator");
	service.ctx = l;
	l->server = varlink_server_new(base, &service);
	return varlink_server_add(l->server, CREATOR_FD, e);
}

static int
confine(void *ctx, struct error *e)
{
	(void)e;
	if (((struct launcher *)ctx)->remove != NULL)
		exit(EXIT_SUCCESS);
	return 0;
}

static void
stop(void *ctx)
{
	struct launcher *l = ctx;

	varlink_server_free(l->server);
	if (l->hung_up != NULL)
		event_free(l->hung_up);
}

int
main(int argc, char **argv)
{
	struct launcher launcher = { .creator = -1 };
	const struct daemon_option options[] = {
		{ "remove", "DIR",
		    "remove a sandbox's directory, with files of its own "
		    "users",
		    &launcher.remove },
		{ 0 },
	};
	const struct daemon daemon = {
		.name = "supervisord",
		.summary = "The first process of a sandbox; gatewayd starts "
			   "it.",
		.options = options,
		.start = start,
		.confine = confine,
		.stop = stop,
	};

	return daemon_run(&daemon, &launcher, argc, argv);
}
