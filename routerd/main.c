/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - routerd: what sandboxes ask of models.
 *
 * The parent serves io.openshell.Router to gatewayd and reads no byte of a
 * sandbox; its workers (worker.h) do nothing else.  Keys of models are in
 * memory only.
 */
#include <stdlib.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/log.h"
#include "common/net/tls.h"
#include "common/unixsock.h"
#include "common/varlink/fleet.h"
#include "common/varlink/server.h"
#include "common/wire/router.h"
#include "routerd/calls.h"
#include "routerd/standalone.h"
#include "routerd/worker.h"

struct routerd {
	const char *socket;
	const char *upstream_ca;
	const char *workers;
	const char *routes;
	const char *listen;
	struct tls_trust *trust;
	struct worker_start start;
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
	.product = "openshell routerd",
	.interface = &router_interface,
	.handlers = calls_handlers,
	.role = role_of,
};

static int
prepare(struct routerd *r, struct error *e)
{
	r->start.listener = -1;
	if ((r->routes == NULL) != (r->listen == NULL))
		return error_set(e, ERR_INVALID,
		    "--inference-routes and --listen go together");
	if (r->socket == NULL && r->routes == NULL)
		return error_set(e, ERR_INVALID, "--socket PATH is missing");
	if (tls_trust_load(r->upstream_ca, TLS_ALPN_HTTP_2_OR_1, &r->trust, e) <
	    0)
		return -1;
	r->start.trust = r->trust;
	if (r->routes == NULL)
		return 0;
	if (standalone_read(r->routes, &r->start.table, e) < 0)
		return -1;
	return standalone_listen(r->listen, &r->start.listener, e);
}

static int
start(struct event_base *base, void *ctx, struct error *e)
{
	struct routerd *r = ctx;
	unsigned n;
	int fd;

	if (prepare(r, e) < 0 || fleet_count(r->workers, &n, e) < 0)
		return -1;
	/* Before the socket: workers have none of the parent's. */
	worker_process.arg = &r->start;
	worker_process.keep = &r->start.listener;
	service.ctx = fleet_start(base, n, &worker_process);
	if (r->start.listener >= 0)
		(void)close(r->start.listener);
	if (r->socket == NULL)
		return 0;
	if (unixsock_listen(r->socket, 0600, &fd, e) < 0)
		return -1;
	r->server = varlink_server_new(base, &service);
	return varlink_server_listen(r->server, fd, e);
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
	struct routerd *r = ctx;

	varlink_server_free(r->server);
	if (r->server != NULL)
		(void)unlink(r->socket);
	/* The workers end when they see that we are gone. */
}

int
main(int argc, char **argv)
{
	struct routerd routerd = { 0 };
	const struct daemon_option options[] = {
		{ "socket", "PATH", "where gatewayd reaches it",
		    &routerd.socket },
		{ "upstream-ca", "FILE",
		    "authorities (PEM) that backends may have besides the "
		    "system's",
		    &routerd.upstream_ca },
		{ "workers", "N", "processes that serve (default: a CPU each)",
		    &routerd.workers },
		{ "inference-routes", "FILE",
		    "routes (YAML) to serve without a gateway",
		    &routerd.routes },
		{ "listen", "ADDR:PORT", "where to serve them, as plain HTTP",
		    &routerd.listen },
		{ 0 },
	};
	const struct daemon daemon = {
		.name = "routerd",
		.summary = "Asks models what sandboxes ask of "
			   "https://inference.local; gatewayd starts it.",
		.options = options,
		.start = start,
		.confine = confine,
		.stop = stop,
		.notify = daemon_notify_systemd,
	};

	return daemon_run(&daemon, &routerd, argc, argv);
}
