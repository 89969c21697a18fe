/* SPDX-License-Identifier: Apache-2.0 */
/* test_seccomp.c - the filters, asked by children that live under them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "supervisord/plan.h"
#include "supervisord/seccomp.h"

#ifndef SYS_process_vm_readv
#define SYS_process_vm_readv __NR_process_vm_readv
#endif
#define NO_SUCH_CALL 9999
#define SCTP 132
#define UDPLITE 136
#define MPTCP 262
#define AF_ALG_ 38
#define AF_VSOCK_ 40

#define WORKS 0

struct row {
	const char *why;
	long number;
	long args[5];
	int error; /* the filter's, or the kernel's where it may go there */
};

static const struct row agent_rows[] = {
	{ "an unknown call isn't there", NO_SUCH_CALL, { 0 }, ENOSYS },
	{ "clone3 isn't there", SYS_clone3, { 0 }, ENOSYS },
	{ "io_uring isn't there", 425, { 1, 0 }, ENOSYS },
	{ "nor its enter", 426, { 0 }, ENOSYS },
	{ "nor its register", 427, { 0 }, ENOSYS },
	{ "a user namespace", SYS_clone, { CLONE_NEWUSER | SIGCHLD }, EPERM },
	{ "a mount namespace", SYS_clone, { CLONE_NEWNS | SIGCHLD }, EPERM },
	{ "a network namespace", SYS_clone, { CLONE_NEWNET | SIGCHLD }, EPERM },
	{ "unshare", SYS_unshare, { CLONE_NEWUSER }, EPERM },
	{ "unshare of nothing", SYS_unshare, { 0 }, EPERM },
	{ "setns", SYS_setns, { 0, 0 }, EPERM },
	{ "mount", SYS_mount, { 0 }, EPERM },
	{ "umount", SYS_umount2, { 0 }, EPERM },
	{ "pivot_root", SYS_pivot_root, { 0 }, EPERM },
	{ "chroot", SYS_chroot, { 0 }, EPERM },
	{ "open_tree", SYS_open_tree, { 0 }, EPERM },
	{ "move_mount", SYS_move_mount, { 0 }, EPERM },
	{ "fsopen", SYS_fsopen, { 0 }, EPERM },
	{ "mount_setattr", 442, { 0 }, EPERM },
	{ "ptrace", SYS_ptrace, { 0 }, EPERM },
	{ "reading another's memory", SYS_process_vm_readv, { 0 }, EPERM },
	{ "writing another's memory", SYS_process_vm_writev, { 0 }, EPERM },
	{ "taking another's descriptor", 438, { -1, 0, 0 }, EPERM },
	{ "kcmp", SYS_kcmp, { 0 }, EPERM },
	{ "bpf", SYS_bpf, { 0 }, EPERM },
	{ "perf", SYS_perf_event_open, { 0 }, EPERM },
	{ "userfaultfd", SYS_userfaultfd, { 0 }, EPERM },
	{ "keys", SYS_keyctl, { 0 }, EPERM },
	{ "open by handle", SYS_open_by_handle_at, { -1, 0, 0 }, EPERM },
	{ "kexec", SYS_kexec_load, { 0 }, EPERM },
	{ "modules", SYS_finit_module, { -1, 0, 0 }, EPERM },
	{ "the kernel's log", SYS_syslog, { 0 }, EPERM },

	{ "typing into a terminal", SYS_ioctl, { -1, TIOCSTI }, EPERM },
	{ "with bits the kernel ignores", SYS_ioctl,
	    { -1, TIOCSTI | (1L << 32) }, EPERM },
	{ "the console's clipboard", SYS_ioctl, { -1, TIOCLINUX }, EPERM },
	{ "the console itself", SYS_ioctl, { -1, TIOCCONS }, EPERM },
	{ "a line discipline", SYS_ioctl, { -1, TIOCSETD }, EPERM },
	{ "other ioctls are the kernel's", SYS_ioctl, { -1, TIOCGWINSZ },
	    EBADF },

	{ "forging the executable", SYS_prctl, { PR_SET_MM, 0 }, EPERM },
	{ "other prctls are the kernel's", SYS_prctl, { PR_GET_DUMPABLE },
	    WORKS },
	{ "executing without a path", SYS_execveat, { -1, 0, 0, 0, 0x1000 },
	    EPERM },
	{ "a notifier of its own", SYS_seccomp,
	    { SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER },
	    EPERM },
	{ "a filter of its own is fine", SYS_seccomp,
	    { SECCOMP_SET_MODE_FILTER, 0, 0 }, EFAULT },
	{ "addresses that aren't random", SYS_personality, { 0x0040000 },
	    ENOSYS },
	{ "asking for the personality", SYS_personality, { 0xffffffff },
	    WORKS },

	{ "Unix sockets", SYS_socket, { AF_UNIX, SOCK_STREAM, 0 }, WORKS },
	{ "TCP", SYS_socket, { AF_INET, SOCK_STREAM, 0 }, WORKS },
	{ "TCP by name, with flags", SYS_socket,
	    { AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP }, WORKS },
	{ "UDP", SYS_socket, { AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0 },
	    WORKS },
	{ "UDP by name", SYS_socket, { AF_INET6, SOCK_DGRAM, IPPROTO_UDP },
	    WORKS },
	{ "raw sockets", SYS_socket, { AF_INET, SOCK_RAW, IPPROTO_TCP },
	    EPERM },
	{ "with flags", SYS_socket,
	    { AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW }, EPERM },
	{ "ping", SYS_socket, { AF_INET, SOCK_DGRAM, IPPROTO_ICMP },
	    EPROTONOSUPPORT },
	{ "SCTP", SYS_socket, { AF_INET, SOCK_STREAM, SCTP }, EPROTONOSUPPORT },
	{ "SCTP as SEQPACKET", SYS_socket, { AF_INET, SOCK_SEQPACKET, SCTP },
	    EPERM },
	{ "MPTCP", SYS_socket, { AF_INET, SOCK_STREAM, MPTCP },
	    EPROTONOSUPPORT },
	{ "UDP as a stream", SYS_socket, { AF_INET, SOCK_STREAM, IPPROTO_UDP },
	    EPROTONOSUPPORT },
	{ "UDP-Lite", SYS_socket, { AF_INET, SOCK_DGRAM, UDPLITE },
	    EPROTONOSUPPORT },
	{ "TCP as datagrams", SYS_socket, { AF_INET, SOCK_DGRAM, IPPROTO_TCP },
	    EPROTONOSUPPORT },
	{ "interfaces", SYS_socket, { AF_NETLINK, SOCK_RAW, NETLINK_ROUTE },
	    WORKS },
	{ "netfilter", SYS_socket, { AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER },
	    EAFNOSUPPORT },
	{ "socket diagnosis", SYS_socket, { AF_NETLINK, SOCK_RAW, 4 },
	    EAFNOSUPPORT },
	{ "packets", SYS_socket, { AF_PACKET, SOCK_RAW, 0 }, EAFNOSUPPORT },
	{ "the kernel's ciphers", SYS_socket, { AF_ALG_, SOCK_SEQPACKET, 0 },
	    EAFNOSUPPORT },
	{ "the hypervisor", SYS_socket, { AF_VSOCK_, SOCK_STREAM, 0 },
	    EAFNOSUPPORT },
	{ "pairs of Unix sockets", SYS_socketpair,
	    { AF_UNIX, SOCK_STREAM, 0, 0 }, EFAULT },
	{ "pairs of others", SYS_socketpair, { AF_INET, SOCK_STREAM, 0, 0 },
	    ENOSYS },

	{ "the limit of core dumps", SYS_prlimit64, { 0, RLIMIT_CORE, 1, 0 },
	    WORKS },
	{ "reading it is the kernel's", SYS_prlimit64, { 0, RLIMIT_CORE, 0, 1 },
	    EFAULT },
	{ "other limits are the kernel's", SYS_prlimit64,
	    { 0, RLIMIT_NOFILE, 1, 0 }, EFAULT },
};

