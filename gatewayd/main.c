/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - gatewayd, the control plane: makes the parts and runs the loop.
 *
 * It never sets no_new_privs: supervisord, which it executes, may need the
 * set-uid newuidmap(1).
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/unixsock.h"
#include "common/varlink/server.h"
#include "common/when.h"
#include "common/wire/gateway.h"
#include "common/wire/proxy.h"
#include "common/wire/router.h"
#include "common/xalloc.h"
#include "gatewayd/api.h"
#include "gatewayd/attachment.h"
#include "gatewayd/event_log.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inference.h"
#include "gatewayd/life.h"
#include "gatewayd/link.h"
#include "gatewayd/profile_file.h"
#include "gatewayd/provider.h"
#include "gatewayd/refresh.h"
#include "gatewayd/rotate.h"
#include "gatewayd/sandbox.h"
#include "gatewayd/seal.h"
#include "gatewayd/store.h"

#define GROUP "openshell"
#define GROUPS_MAX_ 256

static struct gateway gateway = { .lock_fd = -1 };
static const char *no_children;

static bool
is_member(const struct peer *peer)
{
	const struct group *g = getgrnam(GROUP);

	if (g == NULL)
		return false;
	if (peer->gid == g->gr_gid)
		return true;
	for (char **m = g->gr_mem; *m != NULL; m++) {
		const struct passwd *pw = getpwnam(*m);

		if (pw != NULL && pw->pw_uid == peer->uid)
			return true;
	}
	return false;
}

static enum role
role_of(void *ctx, const struct peer *peer)
{
	(void)ctx;
	if (peer->uid == 0 || peer->uid == geteuid())
		return ROLE_ADMIN;
	return is_member(peer) ? ROLE_USER : ROLE_NOBODY;
}

static const struct service service = {
	.product = "openshell gatewayd",
	.interface = &gateway_interface,
	.handlers = api_handlers,
	.role = role_of,
	.ctx = &gateway,
};

static int
read_boot_id(char *ret, size_t size, struct error *e)
{
	autoclose int fd =
	    open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

	if (n < 0)
		return error_errno(e, "cannot read the boot id");
	ret[n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}

static int
make_dirs(struct gateway *gw, struct error *e)
{
	autofree char *sockets = NULL, *states = NULL;

	if (dirs_find(&gw->dirs, e) < 0)
		return -1;
	sockets = xasprintf("%s/sandboxes", gw->dirs.runtime);
	states = xasprintf("%s/sandboxes", gw->dirs.state);
	if (dirs_make(gw->dirs.runtime, e) < 0 || dirs_make(sockets, e) < 0 ||
	    dirs_make(gw->dirs.state, e) < 0 || dirs_make(states, e) < 0)
		return -1;
	return 0;
}

/* One gatewayd a state directory: two would fight over the sandboxes. */
static int
take_lock(struct gateway *gw, struct error *e)
{
	autofree char *path = xasprintf("%s/gateway.lock", gw->dirs.state);
	autoclose int fd =
	    open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return error_errno(e, "cannot open '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return error_set(e, ERR_EXISTS,
			    "another gatewayd serves '%s'", gw->dirs.state);
		return error_errno(e, "cannot lock '%s'", path);
	}
	gw->lock_fd = steal_fd(&fd);
	return 0;
}

static int
open_state(struct gateway *gw, struct error *e)
{
	autofree char *db = xasprintf("%s/openshell.db", gw->dirs.state);
	autofree char *key = xasprintf("%s/key", gw->dirs.state);
	bool is_sealed;

	if (store_open(db, &gw->store, e) < 0 ||
	    rotate_needs_key(gw, &is_sealed, e) < 0 ||
	    seal_open(key, !is_sealed, &gw->seal, e) < 0 ||
	    rotate_check(gw, e) < 0)
		return -1;
	gw->events = event_log_new(gw->base, gw->store);
	gw->upstream_ca = xasprintf("%s/upstream-ca.pem", gw->dirs.config);
	TAILQ_INIT(&gw->routes);
	TAILQ_INIT(&gw->profiles);
	profiles_load(&gw->profiles, gw->dirs.config);
	if (providers_load(gw, e) < 0 || refreshes_load(gw, e) < 0 ||
	    inference_load(gw, e) < 0)
		return -1;
	return sandboxes_load(gw, e) < 0 ? -1 : attachments_load(gw, e);
}

