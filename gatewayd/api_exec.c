/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_exec.c - commands in a sandbox.
 *
 * gatewayd asks the sandbox's supervisord and passes on what it answers, its
 * descriptors included: the bytes of the command flow between the client and
 * the kernel.  Each command has a connection of its own, since one carries one
 * call at a time.  A client that goes away hangs up on its command, as a
 * terminal would.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/varlink/client.h"
#include "common/wire/gateway.h"
#include "common/wire/limits.h"
#include "common/wire/supervisor.h"
#include "common/xalloc.h"
#include "gatewayd/api.h"
#include "gatewayd/attachment.h"
#include "gatewayd/driver.h"
#include "gatewayd/gateway.h"
#include "gatewayd/sandbox.h"

struct exec {
	struct sandbox *s; /* a reference */
	struct call *call; /* NULL: the client is gone */
	struct varlink_client *client;
	int64_t session; /* 0: not started */
};

static struct sandbox *
find_ready(struct call *call, const char *name, struct error *e)
{
	struct sandbox *s =
	    sandbox_find(call_ctx(call), name, call_peer(call), e);

	if (s == NULL)
		return NULL;
	if (s->phase != PHASE_READY || s->instance == NULL) {
		(void)error_set(e, ERR_PRECONDITION,
		    "sandbox '%s' is not ready: it is %s%s%s", s->name,
		    phase_name(s->phase), s->reason != NULL ? ": " : "",
		    s->reason != NULL ? s->reason : "");
		return NULL;
	}
	return s;
}

static void
exec_free(struct exec *x)
{
	varlink_client_free(x->client);
	sandbox_unref(x->s);
	free(x);
}

static void
send_signal(struct sandbox *s, int64_t session, int64_t signo)
{
	struct supervisor_signal params = { session, signo };

	if (s->control != NULL)
		varlink_client_call(s->control, &supervisor_signal_method,
		    &params, false, NULL, NULL);
}

static void
on_reply(void *arg, const struct varlink_result *r)
{
	struct exec *x = arg;
	const struct supervisor_exec_reply *reply = r->reply;
	struct call *call = x->call;

	if (reply != NULL && reply->started) {
		x->session = reply->session;
		if (call == NULL) /* it went away before */
			send_signal(x->s, x->session, SIGHUP);
	}
	if (r->continues) {
		if (call != NULL)
			call_reply_more(call, reply);
		return;
	}
	if (call != NULL) {
		call_on_end(call, NULL, NULL);
		if (r->error != NULL)
			call_error(call, r->error);
		else
			call_reply(call, reply);
	}
	exec_free(x);
}

static void
on_closed(void *arg)
{
	(void)arg; /* on_reply has had the last word */
}

/* The client went away. */
static void
on_call_end(void *arg)
{
	struct exec *x = arg;

	x->call = NULL;
	if (x->session != 0)
		send_signal(x->s, x->session, SIGHUP);
}

/* The sandbox's variables, and the command's over them; owned array. */
static struct pairs
merge_env(const struct pairs *base, const struct pairs *over)
{
	struct pairs all = { xcalloc(base->n + over->n + 1, sizeof(*all.v)),
		0 };

	for (size_t i = 0; i < base->n; i++) {
		bool replaced = false;

		for (size_t j = 0; j < over->n; j++)
			replaced = replaced || strcmp(base->v[i].name,
						   over->v[j].name) == 0;
		if (!replaced)
			all.v[all.n++] = base->v[i];
	}
	for (size_t j = 0; j < over->n; j++)
		all.v[all.n++] = over->v[j];
	return all;
}

int
api_exec(struct call *call, void *params, struct error *e)
{
	const struct gateway_exec *p = params;
	struct sandbox *s = find_ready(call, p->name, e);
	struct exec *x;
	struct pairs placeholders, all, env;
	int fd;

	if (s == NULL || instance_connect(s->instance, &fd, e) < 0)
		return -1;
	attachment_env(s, &placeholders);
	all = merge_env(&placeholders, &s->spec->env);
	env = merge_env(&all, &p->env);
	free(all.v);
	if (env.n > WIRE_ENV_MAX) {
		free(env.v);
		attachment_env_clear(&placeholders);
		(void)close(fd);
		return error_set(e, ERR_LIMIT,
		    "more than %d environment variables", WIRE_ENV_MAX);
	}
	struct supervisor_exec request = {
		.argv = p->argv,
		.env = env,
		.workdir = p->workdir,
		.tty = p->tty,
		.rows = p->rows,
		.cols = p->cols,
		.timeout_ms = p->timeout_s * 1000,
		.term = p->term,
	};

	x = xcalloc(1, sizeof(*x));
	x->s = sandbox_ref(s);
	x->call = call;
	x->client = varlink_client_new(
	    s->gw->base, &supervisor_interface, fd, on_closed, x);
	call_on_end(call, on_call_end, x);
	varlink_client_call(
	    x->client, &supervisor_exec_method, &request, true, on_reply, x);
	free(env.v);
	attachment_env_clear(&placeholders);
	return 0;
}

int
api_signal(struct call *call, void *params, struct error *e)
{
	const struct gateway_signal *p = params;
	struct sandbox *s = find_ready(call, p->name, e);

	if (s == NULL)
		return -1;
	send_signal(s, p->session, p->signo);
	call_reply(call, NULL);
	return 0;
}
