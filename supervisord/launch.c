/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch.c - see launch.h.
 *
 *	us                           the first process
 *	clone3, all namespaces  -->  waits
 *	id maps, "go"           -->  builds
 *	filters, control groups      ...
 *	                        <--  "built", or what failed
 *	"live"                  -->  serves
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "supervisord/cgroup.h"
#include "supervisord/inside.h"
#include "supervisord/kernel.h"
#include "supervisord/launch.h"
#include "supervisord/seccomp.h"

#define NAMESPACES                                                             \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |           \
	    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* Bound here, where its path means something; who listens on it is inside. */
static int
bind_socket(const char *path, int *ret, struct error *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(to.sun_path))
		return error_set(e, ERR_INVALID,
		    "socket path '%.100s...' is too long", path);
	memcpy(to.sun_path, path, strlen(path));
	*ret = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*ret < 0)
		return error_errno(e, "cannot create a socket");
	(void)unlink(path);
	if (bind(*ret, (struct sockaddr *)&to, sizeof(to)) < 0)
		return error_errno(e, "cannot bind '%.100s'", path);
	return 0;
}

/* *ret_born: in the unified control group. */
static pid_t
clone_inside(const struct cgroup *cgroup, bool *ret_born)
{
	struct clone_args args = {
		.flags = NAMESPACES | CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)cgroup->unified,
	};
	pid_t pid = -1;

	if (cgroup->unified >= 0)
		pid = sys_clone3(&args);
	*ret_born = pid >= 0;
	if (pid >= 0)
		return pid;
	args.flags = NAMESPACES;
	args.cgroup = 0;
	return sys_clone3(&args);
}

static int
explain_clone(struct error *e)
{
	if (errno == EPERM || errno == ENOSPC || errno == EUSERS)
		return error_set(e, ERR_UNAVAILABLE,
		    "user namespaces are not available (%s); look at "
		    "kernel.unprivileged_userns_clone, "
		    "kernel.apparmor_restrict_unprivileged_userns and "
		    "user.max_user_namespaces with sysctl(8)",
		    strerror(errno));
	return error_errno(e, "cannot clone into new namespaces");
}

static int
hear_built(int sync, struct facts *facts, struct error *e)
{
	struct inside_built built;
	ssize_t n;

	do
		n = recv(sync, &built, sizeof(built), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(built))
		return error_set(
		    e, ERR_SYSTEM, "the sandbox ended while it was built");
	if (built.failed) {
		*e = built.error;
		return -1;
	}
	for (size_t i = 0; i < built.facts.n; i++)
		facts_add(facts, built.facts.v[i].full, built.facts.v[i].layer,
		    "%s", built.facts.v[i].level);
	return 0;
}

static int
send_filters(int sync, struct error *e)
{
	_cleanup_(filters_free) struct filters filters = { { { 0 } } };

	return filters_compile(&filters, e) < 0
		   ? -1
		   : filters_send(&filters, sync, e);
}

/* A sandbox that nobody will hear of must not live. */
static int
check_creator(int creator, struct error *e)
{
	struct pollfd p = { creator, POLLRDHUP, 0 };

	return poll(&p, 1, 0) > 0
		   ? error_set(e, ERR_UNAVAILABLE, "the creator is gone")
		   : 0;
}

static int
bring_up(pid_t pid, int sync, const struct plan *plan,
    const struct cgroup *cgroup, struct facts *facts, struct error *e)
{
	struct inside_go go = { .cgroup_limits = cgroup->is_full };
	const char live = 1;

	idmap_choose((uint32_t)plan->spec->uid_base, &go.map);
	if (idmap_write(pid, &go.map, facts, e) < 0)
		return -1;
	if (send(sync, &go, sizeof(go), MSG_NOSIGNAL) < 0)
		return error_errno(e, "cannot reach the sandbox");
	/* It needs them last, and needn't keep what compiling leaves behind. */
	if (send_filters(sync, e) < 0 || hear_built(sync, facts, e) < 0 ||
	    check_creator(plan->creator, e) < 0)
		return -1;
	if (send(sync, &live, sizeof(live), MSG_NOSIGNAL) < 0)
		return error_errno(e, "cannot reach the sandbox");
	return 0;
}

static int
clone_and_bring_up(const struct plan *plan, int socket,
    const struct cgroup *cgroup, pid_t *ret_pid, struct facts *facts,
    struct error *e)
{
	int sync[2];
	bool born;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync) < 0)
		return error_errno(e, "cannot make a socket pair");
	pid = clone_inside(cgroup, &born);
	if (pid == 0) {
		(void)close(sync[0]);
		inside_main(plan, cgroup, born, sync[1], socket);
	}
	(void)close(sync[1]);
	if (pid < 0) {
		(void)explain_clone(e);
	} else if (bring_up(pid, sync[0], plan, cgroup, facts, e) == 0) {
		(void)close(sync[0]);
		*ret_pid = pid;
		return 0;
	} else {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	(void)close(sync[0]);
	return -1;
}

int
launch(const struct plan *plan, pid_t *ret_pid, struct facts *facts,
    struct error *e)
{
	const struct supervisor_create *spec = plan->spec;
	_cleanup_(cgroup_clear) struct cgroup cgroup;
	autoclose int socket = -1;

	cgroup_make(&cgroup, spec->id, spec->memory_max, spec->pids_max, facts);
	if (bind_socket(spec->socket, &socket, e) == 0 &&
	    clone_and_bring_up(plan, socket, &cgroup, ret_pid, facts, e) == 0)
		return 0;
	(void)unlink(spec->socket);
	cgroup_remove(&cgroup);
	return -1;
}
