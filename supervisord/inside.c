/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inside.c - see inside.h.
 *
 * Nothing of an agent's is here before the last step: what is built can't be
 * raced.  The launcher's death before "live" ends us, and with us everything.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "supervisord/attribution.h"
#include "supervisord/cgroup.h"
#include "supervisord/identity.h"
#include "supervisord/inside.h"
#include "supervisord/kernel.h"
#include "supervisord/landlock.h"
#include "supervisord/listeners.h"
#include "supervisord/network.h"
#include "supervisord/records.h"
#include "supervisord/rootfs.h"
#include "supervisord/seccomp.h"
#include "supervisord/service.h"
#include "supervisord/session.h"
#include "supervisord/spawn.h"

#define KEPT_FIRST 3 /* sync, socket and what was opened stand here */
#define LISTEN_BACKLOG 64
#define DESCRIPTORS 8192

struct inside {
	const struct plan *plan;
	struct idmap map;
	struct facts facts;
	int sync;
	int socket;
	int proc;
	struct reached reached;
	struct listeners listeners;
	struct filters filters;
	bool cgroup_limits;
	struct confinement confinement;
};

static int
reach(struct inside *in, struct error *e)
{
	return rootfs_reach(in->plan, &in->reached, e);
}

static int
become(struct inside *in, struct error *e)
{
	return idmap_become(&in->map, e);
}

static int
name_host(struct inside *in, struct error *e)
{
	const char *name = in->plan->spec->name;

	return sethostname(name, strlen(name)) < 0
		   ? error_errno(e, "cannot set the host name")
		   : 0;
}

static int
build_network(struct inside *in, struct error *e)
{
	return network_build(&in->facts, e);
}

static int
open_listeners(struct inside *in, struct error *e)
{
	return listeners_open(&in->listeners, e);
}

static int
build_files(struct inside *in, struct error *e)
{
	return rootfs_build(in->plan, &in->map, &in->reached, &in->facts, e);
}

static int
seal_files(struct inside *in, struct error *e)
{
	(void)in;
	return rootfs_seal(e);
}

/* Of this user namespace: also for whoever would get one past the filter. */
static int
forbid_namespaces(struct inside *in, struct error *e)
{
	static const char *const kinds[] = { "user", "mnt", "pid", "net", "ipc",
		"uts", "cgroup", "time" };

	(void)in;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char path[64];
		autoclose int fd = -1;

		(void)snprintf(path, sizeof(path),
		    "/proc/sys/user/max_%s_namespaces", kinds[i]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "0", 1) != 1)
			return error_errno(e, "cannot write '%s'", path);
	}
	facts_add(&in->facts, 1, "namespaces",
	    "user mnt pid net ipc uts cgroup; no further ones");
	return 0;
}

static int
keep_proc(struct inside *in, struct error *e)
{
	in->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return in->proc < 0 ? error_errno(e, "cannot open /proc") : 0;
}

static int
prepare_landlock(struct inside *in, struct error *e)
{
	return landlock_prepare(
	    in->plan, &in->confinement.landlock, &in->facts, e);
}

static int
take_filters(struct inside *in, struct error *e)
{
	if (filters_receive(&in->filters, in->sync, e) < 0)
		return -1;
	in->confinement.filter = &in->filters.agent;
	in->confinement.own_agent_ids = idmap_has_own_agent(&in->map);
	in->confinement.pids_max = in->plan->spec->pids_max;
	in->confinement.data_max =
	    in->cgroup_limits ? 0 : in->plan->spec->memory_max;
	filters_describe(&in->filters, &in->facts);
	return 0;
}

/* What a capability is kept for; those of the first rows only where the agent
 * has a uid of its own. */
static const struct {
	unsigned capability;
	bool other_user;
	const char *why;
} kept_capabilities[] = {
	{ CAP_SETUID, true, "sessions become the agent" },
	{ CAP_SETGID, true, "likewise" },
	{ CAP_KILL, true, "sessions are signalled and ended" },
	{ CAP_DAC_READ_SEARCH, true, "the agent's programs are hashed" },
	{ CAP_NET_RAW, false, "the mark of the gate" },
	{ CAP_SYS_PTRACE, false,
	    "the memory, sockets and programs of callers" },
};

static int
give_up(struct inside *in, struct error *e)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3,
		0 };
	struct __user_cap_data_struct caps[2] = { { 0 } };
	unsigned n = 0;

	/* Our children begin with an empty bounding set. */
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0;
	     cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return error_errno(
			    e, "cannot drop capability %lu", cap);
	for (size_t i = 0;
	     i < sizeof(kept_capabilities) / sizeof(kept_capabilities[0]);
	     i++) {
		if (kept_capabilities[i].other_user &&
		    !idmap_has_own_agent(&in->map))
			continue;
		caps[0].permitted |= 1u << kept_capabilities[i].capability;
		n++;
	}
	caps[0].effective = caps[0].permitted;
	if (syscall(SYS_capset, &header, caps) < 0)
		return error_errno(e, "cannot give up privileges");
	if (daemon_harden(e) < 0)
		return -1;
	facts_add(&in->facts, 1, "capabilities",
	    "none for agents, no_new_privs; %u for the first process", n);
	return 0;
}

static int
confine_self(struct inside *in, struct error *e)
{
	return own_filter_load(&in->filters, e);
}

