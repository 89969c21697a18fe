/* SPDX-License-Identifier: Apache-2.0 */
/* remains.c - see remains.h. */
#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cgroup.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/program.h"
#include "common/tree.h"
#include "common/xalloc.h"
#include "gatewayd/child.h"
#include "gatewayd/remains.h"

#define CGROUP_TRIES 2000 /* of CGROUP_PAUSE_US: the last task is leaving */
#define CGROUP_PAUSE_US 500

struct removal {
	char *id;
	char *socket;
	char *state_dir;
	driver_cleaned_fn *cleaned;
	void *arg;
};

static void
removal_free(struct removal *r)
{
	free(r->id);
	free(r->socket);
	free(r->state_dir);
	free(r);
}

static int
remove_cgroup(const char *path)
{
	for (int i = 0; i < CGROUP_TRIES; i++) {
		if (rmdir(path) == 0 || errno == ENOENT || errno == ENOTDIR)
			return 0;
		if (errno != EBUSY)
			break;
		(void)usleep(CGROUP_PAUSE_US);
	}
	log_warn("cannot remove cgroup path=%s", path);
	return -1;
}

/* Wherever supervisord may have made one. */
static int
remove_cgroups(const char *id)
{
	static const char *const controllers[] = { "", "memory", "pids" };
	_cleanup_(cgroups_clear) struct cgroups groups;
	int result = 0;

	cgroups_read(&groups);
	for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]);
	     i++) {
		autofree char *path = cgroups_path(&groups, controllers[i], id);

		if (path != NULL && remove_cgroup(path) < 0)
			result = -1;
	}
	return result;
}

/*
 * Where agents have users of their own, an ordinary user may not remove what
 * they left: supervisord does it as one of them.
 */
static int
remove_files(const char *dir)
{
	autofree char *program = NULL;
	int status;
	pid_t pid;

	if (tree_remove(dir) == 0)
		return 0;
	if (geteuid() == 0)
		return -1;
	program = program_find("supervisord");
	pid = fork();
	if (pid == 0) {
		execl(program, program, "--remove", dir, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		errno = EACCES;
		return -1;
	}
	return 0;
}

/* In the child.  Every part is tried; the exit status tells of any failure. */
static int
work(void *arg)
{
	const struct removal *r = arg;
	int result = remove_cgroups(r->id);

	if (unlink(r->socket) < 0 && errno != ENOENT) {
		log_warn("cannot remove socket path=%s", r->socket);
		result = -1;
	}
	if (r->state_dir != NULL && remove_files(r->state_dir) < 0) {
		log_warn("cannot remove files path=%s", r->state_dir);
		result = -1;
	}
	return result == 0 ? 0 : 1;
}

static void
on_removed(void *arg, int status)
{
	struct removal *r = arg;
	struct error e;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		r->cleaned(r->arg, NULL);
	} else {
		(void)error_set(&e, ERR_SYSTEM,
		    "something of sandbox %s could not be removed; the log of "
		    "gatewayd says what",
		    r->id);
		r->cleaned(r->arg, &e);
	}
	removal_free(r);
}

static void
on_no_child(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	on_removed(arg, W_EXITCODE(1, 0));
}

void
remains_remove(struct event_base *base, const char *id, const char *socket,
    const char *state_dir, driver_cleaned_fn *cleaned, void *arg)
{
	struct removal *r = xcalloc(1, sizeof(*r));
	struct error e;

	r->id = xstrdup(id);
	r->socket = xstrdup(socket);
	r->state_dir = state_dir != NULL ? xstrdup(state_dir) : NULL;
	r->cleaned = cleaned;
	r->arg = arg;
	if (child_fork(base, work, on_removed, r, &e) < 0) {
		log_warnx(
		    "cannot remove what is left of id=%s: %s", id, e.text);
		/* As if the child had failed: never inside this call. */
		if (event_base_once(base, -1, EV_TIMEOUT, on_no_child, r,
			&(struct timeval){ 0, 0 }) < 0)
			fatalx("cannot set a timer");
	}
}
