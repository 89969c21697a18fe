/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - see session.h.
 *
 *	STARTING -> RUNNING -> gone
 *	     \_______________/
 *
 * The child's report tells of the start, SIGCHLD of the end.
 */
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/varlink/server.h"
#include "common/wire/supervisor.h"
#include "common/xalloc.h"
#include "supervisord/attribution.h"
#include "supervisord/environment.h"
#include "supervisord/plan.h"
#include "supervisord/session.h"

#define SESSIONS_MAX 256
#define EXIT_TIMEOUT 124
#define KILL_ROUNDS 8

struct session {
	LIST_ENTRY(session) next;
	struct sessions *all;
	int64_t id;
	pid_t pid;
	char *program;     /* argv[0], for messages */
	struct call *call; /* NULL: nobody waits */
	int report;        /* -1: its end was seen */
	struct event *reported;
	struct event *timeout; /* NULL: none */
	bool timed_out;
	bool failed; /* did not start: failure says why */
	struct spawn_failure failure;
	bool ended;
	int status;   /* of wait */
	int terminal; /* the master; until the start was answered */
	int pipes[3]; /* our ends; likewise */
};

struct sessions {
	struct event_base *base;
	const char *sandbox;
	int proc;
	const struct confinement *confinement;
	struct attribution *attribution;
	struct event *child_ended;
	int64_t last_id;
	size_t n;
	LIST_HEAD(, session) list;
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void
session_free(struct session *s)
{
	s->all->n--;
	LIST_REMOVE(s, next);
	if (s->call != NULL)
		call_on_end(s->call, NULL, NULL);
	if (s->reported != NULL)
		event_free(s->reported);
	if (s->timeout != NULL)
		event_free(s->timeout);
	close_fd(&s->report);
	close_fd(&s->terminal);
	for (int i = 0; i < 3; i++)
		close_fd(&s->pipes[i]);
	free(s->program);
	free(s);
}

static int
exit_code(const struct session *s)
{
	if (s->failed)
		return spawn_exit_code(&s->failure);
	if (s->timed_out)
		return EXIT_TIMEOUT;
	return WIFSIGNALED(s->status) ? 128 + WTERMSIG(s->status)
				      : WEXITSTATUS(s->status);
}

/* The last reply, once both ends are known. */
static void
check_end(struct session *s)
{
	struct supervisor_exec_reply reply = { false, s->id, -1, -1, -1, -1 };
	autofree char *message = NULL;
	struct call *call = s->call;

	if (!s->ended || s->report >= 0)
		return;
	reply.exit_code = exit_code(s);
	if (s->failed)
		message = xasprintf("cannot %s '%.200s': %s",
		    spawn_step_name(s->failure.step), s->program,
		    strerror(s->failure.error));
	else if (s->timed_out)
		message = xasprintf("'%.200s' took too long", s->program);
	reply.message = message;
	session_free(s);
	if (call != NULL)
		call_reply(call, &reply);
}

static void
tell_start(struct session *s)
{
	struct supervisor_exec_reply reply = { true, s->id, s->terminal,
		s->pipes[0], s->pipes[1], s->pipes[2] };

	if (s->call != NULL)
		call_reply_more(s->call, &reply);
	/* They were duplicated: the command sees the end of its input when
	 * the caller lets go of it. */
	close_fd(&s->terminal);
	for (int i = 0; i < 3; i++)
		close_fd(&s->pipes[i]);
}

/* The descriptor that came with the first message, or -1. */
static ssize_t
receive(int fd, void *to, size_t n, int *ret_passed)
{
	struct iovec iov = { to, n };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t r = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *h = r < 0 ? NULL : CMSG_FIRSTHDR(&message);

	*ret_passed = -1;
	if (h != NULL && h->cmsg_type == SCM_RIGHTS)
		memcpy(ret_passed, CMSG_DATA(h), sizeof(int));
	return r;
}

static void
on_report(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	struct spawn_failure failure;
	int passed;
	ssize_t n;

	(void)what;
	while ((n = receive((int)fd, &failure, sizeof(failure), &passed)) > 0) {
		if (passed >= 0)
			attribution_watch(s->all->attribution, passed);
		if (n == (ssize_t)sizeof(failure)) {
			s->failed = true;
			s->failure = failure;
		}
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	event_free(s->reported);
	s->reported = NULL;
	close_fd(&s->report);
	if (!s->failed)
		tell_start(s);
	check_end(s);
}

/* False if there was none. */
static bool
kill_members(int proc, pid_t leader)
{
	int fd = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool any = false;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 1 && getsid(pid) == leader)
			any = kill(pid, SIGKILL) == 0 || any;
	}
	if (dir != NULL)
		(void)closedir(dir);
	return any;
}

