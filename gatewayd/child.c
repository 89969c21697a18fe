/* SPDX-License-Identifier: Apache-2.0 */
/* child.c - see child.h. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/program.h"
#include "common/xalloc.h"
#include "gatewayd/child.h"

#define PASSED_FD 3
#define EXIT_EXEC 127

struct child {
	pid_t pid;
	int pidfd;
	struct event *ended;
	child_exit_fn *exited; /* NULL: forgotten */
	void *arg;
};

static void
on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	int status = 0;

	(void)fd;
	(void)what;
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (c->exited != NULL)
		c->exited(c->arg, status);
	event_free(c->ended);
	(void)close(c->pidfd);
	free(c);
}

static struct child *
watch(struct event_base *base, pid_t pid, child_exit_fn *exited, void *arg)
{
	struct child *c = xcalloc(1, sizeof(*c));

	/* Not reaped yet, so the number is still its own. */
	c->pid = pid;
	c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (c->pidfd < 0)
		fatal("cannot watch child pid=%d", (int)pid);
	c->exited = exited;
	c->arg = arg;
	c->ended = event_new(base, c->pidfd, EV_READ, on_ended, c);
	if (c->ended == NULL || event_add(c->ended, NULL) < 0)
		fatalx("cannot watch child pid=%d", (int)pid);
	return c;
}

/* Between fork and exec: only what is safe there. */
static void
become(char *const argv[], char *const environment[], int fd)
{
	sigset_t none;

	(void)setsid();
	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (fd == PASSED_FD)
		(void)fcntl(fd, F_SETFD, 0);
	else if (fd >= 0)
		(void)dup2(fd, PASSED_FD);
	(void)syscall(SYS_close_range, fd >= 0 ? PASSED_FD + 1 : PASSED_FD, ~0u,
	    CLOSE_RANGE_CLOEXEC);
	(void)execve(argv[0], argv, environment);
	_exit(EXIT_EXEC);
}

int
child_exec(struct event_base *base, char *const argv[], int fd,
    child_exit_fn *exited, void *arg, struct child **ret, struct error *e)
{
	autofree char **environment = program_environment(environ);
	pid_t pid;

	if (access(argv[0], X_OK) < 0)
		return error_errno(e, "cannot execute '%s'", argv[0]);
	pid = fork();
	if (pid < 0)
		return error_errno(e, "cannot fork");
	if (pid == 0)
		become(argv, environment, fd);
	*ret = watch(base, pid, exited, arg);
	return 0;
}

int
child_fork(struct event_base *base, int (*work)(void *arg),
    child_exit_fn *exited, void *arg, struct error *e)
{
	pid_t pid = fork();

	if (pid < 0)
		return error_errno(e, "cannot fork");
	if (pid == 0) {
		/* Sockets of callers must not stay open because of us. */
		(void)syscall(SYS_close_range, 3, ~0u, 0);
		_exit(work(arg));
	}
	(void)watch(base, pid, exited, arg);
	return 0;
}

pid_t
child_pid(const struct child *c)
{
	return c->pid;
}

void
child_forget(struct child *c)
{
	c->exited = NULL;
}