/* Each connection of an agent that waits holds a descriptor of ours. */
static int
raise_descriptors(struct inside *in, struct error *e)
{
	struct rlimit limit;

	(void)in;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_errno(e, "cannot read the limit of descriptors");
	limit.rlim_cur =
	    limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_errno(e, "cannot raise the limit of descriptors");
	return 0;
}

static int
keep_score(struct inside *in, struct error *e)
{
	struct confinement *c = &in->confinement;

	c->oom_score = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	if (c->oom_score < 0 ||
	    read(c->oom_score, c->own_score, sizeof(c->own_score) - 1) < 0)
		return error_errno(e, "cannot open '/proc/self/oom_score_adj'");
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct inside *, struct error *);
	const char *why_here;
} steps[] = {
	{ "sources", reach,
	    "as the user who started us, to whom the home belongs" },
	{ "score", keep_score,
	    "whoever changes users loses what /proc/self has of it" },
	{ "users", become, "what is made from here on belongs to the sandbox" },
	{ "host name", name_host, "needs CAP_SYS_ADMIN" },
	{ "network", build_network,
	    "writes the host's view of /proc/sys, which the pivot takes away" },
	{ "listeners", open_listeners,
	    "bound before anybody inside could bind there" },
	{ "files", build_files, "the pivot: no path of the host from here on" },
	{ "no namespaces", forbid_namespaces,
	    "after the mounts, which are namespaces while they are detached" },
	{ "seal", seal_files, "after the last write to /proc/sys" },
	{ "proc", keep_proc, "the identity of callers is read from it" },
	{ "landlock", prepare_landlock, "of the paths as the agents see them" },
	{ "descriptors", raise_descriptors, "agents have limits of their own" },
	{ "filters", take_filters,
	    "the launcher has compiled them while we built" },
	{ "privileges", give_up, "after the last step that needs them" },
	{ "seccomp", confine_self, "last: it forbids what the steps did" },
};

static int
build(struct inside *in, struct error *e)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i].run(in, e) < 0)
			return error_prefix(e, "%s", steps[i].name);
	return 0;
}

/* False if the launcher is gone. */
static bool
hear(int sync, void *to, size_t n)
{
	ssize_t r;

	do
		r = recv(sync, to, n, 0);
	while (r < 0 && errno == EINTR);
	return r == (ssize_t)n;
}

/* Nothing that the launcher had is ours but these; they get the numbers from
 * KEPT_FIRST on. */
static void
keep_only(struct inside *in)
{
	int sync = fcntl(in->sync, F_DUPFD_CLOEXEC, 64);
	int socket = fcntl(in->socket, F_DUPFD_CLOEXEC, 64);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	(void)dup3(sync, KEPT_FIRST, O_CLOEXEC);
	(void)dup3(socket, KEPT_FIRST + 1, O_CLOEXEC);
	(void)syscall(SYS_close_range, KEPT_FIRST + 2, ~0u, 0);
	in->sync = KEPT_FIRST;
	in->socket = KEPT_FIRST + 1;
}

static void
ignore_signals(void)
{
	sigset_t none;

	/* A PID 1 without handlers gets no signals from inside anyway. */
	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void
serve(struct inside *in)
{
	struct event_base *base = event_base_new();
	struct service_parts *parts = xcalloc(1, sizeof(*parts));
	struct error e;

	if (base == NULL)
		fatalx("cannot make an event base");
	parts->base = base;
	parts->facts = &in->facts;
	parts->listeners = &in->listeners;
	parts->records = records_new();
	parts->sessions = sessions_new(base, xstrdup(in->plan->spec->name),
	    in->proc, &in->confinement,
	    attribution_new(base, identities_new(in->proc), parts->records));
	if (service_start(parts, in->socket, &e) < 0)
		fatalx("cannot serve: %s", e.text);
	(void)event_base_dispatch(base);
	_exit(1);
}

void
inside_main(const struct plan *plan, const struct cgroup *cgroup, bool born,
    int sync, int socket)
{
	struct inside *in = xcalloc(1, sizeof(*in));
	struct inside_built built = { 0 };
	struct inside_go go;
	char live;

	in->plan = plan;
	in->sync = sync;
	in->socket = socket;
	ignore_signals();
	built.failed = cgroup_join(cgroup, born, &built.error) < 0;
	keep_only(in);
	if (!hear(in->sync, &go, sizeof(go)))
		_exit(1);
	in->map = go.map;
	in->cgroup_limits = go.cgroup_limits;
	if (!built.failed)
		built.failed = build(in, &built.error) < 0;
	/* We listen ourselves: whoever connects learns who we are. */
	if (!built.failed && listen(in->socket, LISTEN_BACKLOG) < 0)
		built.failed = error_errno(&built.error, "cannot listen") < 0;
	built.facts = in->facts;
	if (send(in->sync, &built, sizeof(built), MSG_NOSIGNAL) < 0)
		_exit(1);
	/* Closing with a message unread would reset the connection under the
	 * launcher's eyes: the filters may not have been read. */
	while (built.failed && recv(in->sync, &live, sizeof(live), 0) > 0)
		;
	if (built.failed || !hear(in->sync, &live, sizeof(live)))
		_exit(1);
	(void)close(in->sync);
	/* What the launcher had on its heap. */
	(void)malloc_trim(0);
	serve(in);
}