static const struct row own_rows[] = {
	{ "mount", SYS_mount, { 0 }, EPERM },
	{ "unshare", SYS_unshare, { 0 }, EPERM },
	{ "setns", SYS_setns, { 0, 0 }, EPERM },
	{ "ptrace", SYS_ptrace, { 0 }, EPERM },
	{ "bpf", SYS_bpf, { 0 }, EPERM },
	{ "io_uring", 425, { 1, 0 }, EPERM },
	{ "modules", SYS_finit_module, { -1, 0, 0 }, EPERM },
	{ "taking a caller's socket", 438, { -1, 0, 0 }, EBADF },
	{ "reading a caller's address", SYS_process_vm_readv, { 0 }, WORKS },
	{ "becoming the agent", SYS_setresuid, { -1, -1, -1 }, WORKS },
	{ "what it doesn't know", NO_SUCH_CALL, { 0 }, ENOSYS },
};

static int
call(const struct row *r)
{
	return syscall(r->number, r->args[0], r->args[1], r->args[2],
		   r->args[3], r->args[4], 0) < 0
		   ? errno
		   : 0;
}

/* Results of a child that lives under a filter. */
static void
ask(const struct sock_fprog *program, unsigned long flags,
    const struct row *rows, size_t n)
{
	int *errors = mmap(NULL, n * sizeof(int), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	assert_ptr_not_equal(errors, MAP_FAILED);
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags,
			program) < 0)
			_exit(1);
		for (size_t i = 0; i < n; i++)
			errors[i] = call(&rows[i]);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (size_t i = 0; i < n; i++) {
		print_message("%s: %s\n", rows[i].why, strerror(errors[i]));
		assert_int_equal(errors[i], rows[i].error);
	}
	(void)munmap(errors, n * sizeof(int));
}