/* Every process of the session, whatever group it is in; and those that it
 * forks meanwhile. */
static void
kill_session(int proc, pid_t leader)
{
	for (int i = 0; i < KILL_ROUNDS && kill_members(proc, leader); i++)
		;
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	s->timed_out = true;
	kill_session(s->all->proc, s->pid);
}

static void
on_call_end(void *arg)
{
	/* The command goes on: gatewayd may be back soon. */
	((struct session *)arg)->call = NULL;
}

static struct session *
find_by_pid(struct sessions *all, pid_t pid)
{
	struct session *s;

	LIST_FOREACH(s, &all->list, next)
	if (s->pid == pid)
		return s;
	return NULL;
}

static void
on_child_ended(evutil_socket_t fd, short what, void *arg)
{
	struct sessions *all = arg;
	struct signalfd_siginfo info;
	struct session *s;
	int status;
	pid_t pid;

	(void)what;
	/* However many there were, it stands for all that have ended. */
	if (read((int)fd, &info, sizeof(info)) < 0)
		return;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		s = find_by_pid(all, pid);
		if (s == NULL)
			continue; /* an orphan */
		s->ended = true;
		s->status = status;
		/* Its report may still wait to be read. */
		if (s->report >= 0)
			on_report(s->report, EV_READ, s);
		else
			check_end(s);
	}
}

/* What we make for the agent belongs to it, or it could not open it again by
 * its name in /proc or /dev/pts. */
static void
create_as_agent(void)
{
	(void)setfsgid(AGENT_ID);
	(void)setfsuid(AGENT_ID);
}

static void
create_as_ourselves(void)
{
	(void)setfsuid(geteuid());
	(void)setfsgid(getegid());
}

static int
open_pipe(int ret[2])
{
	int r;

	create_as_agent();
	r = pipe2(ret, O_CLOEXEC);
	create_as_ourselves();
	return r;
}

static int
open_pipes(struct session *s, int theirs[3], struct error *e)
{
	for (int i = 0; i < 3; i++) {
		int ends[2];

		if (open_pipe(ends) < 0)
			return error_errno(e, "cannot make a pipe");
		theirs[i] = ends[i == 0 ? 0 : 1];
		s->pipes[i] = ends[i == 0 ? 1 : 0];
	}
	return 0;
}

static int
open_terminal(struct session *s, const struct supervisor_exec *p, int theirs[3],
    struct error *e)
{
	struct winsize size = {
		.ws_row = (unsigned short)p->rows,
		.ws_col = (unsigned short)p->cols,
	};
	int unlocked = 0;

