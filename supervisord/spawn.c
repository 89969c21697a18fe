/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn.c - see spawn.h.
 *
 * Between fork and exec nothing allocates, and nothing of the parent's state
 * is changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "supervisord/kernel.h"
#include "supervisord/limits.h"
#include "supervisord/plan.h"
#include "supervisord/seccomp.h"
#include "supervisord/spawn.h"

#define AGENT_SCORE "500" /* oom_score_adj, proc_pid_oom_score_adj(5) */

/* The child's report and what it needs to have at hand. */
struct child {
	const struct confinement *confinement;
	const struct command *command;
	int report;
};

static int
take_session(const struct child *c)
{
	const struct command *cmd = c->command;

	if (setsid() < 0)
		return -1;
	for (int i = 0; i < 3; i++)
		if (dup2(cmd->stdio[i], i) < 0)
			return -1;
	return cmd->is_terminal ? ioctl(0, TIOCSCTTY, 0) : 0;
}

static int
close_rest(const struct child *c)
{
	(void)c;
	return (int)syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);
}

static int
reset_signals(const struct child *c)
{
	/* The kernel's own form: SIG_DFL, no flags.  signal(3) leaves out the
	 * two that the C library keeps for itself, which may be ignored too. */
	static const unsigned long by_default[4];
	sigset_t none;

	(void)c;
	for (int i = 1; i <= 64; i++)
		(void)syscall(SYS_rt_sigaction, i, by_default, NULL, 8);
	(void)sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
set_limits(const struct child *c)
{
	(void)umask(022);
	return limits_set(c->confinement->pids_max, c->confinement->data_max);
}

static int
become_agent(const struct child *c)
{
	if (!c->confinement->own_agent_ids)
		return 0;
	if (setgroups(0, NULL) < 0 ||
	    setresgid(AGENT_ID, AGENT_ID, AGENT_ID) < 0)
		return -1;
	return setresuid(AGENT_ID, AGENT_ID, AGENT_ID);
}

static int
drop_capabilities(const struct child *c)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3,
		0 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	(void)c;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_capset, &header, none);
}

static int
enter_workdir(const struct child *c)
{
	return chdir(c->command->workdir);
}

static int
refuse_new_privileges(const struct child *c)
{
	(void)c;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int
restrict_files(const struct child *c)
{
	if (c->confinement->landlock < 0)
		return 0;
	return sys_landlock_restrict_self(c->confinement->landlock);
}

static int
send_listener(int report, int listener)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
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

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &listener, sizeof(int));
	return sendmsg(report, &message, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int
filter_calls(const struct child *c)
{
	int listener = agent_filter_load(c->confinement->filter);

	if (listener < 0)
		return -1;
	/* Its own copy goes when it executes. */
	return send_listener(c->report, listener);
}

static int
execute(const struct child *c)
{
	return execvp(c->command->argv[0], c->command->argv);
}

static const struct {
	const char *name;
	int (*run)(const struct child *);
	const char *why_here;
} steps[] = {
	{ "take a session", take_session,
	    "the terminal is ours to give while we have no filter" },
	{ "close descriptors", close_rest,
	    "nothing of the first process reaches the program" },
	{ "reset signals", reset_signals,
	    "dispositions that are ignored outlive execve" },
	{ "set limits", set_limits, "before the user that they bind" },
	{ "become the agent", become_agent,
	    "while CAP_SETUID is there; it resets what prctl sets" },
	{ "drop capabilities", drop_capabilities,
	    "after the last step that needs one" },
	{ "enter the directory", enter_workdir,
	    "as the agent, who must be allowed to" },
	{ "refuse new privileges", refuse_new_privileges,
	    "Landlock and seccomp ask for it" },
	{ "restrict files", restrict_files,
	    "a domain of the session's own: sessions can't trace each other" },
	{ "filter system calls", filter_calls,
	    "last: it forbids what the steps above did" },
	{ "execute", execute, "the program's first instruction is confined" },
};

#define STEPS ((int)(sizeof(steps) / sizeof(steps[0])))

_Noreturn static void
run_child(const struct child *c)
{
	struct spawn_failure failure = { 0 };

	environ = (char **)(uintptr_t)c->command->env;
	for (; failure.step < STEPS; failure.step++)
		if (steps[failure.step].run(c) < 0)
			break;
	failure.error = errno;
	(void)send(c->report, &failure, sizeof(failure), MSG_NOSIGNAL);
	_exit(spawn_exit_code(&failure));
}

/* The kernel's choice when memory runs out: a child has its parent's score from
 * birth, so that no agent is ever as precious as we. */
static void
set_score(int fd, const char *score)
{
	/* Unconfined by it an agent is no more dangerous, only more dear. */
	if (fd >= 0 && pwrite(fd, score, strlen(score), 0) < 0)
		log_warn("cannot set oom_score_adj");
}

pid_t
spawn(const struct confinement *confinement, const struct command *command,
    int *ret_report, struct error *e)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(e, "cannot make a socket pair");
	set_score(confinement->oom_score, AGENT_SCORE);
	pid = fork();
	if (pid == 0) {
		const struct child c = { confinement, command, pair[1] };

		run_child(&c);
	}
	set_score(confinement->oom_score, confinement->own_score);
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return error_errno(e, "cannot fork");
	}
	(void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
	*ret_report = pair[0];
	return pid;
}

const char *
spawn_step_name(int step)
{
	return step >= 0 && step < STEPS ? steps[step].name : "start";
}

int
spawn_exit_code(const struct spawn_failure *f)
{
	return f->step == STEPS - 1 && f->error == ENOENT ? 127 : 126;
}