static int
set_up(void **state)
{
	struct filters *f = calloc(1, sizeof(*f));
	struct error e;

	assert_non_null(f);
	assert_int_equal(filters_compile(f, &e), 0);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct filters *f = *state;

	filters_free(f);
	free(f);
	return 0;
}

static void
test_agents_have_what_they_need_and_nothing_else(void **state)
{
	const struct filters *f = *state;

	ask(&f->agent.program, SECCOMP_FILTER_FLAG_NEW_LISTENER, agent_rows,
	    sizeof(agent_rows) / sizeof(agent_rows[0]));
}

static void
test_the_first_process_keeps_what_attribution_needs(void **state)
{
	const struct filters *f = *state;

	ask(&f->own.program, 0, own_rows,
	    sizeof(own_rows) / sizeof(own_rows[0]));
}

/* Its end if it makes that call as an agent; f is NULL: as anybody. */
static int
end_of(const struct filters *f, void (*act)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		/* cmocka's own handler would go on with the next test. */
		(void)signal(SIGSEGV, SIG_DFL);
		if (f != NULL && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
				     agent_filter_load(&f->agent) < 0))
			_exit(1);
		act();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#ifdef __x86_64__
static void
act_x32(void)
{
	(void)syscall(0x40000000 | SYS_getpid);
}

static void
act_i386(void)
{
	long result;

	/* 20 is its getpid. */
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");
}
#endif

static void
act_native(void)
{
	(void)getppid();
}

#ifdef __x86_64__
/* Where the kernel has no such calls at all, it ends whoever makes them. */
static void
assert_filter_kills(const struct filters *f, void (*act)(void))
{
	int status = end_of(f, act);
	bool is_there = WIFEXITED(end_of(NULL, act));

	assert_true(WIFSIGNALED(status));
	if (is_there)
		assert_int_equal(WTERMSIG(status), SIGSYS);
}
#endif

static void
test_foreign_calls_kill(void **state)
{
	const struct filters *f = *state;

	assert_int_equal(end_of(f, act_native), 0);
#ifdef __x86_64__
	assert_filter_kills(f, act_x32);
	assert_filter_kills(f, act_i386);
#endif
}

static void
test_connect_asks_whoever_has_the_listener(void **state)
{
	const struct filters *f = *state;
	struct seccomp_notif notif = { 0 };
	struct seccomp_notif_resp response = { 0 };
	int *listener = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	autoclose int fd = -1;
	int status, ready[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct sockaddr_un to = { .sun_family = AF_UNIX };
		int s = socket(AF_UNIX, SOCK_STREAM, 0);

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    (*listener = agent_filter_load(&f->agent)) < 0 ||
		    write(ready[1], &byte, 1) != 1)
			_exit(1);
		_exit(connect(s, (struct sockaddr *)&to, sizeof(to)) < 0 &&
			      errno == EHOSTDOWN
			  ? 0
			  : 2);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	{
		autoclose int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

		fd = (int)syscall(SYS_pidfd_getfd, pidfd, *listener, 0);
	}
	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &notif), 0);
	assert_int_equal(notif.data.nr, SYS_connect);
	assert_int_equal(notif.pid, pid);
	response.id = notif.id;
	response.error = -EHOSTDOWN;
	assert_int_equal(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(ready[0]);
	(void)close(ready[1]);
	(void)munmap(listener, sizeof(int));
}

static void
test_filters_arrive_as_they_were_sent(void **state)
{
	const struct filters *f = *state;
	_cleanup_(filters_free) struct filters got = { { { 0 } } };
	struct facts facts = { 0 };
	struct error e;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(filters_send(f, pair[0], &e), 0);
	assert_int_equal(filters_receive(&got, pair[1], &e), 0);
	assert_int_equal(got.agent.program.len, f->agent.program.len);
	assert_memory_equal(got.agent.program.filter, f->agent.program.filter,
	    f->agent.program.len * sizeof(struct sock_filter));
	assert_memory_equal(got.own.program.filter, f->own.program.filter,
	    f->own.program.len * sizeof(struct sock_filter));
	filters_describe(&got, &facts);
	assert_int_equal(facts.n, 1);

	/* Half of it is nothing. */
	filters_free(&got);
	assert_int_equal(send(pair[0], &f->agent.program.len, 2, 0), 2);
	assert_int_equal(filters_receive(&got, pair[1], &e), -1);
	(void)close(pair[0]);
	assert_int_equal(filters_receive(&got, pair[1], &e), -1);
	(void)close(pair[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_agents_have_what_they_need_and_nothing_else),
		cmocka_unit_test(
		    test_the_first_process_keeps_what_attribution_needs),
		cmocka_unit_test(test_foreign_calls_kill),
		cmocka_unit_test(test_connect_asks_whoever_has_the_listener),
		cmocka_unit_test(test_filters_arrive_as_they_were_sent),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
