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

#include "common/cleanup.h"
#include "common/log.h"
#include "common/tree.h"
#include "common/xalloc.h"
#include "gatewayd/child.h"
#include "gatewayd/remains.h"

#define CGROUP_TRIES 200 /* of CGROUP_PAUSE_US: the last task is leaving */
#define CGROUP_PAUSE_US 5000

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

/* Where our own cgroup of that hierarchy lies: the path of the line of
 * /proc/self/cgroup that has the controller; owned, or NULL. */
static char *
own_cgroup(const char *controller)
{
	_cleanup_(cleanup_free) char *line = NULL;
	FILE *f = fopen("/proc/self/cgroup", "re");
	size_t size = 0;
	char *found = NULL;

	while (f != NULL && found == NULL && getline(&line, &size, f) > 0) {
		char *names = strchr(line, ':');
		char *path = names != NULL ? strchr(names + 1, ':') : NULL;
		char *one, *rest;

		if (path == NULL)
			continue;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		rest = names + 1;
		if (*rest == '\0' && *controller == '\0')
			found = xstrdup(path);
		while (found == NULL && (one = strsep(&rest, ",")) != NULL)
			if (*one != '\0' && strcmp(one, controller) == 0)
				found = xstrdup(path);
	}
	if (f != NULL)
		(void)fclose(f);
	return found;
}

/* The hierarchy of one mount of cgroup or cgroup2: its super options name the
 * controllers; version 2 has none in /proc/self/cgroup. */
static int
remove_from_mount(
    const char *id, const char *point, const char *type, char *options)
{
	const char *controller = "";
	autofree char *own = NULL, *path = NULL;
	char *one;

	if (strcmp(type, "cgroup") == 0) {
		while ((one = strsep(&options, ",")) != NULL) {
			autofree char *probe = own_cgroup(one);

			if (probe != NULL && *one != '\0')
				controller = one;
		}
		if (*controller == '\0')
			return 0;
	}
	own = own_cgroup(controller);
	if (own == NULL)
		return 0;
	path = xasprintf(
	    "%s%s/openshell-%s", point, strcmp(own, "/") == 0 ? "" : own, id);
	return remove_cgroup(path);
}

static int
remove_cgroups(const char *id)
{
	_cleanup_(cleanup_free) char *line = NULL;
	FILE *f = fopen("/proc/self/mountinfo", "re");
	size_t size = 0;
	int result = 0;

	if (f == NULL)
		return -1;
	while (getline(&line, &size, f) > 0) {
		char point[4096], type[64], options[1024];
		char *dash = strstr(line, " - ");

		if (dash == NULL ||
		    sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1 ||
		    sscanf(dash, " - %63s %*s %1023s", type, options) != 2 ||
		    strncmp(type, "cgroup", 6) != 0)
			continue;
		if (remove_from_mount(id, point, type, options) < 0)
			result = -1;
	}
	(void)fclose(f);
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
	program = child_find_program("supervisord");
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
