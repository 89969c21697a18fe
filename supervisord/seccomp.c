/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp.c - see seccomp.h.
 *
 * One program of two parts.  Ours comes first: what is refused of calls that
 * are allowed otherwise, by an argument.  Behind it libseccomp's binary search
 * over the numbers.  It is loaded with flags that libseccomp doesn't know yet.
 * For a call without a row in the first part the kernel finds out once that
 * the program always allows it, and never runs it again.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/xalloc.h"
#include "supervisord/kernel.h"
#include "supervisord/plan.h"
#include "supervisord/seccomp.h"

#define PROGRAM_MAX 2048 /* instructions */
#define TYPE_MASK 0xf    /* of socket(2)'s type */
#define NEW_NAMESPACES                                                         \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |         \
	    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)

static const char *const allowed[] = { "accept", "accept4", "access", "alarm",
	"arch_prctl", "bind", "brk", "cachestat", "capget", "capset", "chdir",
	"chmod", "chown", "clock_getres", "clock_gettime", "clock_nanosleep",
	"close", "close_range", "copy_file_range", "creat", "dup", "dup2",
	"dup3", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait",
	"epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "execve", "exit",
	"exit_group", "faccessat", "faccessat2", "fadvise64", "fallocate",
	"fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat",
	"fcntl", "fdatasync", "fgetxattr", "flistxattr", "flock", "fork",
	"fremovexattr", "fsetxattr", "fstat", "fstatfs", "fsync", "ftruncate",
	"futex", "futex_requeue", "futex_wait", "futex_waitv", "futex_wake",
	"futimesat", "get_mempolicy", "get_robust_list", "get_thread_area",
	"getcpu", "getcwd", "getdents", "getdents64", "getegid", "geteuid",
	"getgid", "getgroups", "getitimer", "getpeername", "getpgid", "getpgrp",
	"getpid", "getppid", "getpriority", "getrandom", "getresgid",
	"getresuid", "getrlimit", "getrusage", "getsid", "getsockname",
	"getsockopt", "gettid", "gettimeofday", "getuid", "getxattr",
	"inotify_add_watch", "inotify_init", "inotify_init1",
	"inotify_rm_watch", "io_cancel", "io_destroy", "io_getevents",
	"io_pgetevents", "io_setup", "io_submit", "ioprio_get", "ioprio_set",
	"kill", "landlock_add_rule", "landlock_create_ruleset",
	"landlock_restrict_self", "lchown", "lgetxattr", "link", "linkat",
	"listen", "listxattr", "llistxattr", "lremovexattr", "lseek",
	"lsetxattr", "lstat", "madvise", "map_shadow_stack", "mbind",
	"membarrier", "memfd_create", "mincore", "mkdir", "mkdirat", "mknod",
	"mknodat", "mlock", "mlock2", "mlockall", "mmap", "mprotect",
	"mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive",
	"mq_timedsend", "mq_unlink", "mremap", "mseal", "msgctl", "msgget",
	"msgrcv", "msgsnd", "msync", "munlock", "munlockall", "munmap",
	"nanosleep", "newfstatat", "open", "openat", "openat2", "pause",
	"pidfd_open", "pidfd_send_signal", "pipe", "pipe2", "pkey_alloc",
	"pkey_free", "pkey_mprotect", "poll", "ppoll", "pread64", "preadv",
	"preadv2", "prlimit64", "process_madvise", "process_mrelease",
	"pselect6", "pwrite64", "pwritev", "pwritev2", "read", "readahead",
	"readlink", "readlinkat", "readv", "recv", "recvfrom", "recvmmsg",
	"recvmsg", "removexattr", "rename", "renameat", "renameat2",
	"restart_syscall", "rmdir", "rseq", "rt_sigaction", "rt_sigpending",
	"rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
	"rt_sigtimedwait", "rt_tgsigqueueinfo", "sched_get_priority_max",
	"sched_get_priority_min", "sched_getaffinity", "sched_getattr",
	"sched_getparam", "sched_getscheduler", "sched_rr_get_interval",
	"sched_setaffinity", "sched_setattr", "sched_setparam",
	"sched_setscheduler", "sched_yield", "select", "semctl", "semget",
	"semop", "semtimedop", "send", "sendfile", "sendmmsg", "sendmsg",
	"sendto", "set_mempolicy", "set_robust_list", "set_thread_area",
	"set_tid_address", "setfsgid", "setfsuid", "setgid", "setgroups",
	"setitimer", "setpgid", "setpriority", "setregid", "setresgid",
	"setresuid", "setreuid", "setrlimit", "setsid", "setsockopt", "setuid",
	"setxattr", "shmat", "shmctl", "shmdt", "shmget", "shutdown",
	"sigaltstack", "signalfd", "signalfd4", "splice", "stat", "statfs",
	"statx", "symlink", "symlinkat", "sync", "sync_file_range", "syncfs",
	"sysinfo", "tee", "tgkill", "time", "timer_create", "timer_delete",
	"timer_getoverrun", "timer_gettime", "timer_settime", "timerfd_create",
	"timerfd_gettime", "timerfd_settime", "times", "tkill", "truncate",
	"umask", "uname", "unlink", "unlinkat", "utime", "utimensat", "utimes",
	"vfork", "vmsplice", "wait4", "waitid", "waitpid", "write", "writev",
	NULL };