static int64_t
proxy_workers(const void *status)
{
	return ((const struct proxy_status *)status)->workers;
}

static void
on_proxy_up(void *arg, const void *status)
{
	life_proxy_up(arg, &((const struct proxy_status *)status)->attached);
	inference_connect(arg);
}

static int64_t
router_workers(const void *status)
{
	return ((const struct router_status *)status)->workers;
}

static void
on_router_up(void *arg, const void *status)
{
	(void)status;
	inference_push(arg);
	inference_connect(arg);
}

static bool
on_router_event(void *arg, const struct log_event *event)
{
	return inference_count(arg, event);
}

static struct link *
start_daemon(struct gateway *gw, struct link_config config, const char *socket)
{
	bool has_ca = access(gw->upstream_ca, R_OK) == 0;

	config.socket = socket;
	config.upstream_ca = has_ca ? gw->upstream_ca : NULL;
	config.starts = no_children == NULL;
	config.arg = gw;
	return link_new(gw->base, &config, gw->events);
}

static void
start_daemons(struct gateway *gw)
{
	gw->proxy_socket = xasprintf("%s/proxy.sock", gw->dirs.runtime);
	gw->router_socket = xasprintf("%s/router.sock", gw->dirs.runtime);
	gw->proxy = start_daemon(gw,
	    (struct link_config){ .name = "proxyd",
		.interface = &proxy_interface,
		.status = &proxy_status_method,
		.events = &proxy_events_method,
		.workers = proxy_workers,
		.up = on_proxy_up },
	    gw->proxy_socket);
	gw->router = start_daemon(gw,
	    (struct link_config){ .name = "routerd",
		.interface = &router_interface,
		.status = &router_status_method,
		.events = &router_events_method,
		.workers = router_workers,
		.up = on_router_up,
		.event = on_router_event },
	    gw->router_socket);
}

static int
listen_for_callers(struct gateway *gw, struct error *e)
{
	const struct group *g = getgrnam(GROUP);
	int fd;

	gw->socket = xasprintf("%s/" GATEWAY_SOCKET_NAME, gw->dirs.runtime);
	if (unixsock_listen(gw->socket, 0660, &fd, e) < 0)
		return -1;
	/* Members of the group may come in where there is one. */
	if (g != NULL && geteuid() == 0 &&
	    chown(gw->socket, (uid_t)-1, g->gr_gid) < 0)
		log_warn("cannot give the socket to group " GROUP);
	gw->server = varlink_server_new(gw->base, &service);
	return varlink_server_listen(gw->server, fd, e);
}

static int
start(struct event_base *base, void *ctx, struct error *e)
{
	struct gateway *gw = ctx;

	gw->base = base;
	gw->started_at_ms = when_now_ms();
	/* Whoever holds the sealing key isn't looked into. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_errno(e, "cannot become undumpable");
	if (make_dirs(gw, e) < 0 || take_lock(gw, e) < 0 ||
	    read_boot_id(gw->boot_id, sizeof(gw->boot_id), e) < 0 ||
	    open_state(gw, e) < 0)
		return -1;
	start_daemons(gw);
	life_resume(gw);
	return listen_for_callers(gw, e);
}

static void
stop(void *ctx)
{
	struct gateway *gw = ctx;

	if (gw->server != NULL)
		(void)unlink(gw->socket);
	varlink_server_free(gw->server);
	link_free(gw->proxy, gw->shutting_down && no_children == NULL);
	link_free(gw->router, gw->shutting_down && no_children == NULL);
	sandboxes_free(gw->sandboxes);
	inference_free(gw);
	refreshes_free(gw->refreshes);
	providers_free(gw->providers);
	profiles_clear(&gw->profiles);
	event_log_free(gw->events);
	store_close(gw->store);
	seal_free(gw->seal);
	dirs_clear(&gw->dirs);
	free(gw->socket);
	free(gw->proxy_socket);
	free(gw->router_socket);
	free(gw->upstream_ca);
}

static const struct daemon_option options[] = {
	{ "no-children", NULL,
	    "other daemons are started by somebody else (systemd)",
	    &no_children },
	{ 0 },
};

int
main(int argc, char **argv)
{
	static const struct daemon daemon = {
		.name = "gatewayd",
		.summary = "OpenShell's control plane.",
		.options = options,
		.start = start,
		.stop = stop,
		.notify = daemon_notify_systemd,
	};

	return daemon_run(&daemon, &gateway, argc, argv);
}
