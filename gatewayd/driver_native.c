/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_native.c - supervisord on this host: driver.h.
 *
 * A launcher supervisord builds the namespaces and leaves; PID 1 of the
 * sandbox stays and listens on its socket.  Who listens there is known from
 * SO_PEERCRED, which on a connection to a listening socket names whoever
 * called listen(2); its pidfd tells of its end.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/program.h"
#include "common/unixsock.h"
#include "common/varlink/client.h"
#include "common/wire/supervisor.h"
#include "common/xalloc.h"
#include "gatewayd/child.h"
#include "gatewayd/driver.h"
#include "gatewayd/remains.h"

/* Namespaces take milliseconds; a machine that swaps takes longer. */
static const struct timeval start_timeout = { 30, 0 };

struct instance {
	char *socket;
	pid_t pid;
	int pidfd;
	struct event *ended;
	driver_gone_fn *gone;
	void *arg;
};

static void
on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct instance *i = arg;

	(void)fd;
	(void)what;
	i->gone(i->arg); /* frees it */
}

void
instance_free(struct instance *i)
{
	if (i == NULL)
		return;
	if (i->ended != NULL)
		event_free(i->ended);
	if (i->pidfd >= 0)
		(void)close(i->pidfd);
	free(i->socket);
	free(i);
}

int
instance_connect(const struct instance *i, int *ret_fd, struct error *e)
{
	return unixsock_connect(i->socket, ret_fd, e);
}

static int
native_adopt(struct event_base *base, const char *socket, driver_gone_fn *gone,
    void *arg, struct instance **ret, struct error *e)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	struct instance *i;
	autoclose int fd = -1;

	if (unixsock_connect(socket, &fd, e) < 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
		return error_errno(e, "cannot tell who serves '%s'", socket);
	i = xcalloc(1, sizeof(*i));
	i->socket = xstrdup(socket);
	i->pid = who.pid;
	i->gone = gone;
	i->arg = arg;
	/* It serves us right now, so the number is still its own. */
	i->pidfd = (int)syscall(SYS_pidfd_open, who.pid, 0);
	if (i->pidfd < 0) {
		instance_free(i);
		return error_errno(e, "cannot watch pid %d", (int)who.pid);
	}
	i->ended = event_new(base, i->pidfd, EV_READ, on_ended, i);
	if (i->ended == NULL || event_add(i->ended, NULL) < 0)
		fatalx("cannot watch a sandbox");
	*ret = i;
	return 0;
}

static void
native_stop(struct instance *i)
{
	if (syscall(SYS_pidfd_send_signal, i->pidfd, SIGKILL, NULL, 0) < 0 &&
	    errno != ESRCH)
		log_warn("cannot kill sandbox pid=%d", (int)i->pid);
}

/* One start, until its supervisord has answered or failed. */
struct start {
	struct event_base *base;
	char *socket;
	struct child *launcher;
	struct varlink_client *client;
	struct event *timeout;
	driver_started_fn *started;
	driver_gone_fn *gone;
	void *arg;
};

static void
start_end(struct start *s, const struct objects *facts, const struct error *e)
{
	struct instance *instance = NULL;
	struct error failed;

	if (e == NULL && native_adopt(s->base, s->socket, s->gone, s->arg,
			     &instance, &failed) < 0)
		e = &failed;
	/* A launcher that didn't answer must not go on without us. */
	if (e != NULL && s->launcher != NULL)
		(void)kill(child_pid(s->launcher), SIGKILL);
	if (s->launcher != NULL)
		child_forget(s->launcher);
	s->started(s->arg, instance, facts, e);
	event_free(s->timeout);
	varlink_client_free(s->client);
	free(s->socket);
	free(s);
}

static void
on_created(void *arg, const struct varlink_result *r)
{
	const struct supervisor_created *created = r->reply;

	start_end(arg, created != NULL ? &created->facts : NULL, r->error);
}

static void
on_closed(void *arg)
{
	/* Every call was answered before: on_created has run. */
	(void)arg;
}

static void
on_launcher_exit(void *arg, int status)
{
	struct start *s = arg;

	(void)status;
	s->launcher = NULL;
}

static void
on_start_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct error e;

	(void)fd;
	(void)what;
	(void)error_set(&e, ERR_TIMEOUT, "supervisord did not answer in time");
	start_end(arg, NULL, &e);
}

static int
start_launch(struct start *s, struct error *e)
{
	autofree char *program = program_find("supervisord");
	char *argv[] = { program, NULL };
	int pair[2];
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(e, "cannot make a socket pair");
	r = child_exec(
	    s->base, argv, pair[1], on_launcher_exit, s, &s->launcher, e);
	(void)close(pair[1]);
	if (r < 0) {
		(void)close(pair[0]);
		return -1;
	}
	s->client = varlink_client_new(
	    s->base, &supervisor_interface, pair[0], on_closed, s);
	return 0;
}

static void
native_create(struct event_base *base, const struct supervisor_create *spec,
    driver_started_fn *started, driver_gone_fn *gone, void *arg)
{
	struct start *s = xcalloc(1, sizeof(*s));
	struct error e;

	s->base = base;
	s->socket = xstrdup(spec->socket);
	s->started = started;
	s->gone = gone;
	s->arg = arg;
	s->timeout = evtimer_new(base, on_start_timeout, s);
	if (s->timeout == NULL || event_add(s->timeout, &start_timeout) < 0)
		fatalx("cannot set a timer");
	if (start_launch(s, &e) < 0) {
		start_end(s, NULL, &e);
		return;
	}
	varlink_client_call(
	    s->client, &supervisor_create_method, spec, false, on_created, s);
}

const struct driver driver_native = {
	.name = "native",
	.create = native_create,
	.adopt = native_adopt,
	.stop = native_stop,
	.clean = remains_remove,
};