	create_as_agent();
	s->terminal = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	create_as_ourselves();
	if (s->terminal < 0 || ioctl(s->terminal, TIOCSPTLCK, &unlocked) < 0)
		return error_errno(e, "cannot make a terminal");
	theirs[0] =
	    ioctl(s->terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (theirs[0] < 0)
		return error_errno(e, "cannot open a terminal");
	theirs[1] = fcntl(theirs[0], F_DUPFD_CLOEXEC, 3);
	theirs[2] = fcntl(theirs[0], F_DUPFD_CLOEXEC, 3);
	if (size.ws_row > 0 && size.ws_col > 0)
		(void)ioctl(s->terminal, TIOCSWINSZ, &size);
	return 0;
}

static int
start(struct session *s, const struct supervisor_exec *p, struct error *e)
{
	static const char *const shell[] = { "/bin/bash", "-l", NULL };
	static const char *const plain_shell[] = { "/bin/sh", "-l", NULL };
	char **env = environment_make(s->all->sandbox, &p->env,
	    p->term != NULL ? p->term
	    : p->tty        ? "xterm-256color"
			    : "dumb");
	int theirs[3] = { -1, -1, -1 };
	struct command command = {
		.env = env,
		.workdir = p->workdir != NULL ? p->workdir : AGENT_HOME,
		.is_terminal = p->tty,
	};
	const char *const *argv = p->argv.v;
	int r;

	if (p->argv.n == 0)
		argv = access(shell[0], X_OK) == 0 ? shell : plain_shell;
	command.argv = (char *const *)(uintptr_t)argv;
	s->program = xstrdup(argv[0]);
	r = p->tty ? open_terminal(s, p, theirs, e) : open_pipes(s, theirs, e);
	if (r == 0) {
		memcpy(command.stdio, theirs, sizeof(theirs));
		s->pid = spawn(s->all->confinement, &command, &s->report, e);
		r = s->pid < 0 ? -1 : 0;
	}
	for (int i = 0; i < 3; i++)
		close_fd(&theirs[i]);
	environment_free(env);
	return r;
}

static int
watch(struct session *s, int64_t timeout_ms)
{
	const struct timeval after = { timeout_ms / 1000,
		(timeout_ms % 1000) * 1000 };

	s->reported = event_new(
	    s->all->base, s->report, EV_READ | EV_PERSIST, on_report, s);
	if (s->reported == NULL || event_add(s->reported, NULL) < 0)
		return -1;
	if (timeout_ms == 0)
		return 0;
	s->timeout = evtimer_new(s->all->base, on_timeout, s);
	return s->timeout == NULL ? -1 : event_add(s->timeout, &after);
}

int
sessions_exec(struct sessions *all, const struct supervisor_exec *p,
    struct call *call, struct error *e)
{
	struct session *s;

	if (all->n == SESSIONS_MAX)
		return error_set(e, ERR_LIMIT,
		    "%d commands run in the sandbox already", SESSIONS_MAX);
	s = xcalloc(1, sizeof(*s));
	s->all = all;
	s->id = ++all->last_id;
	s->report = s->terminal = -1;
	s->pipes[0] = s->pipes[1] = s->pipes[2] = -1;
	LIST_INSERT_HEAD(&all->list, s, next);
	all->n++;
	if (start(s, p, e) < 0) {
		session_free(s);
		return -1;
	}
	if (watch(s, p->timeout_ms) < 0)
		fatalx("cannot watch a command");
	s->call = call;
	call_on_end(call, on_call_end, s);
	return 0;
}

int
sessions_signal(struct sessions *all, int64_t id, int signo, struct error *e)
{
	struct session *s;

	LIST_FOREACH(s, &all->list, next)
	if (s->id == id)
		break;
	if (s == NULL || s->ended)
		return error_set(e, ERR_NOT_FOUND, "there is no session %lld",
		    (long long)id);
	if (kill(-s->pid, signo) < 0 && kill(s->pid, signo) < 0)
		return error_errno(
		    e, "cannot signal session %lld", (long long)id);
	return 0;
}

size_t
sessions_count(const struct sessions *all)
{
	return all->n;
}

/* libevent's own signals belong to the launcher's loop, which we inherited. */
static int
open_child_signals(void)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		fatal("cannot watch signals");
	return fd;
}

struct sessions *
sessions_new(struct event_base *base, const char *sandbox, int proc,
    const struct confinement *confinement, struct attribution *attribution)
{
	struct sessions *all = xcalloc(1, sizeof(*all));

	all->base = base;
	all->sandbox = sandbox;
	all->proc = proc;
	all->confinement = confinement;
	all->attribution = attribution;
	LIST_INIT(&all->list);
	all->child_ended = event_new(base, open_child_signals(),
	    EV_READ | EV_PERSIST, on_child_ended, all);
	if (all->child_ended == NULL || event_add(all->child_ended, NULL) < 0)
		fatalx("cannot watch children");
	return all;
}