/* Known, and not for agents: EPERM, so that nobody takes it for missing. */
static const char *const denied[] = { "acct", "add_key", "adjtimex", "bpf",
	"chroot", "clock_adjtime", "clock_settime", "delete_module",
	"fanotify_init", "fanotify_mark", "finit_module", "fsconfig", "fsmount",
	"fsopen", "fspick", "init_module", "ioperm", "iopl", "kcmp",
	"kexec_file_load", "kexec_load", "keyctl", "listmount",
	"lookup_dcookie", "migrate_pages", "mount", "mount_setattr",
	"move_mount", "move_pages", "name_to_handle_at", "nfsservctl",
	"open_by_handle_at", "open_tree", "open_tree_attr", "perf_event_open",
	"pidfd_getfd", "pivot_root", "process_vm_readv", "process_vm_writev",
	"ptrace", "quotactl", "quotactl_fd", "reboot", "remap_file_pages",
	"request_key", "setdomainname", "sethostname", "setns", "settimeofday",
	"statmount", "stime", "swapoff", "swapon", "syslog", "umount",
	"umount2", "unshare", "uselib", "userfaultfd", "vhangup", NULL };

/* Those that the first process makes itself, to know who connects. */
static const char *const needed_by_us[] = { "pidfd_getfd", "process_vm_readv",
	NULL };

/* Of what an agent's libraries may probe for, and the first process never
 * does. */
static const char *const denied_to_us[] = { "io_uring_enter",
	"io_uring_register", "io_uring_setup", "memfd_secret", "modify_ldt",
	"personality", NULL };

/* Refused where the argument's low half, all that the kernel looks at, is the
 * value, or has one of its bits. */
static const struct {
	const char *name;
	unsigned arg;
	bool any_bit;
	uint32_t value;
} exceptions[] = {
	/* No namespace of its own: there it would have capabilities. */
	{ "clone", 0, true, NEW_NAMESPACES },
	/* Typing into a terminal that somebody else reads. */
	{ "ioctl", 1, false, TIOCSTI },
	{ "ioctl", 1, false, TIOCLINUX },
	{ "ioctl", 1, false, TIOCCONS },
	{ "ioctl", 1, false, TIOCSETD },
	/* Forging /proc/PID/exe. */
	{ "prctl", 0, false, PR_SET_MM },
	/* Executing what has no path, and so no name in a policy. */
	{ "execveat", 4, true, AT_EMPTY_PATH },
	/* A listener of its own would be asked before ours. */
	{ "seccomp", 1, true, SECCOMP_FILTER_FLAG_NEW_LISTENER },
};

/* What isn't here would weaken address space layout. */
static const uint32_t personalities[] = { 0, 0x8, 0x20000, 0x20008,
	0xffffffff };

