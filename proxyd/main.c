/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - proxyd: every byte that leaves a sandbox.
 *
 * The parent serves io.openshell.Proxy to gatewayd and reads no byte of a
 * sandbox; its workers (worker.h) do nothing else.  It keeps nothing on disk.
 */
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/net/tls.h"
#include "common/unixsock.h"
#include "common/varlink/fleet.h"
#include "common/varlink/server.h"
#include "common/wire/proxy.h"
#include "proxyd/calls.h"
#include "proxyd/worker.h"

struct proxyd {
	const char *socket;
	const char *upstream_ca;
	const char *workers;
	struct tls_trust *trust;
	struct varlink_server *server;
};

/* gatewayd's user, and nobody else but root. */
static enum role
role_of(void *ctx, const struct peer *peer)
{
	(void)ctx;
	return peer->uid == geteuid() || peer->uid == 0 ? ROLE_ADMIN
							: ROLE_NOBODY;
}

static struct service service = {
	.product = "openshell proxyd",
	.interface = &proxy_interface,
	.handlers = calls_handlers,
	.role = role_of,
};

static int
start(struct event_base *base, void *ctx, struct error *e)
{
	struct proxyd *p = ctx;
	unsigned n;
	int fd;

	if (p->socket == NULL)
		return error_set(e, ERR_INVALID, "--socket PATH is missing");
	if (fleet_count(p->workers, &n, e) < 0 ||
	    tls_trust_load(p->upstream_ca, TLS_ALPN_HTTP_1, &p->trust, e) < 0)
		return -1;
	/* Before the socket: workers have none of the parent's. */
	worker_process.arg = p->trust;
	service.ctx = fleet_start(base, n, &worker_process);
	if (unixsock_listen(p->socket, 0600, &fd, e) < 0)
		return -1;
	p->server = varlink_server_new(base, &service);
	return varlink_server_listen(p->server, fd, e);
}

static int
confine(void *ctx, struct error *e)
{
	(void)ctx;
	return daemon_harden(e);
}

static void
stop(void *ctx)
{
	struct proxyd *p = ctx;

	varlink_server_free(p->server);
	if (p->server != NULL)
		(void)unlink(p->socket);
	/* The workers end when they see that we are gone. */
}

int
main(int argc, char **argv)
{
	struct proxyd proxyd = { 0 };
	const struct daemon_option options[] = {
		{ "socket", "PATH", "where gatewayd reaches it",
		    &proxyd.socket },
		{ "upstream-ca", "FILE",
		    "authorities (PEM) that servers may have besides the "
		    "system's",
		    &proxyd.upstream_ca },
		{ "workers", "N", "processes that serve (default: a CPU each)",
		    &proxyd.workers },
		{ 0 },
	};
	const struct daemon daemon = {
		.name = "proxyd",
		.summary = "Carries out what sandboxes' policies allow; "
			   "gatewayd starts it.",
		.options = options,
		.start = start,
		.confine = confine,
		.stop = stop,
		.notify = daemon_notify_systemd,
	};

	return daemon_run(&daemon, &proxyd, argc, argv);
}
