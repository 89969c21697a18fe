/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor.h - io.openshell.Supervisor: what gatewayd asks of the
 * supervisord inside one sandbox.
 *
 * gatewayd starts supervisord with one end of a socketpair as descriptor 3
 * and calls Create on it; the reply comes when every layer stands.  Everything
 * after that goes over the Unix socket <runtime>/sandboxes/<id>.sock, on which
 * supervisord (PID 1 of the sandbox) calls listen(2) itself, so that
 * SO_PEERCRED of a connection to it names that process.
 */
#ifndef COMMON_WIRE_SUPERVISOR_H
#define COMMON_WIRE_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/varlink/varlink.h"

extern const struct interface supervisor_interface;

/* The host's directories with programs: every sandbox shows them, read-only,
 * where they lie.  NULL at the end. */
extern const char *const supervisor_programs[];
/* Where a command is looked for that has no "/" in its name. */
#define SUPERVISOR_PATH                                                        \
	"/sandbox/.local/bin:/usr/local/sbin:/usr/local/bin:"                  \
	"/usr/sbin:/usr/bin:/sbin:/bin"

/* A path of the host that is shown inside; a symlink is one inside, too. */
struct supervisor_bind {
	const char *source;
	const char *target;
	bool writable;
};

struct supervisor_create {
	const char *id;     /* names the cgroup and the runtime files */
	const char *name;   /* the host name inside */
	const char *socket; /* path to listen on */
	const char *home;   /* host directory shown as /sandbox */
	const char *policy; /* canonical JSON; its static sections are used */
	const char *ca_pem; /* certificate of the sandbox's CA */
	int64_t uid_base;   /* root only: first host uid of its 65536; else 0 */
	int64_t memory_max; /* bytes; 0 is no limit */
	int64_t pids_max;   /* 0 is no limit */
	struct objects binds; /* struct supervisor_bind */
};

/* One layer and how far it holds: "landlock" "abi 7". */
struct supervisor_fact {
	const char *layer;
	const char *level;
	bool
	    full; /* false: weaker than the best we know, and why is in level */
};

struct supervisor_created {
	int64_t pid; /* of PID 1, as the creator sees it */
	struct objects facts;
};

struct supervisor_listeners_params {
	int64_t owners; /* how many owner channels are wanted, 1..16 */
};

/*
 * Sockets born in the sandbox's network namespace, duplicates of those that
 * supervisord keeps.  names is the memory of the synthetic addresses
 * (common/wire/names.h).  Each owner channel is a SEQPACKET socket that
 * answers who made a connection (common/wire/owner.h).
 */
struct supervisor_listeners {
	int explicit_proxy;
	int transparent; /* IPv6 socket that takes IPv4 too */
	int dns_udp;
	int dns_tcp;
	int names;
	struct fds owners;
};

struct supervisor_exec {
	struct strings argv;
	struct pairs env;    /* added to the sandbox's own */
	const char *workdir; /* NULL: /sandbox */
	bool tty;
	int64_t rows;
	int64_t cols;
	int64_t timeout_ms; /* 0 is none; then SIGKILL and exit code 124 */
	const char *term;   /* TERM, or NULL */
};

/*
 * The first reply has started true and the descriptors: pty alone, or the
 * three pipes.  The last has started false and exit_code: the command's, 128
 * plus the signal, 126 (not executable), 127 (not found), 124 (timeout).
 */
struct supervisor_exec_reply {
	bool started;
	int64_t session;
	int pty;
	int in;  /* write end */
	int out; /* read end */
	int err; /* read end */
	int64_t exit_code;
	const char *message; /* why it did not start, or NULL */
};

struct supervisor_signal {
	int64_t session;
	int64_t signo;
};

struct supervisor_resolve {
	struct strings paths;
};

/* Where symlinks inside the sandbox lead; a path that is missing or leads
 * nowhere is left out. */
struct supervisor_resolved {
	struct pairs links; /* path -> target, only where they differ */
};

struct supervisor_info {
	int64_t sessions;
	struct objects facts;
};

/* Other interfaces describe them too. */
extern const struct field supervisor_fact_fields[];
extern const struct field supervisor_exec_reply_fields[];

extern const struct method supervisor_create_method;
extern const struct method supervisor_listeners_method;
extern const struct method supervisor_exec_method; /* more */
extern const struct method supervisor_signal_method;
extern const struct method supervisor_resolve_method;
extern const struct method supervisor_info_method;

#endif