struct program {
	struct sock_filter code[PROGRAM_MAX];
	unsigned short n;
};

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define IF(op, value, yes, no) BPF_JUMP(BPF_JMP | (op) | BPF_K, value, yes, no)
#define NUMBER offsetof(struct seccomp_data, nr)
/* Little endian: the low half comes first. */
#define ARGUMENT(i) (offsetof(struct seccomp_data, args) + 8 * (i))

static void
emit(struct program *p, const struct sock_filter *code, unsigned short n)
{
	memcpy(p->code + p->n, code, n * sizeof(*code));
	p->n = (unsigned short)(p->n + n);
}

static void
emit_exception(struct program *p, size_t i)
{
	int number = seccomp_syscall_resolve_name(exceptions[i].name);
	const struct sock_filter code[] = {
		LOAD(NUMBER),
		IF(BPF_JEQ, (uint32_t)number, 0, 3),
		LOAD(ARGUMENT(exceptions[i].arg)),
		IF(exceptions[i].any_bit ? BPF_JSET : BPF_JEQ,
		    exceptions[i].value, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
	};

	if (number >= 0)
		emit(p, code, sizeof(code) / sizeof(code[0]));
}

/*
 * Families whose kernel code an agent needs: Unix, TCP and UDP, and netlink's
 * routing for lists of interfaces.  Others are as if they weren't built, so
 * that libraries fall back.
 */
static void
emit_socket(struct program *p)
{
	const struct sock_filter code[] = {
		LOAD(NUMBER),
		IF(BPF_JEQ, __NR_socket, 0, 20),
		LOAD(ARGUMENT(0)),
		IF(BPF_JEQ, AF_UNIX, 17, 0),
		IF(BPF_JEQ, AF_INET, 4, 0),
		IF(BPF_JEQ, AF_INET6, 3, 0),
		IF(BPF_JEQ, AF_NETLINK, 0, 13),
		LOAD(ARGUMENT(2)),
		IF(BPF_JEQ, NETLINK_ROUTE, 12, 11),
		/* IPv4 and IPv6. */
		LOAD(ARGUMENT(1)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TYPE_MASK),
		IF(BPF_JEQ, SOCK_STREAM, 2, 0),
		IF(BPF_JEQ, SOCK_DGRAM, 3, 0),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
		/* No SCTP, MPTCP, SMC: libraries take TCP then. */
		LOAD(ARGUMENT(2)),
		IF(BPF_JEQ, IPPROTO_TCP, 5, 2),
		/* Nor UDP-Lite. */
		LOAD(ARGUMENT(2)),
		IF(BPF_JEQ, IPPROTO_UDP, 3, 0),
		IF(BPF_JEQ, IPPROTO_IP, 2, 0),
		RETURN(SECCOMP_RET_ERRNO | EPROTONOSUPPORT),
		RETURN(SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		RETURN(SECCOMP_RET_ALLOW),
	};

	emit(p, code, sizeof(code) / sizeof(code[0]));
}

/*
 * The limit of core dumps is 1 byte; at 0 a pipe in core_pattern would be
 * started, on the host (core(5)).  Setting it seems to work, since programs
 * that hold secrets give up otherwise.
 */
static void
emit_core_limit(struct program *p)
{
	const struct sock_filter code[] = {
		LOAD(NUMBER),
		IF(BPF_JEQ, __NR_prlimit64, 0, 7),
		LOAD(ARGUMENT(1)),
		IF(BPF_JEQ, RLIMIT_CORE, 0, 5),
		/* Reading it is no change. */
		LOAD(ARGUMENT(2)),
		IF(BPF_JEQ, 0, 0, 2),
		LOAD(ARGUMENT(2) + 4),
		IF(BPF_JEQ, 0, 1, 0),
		RETURN(SECCOMP_RET_ERRNO | 0),
#ifdef __NR_setrlimit
		LOAD(NUMBER),
		IF(BPF_JEQ, __NR_setrlimit, 0, 3),
		LOAD(ARGUMENT(0)),
		IF(BPF_JEQ, RLIMIT_CORE, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | 0),
#endif
	};

	emit(p, code, sizeof(code) / sizeof(code[0]));
}

/* The foreign ones go to libseccomp's part, which kills them. */
static void
emit_ours(struct program *p)
{
	const struct sock_filter guard[] = {
		LOAD(offsetof(struct seccomp_data, arch)),
		IF(BPF_JEQ, seccomp_arch_native(), 1, 0),
		BPF_STMT(BPF_JMP | BPF_JA, 0), /* filled in below */
	};
	unsigned short jump;

	emit(p, guard, sizeof(guard) / sizeof(guard[0]));
	jump = (unsigned short)(p->n - 1);
	for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++)
		emit_exception(p, i);
	emit_socket(p);
	emit_core_limit(p);
	p->code[jump].k = (uint32_t)(p->n - jump - 1);
}

/* A call that this architecture hasn't needs no row. */
static int
add(scmp_filter_ctx ctx, const char *name, uint32_t action)
{
	int number = seccomp_syscall_resolve_name(name);

	return number < 0 ? 0 : seccomp_rule_add(ctx, action, number, 0);
}

static bool
has_name(const char *const *names, const char *name)
{
	while (*names != NULL && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

static int
add_names(scmp_filter_ctx ctx, const char *const *names, uint32_t action)
{
	int r = 0;

	for (; r == 0 && *names != NULL; names++)
		r = add(ctx, *names, action);
	return r;
}

static int
fill(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp is_unix =
	    SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, AF_UNIX);
	int r = seccomp_attr_set(
	    ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = add_names(ctx, allowed, SCMP_ACT_ALLOW);
	if (r == 0)
		r = add_names(ctx, denied, SCMP_ACT_ERRNO(EPERM));
	/* The first process connects in our stead. */
	if (r == 0)
		r = add(ctx, "connect", SCMP_ACT_NOTIFY);
	for (size_t i = 0;
	     r == 0 && i < sizeof(exceptions) / sizeof(exceptions[0]); i++)
		if (i == 0 ||
		    strcmp(exceptions[i].name, exceptions[i - 1].name) != 0)
			r = add(ctx, exceptions[i].name, SCMP_ACT_ALLOW);
	for (size_t i = 0;
	     r == 0 && i < sizeof(personalities) / sizeof(personalities[0]);
	     i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(personality),
		    1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, personalities[i]));
	if (r == 0)
		r = seccomp_rule_add_array(
		    ctx, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1, &is_unix);
	return r;
}

/* libseccomp gives its program to a file only. */
static int export(scmp_filter_ctx ctx, struct program *p)
{
	autoclose int fd = memfd_create("seccomp", MFD_CLOEXEC);
	size_t room = (PROGRAM_MAX - p->n) * sizeof(p->code[0]);
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (seccomp_export_bpf(ctx, fd) < 0)
		return -EINVAL;
	n = pread(fd, p->code + p->n, room, 0);
	if (n <= 0 || (size_t)n == room)
		return -EFBIG;
	p->n = (unsigned short)(p->n + (size_t)n / sizeof(p->code[0]));
	return 0;
}

static int
fill_own(scmp_filter_ctx ctx)
{
	int r = 0;

	for (const char *const *name = denied; r == 0 && *name != NULL; name++)
		if (!has_name(needed_by_us, *name))
			r = add(ctx, *name, SCMP_ACT_ERRNO(EPERM));
	return r == 0 ? add_names(ctx, denied_to_us, SCMP_ACT_ERRNO(EPERM)) : r;
}

static int
compile(struct syscall_filter *ret, uint32_t otherwise,
    int (*rules)(scmp_filter_ctx), struct program *p, struct error *e)
{
	scmp_filter_ctx ctx = seccomp_init(otherwise);
	int r = -ENOMEM;

	if (ctx != NULL)
		r = rules(ctx);
	if (r == 0)
		r = export(ctx, p);
	if (ctx != NULL)
		seccomp_release(ctx);
	if (r < 0) {
		errno = -r;
		return error_errno(e, "cannot compile a system call filter");
	}
	ret->program.len = p->n;
	ret->program.filter = xmemdup(p->code, p->n * sizeof(p->code[0]));
	return 0;
}

int
filters_compile(struct filters *ret, struct error *e)
{
	autofree struct program *agent = xcalloc(1, sizeof(*agent));
	autofree struct program *own = xcalloc(1, sizeof(*own));

	emit_ours(agent);
	/* Unknown are also clone3, whose flags are in memory where a filter
	 * can't look, and io_uring, which goes around every filter. */
	if (compile(&ret->agent, SCMP_ACT_ERRNO(ENOSYS), fill, agent, e) < 0)
		return -1;
	/* Agents have it too: it must allow whatever theirs does. */
	return compile(&ret->own, SCMP_ACT_ALLOW, fill_own, own, e);
}

void
filters_free(struct filters *f)
{
	free(f->agent.program.filter);
	free(f->own.program.filter);
	*f = (struct filters){ 0 };
}

/* One message: both lengths, then both programs. */
int
filters_send(const struct filters *f, int fd, struct error *e)
{
	unsigned short lengths[2] = { f->agent.program.len,
		f->own.program.len };
	struct iovec parts[] = {
		{ lengths, sizeof(lengths) },
		{ f->agent.program.filter,
		    lengths[0] * sizeof(struct sock_filter) },
		{ f->own.program.filter,
		    lengths[1] * sizeof(struct sock_filter) },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 3 };

	return sendmsg(fd, &message, MSG_NOSIGNAL) < 0
		   ? error_errno(e, "cannot reach the sandbox")
		   : 0;
}

int
filters_receive(struct filters *f, int fd, struct error *e)
{
	autofree struct program *p = xcalloc(2, sizeof(*p));
	unsigned short lengths[2] = { 0, 0 };
	const size_t one = sizeof(struct sock_filter);
	struct iovec parts[] = {
		{ lengths, sizeof(lengths) },
		{ p, 2 * PROGRAM_MAX * one },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	const struct sock_filter *code = (const struct sock_filter *)p;
	ssize_t n;

	do
		n = recvmsg(fd, &message, 0);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)sizeof(lengths) ||
	    (size_t)n != sizeof(lengths) + (lengths[0] + lengths[1]) * one)
		return error_set(e, ERR_SYSTEM, "the launcher sent no filters");
	f->agent.program.len = lengths[0];
	f->agent.program.filter = xmemdup(code, lengths[0] * one);
	f->own.program.len = lengths[1];
	f->own.program.filter = xmemdup(code + lengths[0], lengths[1] * one);
	return 0;
}

/* What the kernel knows it looks at before the program, which it can't read
 * from nowhere. */
static bool
has_flag(unsigned long flag)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, NULL) < 0 &&
	       errno == EFAULT;
}

void
filters_describe(const struct filters *f, struct facts *facts)
{
	bool steady = has_flag(SECCOMP_FILTER_FLAG_NEW_LISTENER |
			       SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);

	facts_add(facts, steady, "seccomp",
	    "allow-list, %u instructions; connect is notified%s",
	    f->agent.program.len,
	    steady ? "" : ", but signals interrupt it before Linux 5.19");
}

int
agent_filter_load(const struct syscall_filter *f)
{
	static const unsigned long flags[] = {
		/* A signal may interrupt a connect only before we have seen
		 * it: Linux 5.19. */
		SECCOMP_FILTER_FLAG_NEW_LISTENER |
		    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		SECCOMP_FILTER_FLAG_NEW_LISTENER,
	};
	long fd = -1;

	for (size_t i = 0; i < 2 && fd < 0; i++)
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags[i],
		    &f->program);
	return (int)fd;
}

int
own_filter_load(const struct filters *f, struct error *e)
{
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &f->own.program) <
	    0)
		return error_errno(e, "cannot load the system call filter");
	return 0;
}
