/* SPDX-License-Identifier: Apache-2.0 */
/* supervisor.c - see supervisor.h. */
#include "common/wire/limits.h"
#include "common/wire/supervisor.h"

#define BINDS_MAX WIRE_SHOWN_MAX
#define PATHS_MAX WIRE_LINKS_MAX
#define SIGNAL_MAX 64
#define EXIT_CODE_MAX 255

const char *const supervisor_programs[] = { "/usr", "/bin", "/sbin", "/lib",
	"/lib32", "/lib64", "/libx32", "/opt", NULL };

#define P(member) offsetof(struct supervisor_fact, member)
const struct field supervisor_fact_fields[] = {
	{ "layer", FIELD_STR, REQUIRED, P(layer), WIRE_WORD_MAX },
	{ "level", FIELD_STR, REQUIRED, P(level), WIRE_TEXT_MAX },
	{ "full", FIELD_BOOL, REQUIRED, P(full) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct supervisor_bind, member)
static const struct field bind_fields[] = {
	{ "source", FIELD_STR, REQUIRED, P(source), WIRE_PATH_MAX },
	{ "target", FIELD_STR, REQUIRED, P(target), WIRE_PATH_MAX },
	{ "writable", FIELD_BOOL, OPTIONAL, P(writable) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct supervisor_create, member)
static const struct field create_fields[] = {
	{ "id", FIELD_STR, REQUIRED, P(id), WIRE_NAME_MAX },
	{ "name", FIELD_STR, REQUIRED, P(name), WIRE_NAME_MAX },
	{ "socket", FIELD_STR, REQUIRED, P(socket), WIRE_PATH_MAX },
	{ "home", FIELD_STR, REQUIRED, P(home), WIRE_PATH_MAX },
	{ "policy", FIELD_STR, REQUIRED, P(policy), WIRE_POLICY_MAX },
	{ "ca_pem", FIELD_STR, REQUIRED, P(ca_pem), WIRE_PEM_MAX },
	{ "uid_base", FIELD_INT, OPTIONAL, P(uid_base), UINT32_MAX },
	{ "memory_max", FIELD_INT, OPTIONAL, P(memory_max) },
	{ "pids_max", FIELD_INT, OPTIONAL, P(pids_max) },
	{ "binds", FIELD_OBJS, OPTIONAL, P(binds), BINDS_MAX, bind_fields,
	    sizeof(struct supervisor_bind) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct supervisor_created, member)
static const struct field created_fields[] = {
	{ "pid", FIELD_INT, REQUIRED, P(pid), INT32_MAX },
	{ "facts", FIELD_OBJS, OPTIONAL, P(facts), WIRE_FACTS_MAX,
	    supervisor_fact_fields, sizeof(struct supervisor_fact) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct supervisor_listeners_params, member)
static const struct field listeners_params_fields[] = {
	{ "owners", FIELD_INT, REQUIRED, P(owners), WIRE_OWNERS_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct supervisor_listeners, member)
static const struct field listeners_fields[] = {
	{ "explicit_proxy", FIELD_FD, REQUIRED, P(explicit_proxy) },
	{ "transparent", FIELD_FD, REQUIRED, P(transparent) },
	{ "dns_udp", FIELD_FD, REQUIRED, P(dns_udp) },
	{ "dns_tcp", FIELD_FD, REQUIRED, P(dns_tcp) },
	{ "names", FIELD_FD, REQUIRED, P(names) },
	{ "owners", FIELD_FDS, REQUIRED, P(owners), WIRE_OWNERS_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct supervisor_exec, member)
static const struct field exec_fields[] = {
	{ "argv", FIELD_STRS, REQUIRED, P(argv), WIRE_ARGV_MAX },
	{ "env", FIELD_MAP, OPTIONAL, P(env), WIRE_ENV_MAX },
	{ "workdir", FIELD_STR, OPTIONAL, P(workdir), WIRE_PATH_MAX },
	{ "tty", FIELD_BOOL, OPTIONAL, P(tty) },
	{ "rows", FIELD_INT, OPTIONAL, P(rows), WIRE_WINDOW_MAX },
	{ "cols", FIELD_INT, OPTIONAL, P(cols), WIRE_WINDOW_MAX },
	{ "timeout_ms", FIELD_INT, OPTIONAL, P(timeout_ms) },
	{ "term", FIELD_STR, OPTIONAL, P(term), WIRE_NAME_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct supervisor_exec_reply, member)
const struct field supervisor_exec_reply_fields[] = {
	{ "started", FIELD_BOOL, REQUIRED, P(started) },
	{ "session", FIELD_INT, OPTIONAL, P(session) },
	{ "pty", FIELD_FD, OPTIONAL, P(pty) },
	{ "in", FIELD_FD, OPTIONAL, P(in) },
	{ "out", FIELD_FD, OPTIONAL, P(out) },
	{ "err", FIELD_FD, OPTIONAL, P(err) },
	{ "exit_code", FIELD_INT, OPTIONAL, P(exit_code), EXIT_CODE_MAX },
	{ "message", FIELD_STR, OPTIONAL, P(message), WIRE_TEXT_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct supervisor_signal, member)
static const struct field signal_fields[] = {
	{ "session", FIELD_INT, REQUIRED, P(session) },
	{ "signo", FIELD_INT, REQUIRED, P(signo), SIGNAL_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct supervisor_resolve, member)
static const struct field resolve_fields[] = {
	{ "paths", FIELD_STRS, REQUIRED, P(paths), PATHS_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct supervisor_resolved, member)
static const struct field resolved_fields[] = {
	{ "links", FIELD_MAP, REQUIRED, P(links), WIRE_LINKS_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct supervisor_info, member)
static const struct field info_fields[] = {
	{ "sessions", FIELD_INT, REQUIRED, P(sessions) },
	{ "facts", FIELD_OBJS, REQUIRED, P(facts), WIRE_FACTS_MAX,
	    supervisor_fact_fields, sizeof(struct supervisor_fact) },
	{ 0 },
};
#undef P

const struct method supervisor_create_method = {
	.name = "Create",
	.doc = "Builds the sandbox; answers when every layer stands.",
	.params = create_fields,
	.params_size = sizeof(struct supervisor_create),
	.reply = created_fields,
	.reply_size = sizeof(struct supervisor_created),
};

const struct method supervisor_listeners_method = {
	.name = "GetListeners",
	.doc = "Hands out the sockets that were born in the sandbox.",
	.params = listeners_params_fields,
	.params_size = sizeof(struct supervisor_listeners_params),
	.reply = listeners_fields,
	.reply_size = sizeof(struct supervisor_listeners),
};

const struct method supervisor_exec_method = {
	.name = "Exec",
	.doc = "Starts a command; answers when it has started and when it "
	       "has ended.",
	.params = exec_fields,
	.params_size = sizeof(struct supervisor_exec),
	.reply = supervisor_exec_reply_fields,
	.reply_size = sizeof(struct supervisor_exec_reply),
	.flags = METHOD_MORE,
};

const struct method supervisor_signal_method = {
	.name = "Signal",
	.doc = "Sends a signal to the processes of a session.",
	.params = signal_fields,
	.params_size = sizeof(struct supervisor_signal),
};

const struct method supervisor_resolve_method = {
	.name = "ResolveLinks",
	.doc = "Says where symlinks lead inside the sandbox.",
	.params = resolve_fields,
	.params_size = sizeof(struct supervisor_resolve),
	.reply = resolved_fields,
	.reply_size = sizeof(struct supervisor_resolved),
};

const struct method supervisor_info_method = {
	.name = "GetInfo",
	.doc = "Says how the sandbox is confined and what runs in it.",
	.reply = info_fields,
	.reply_size = sizeof(struct supervisor_info),
};

static const struct method *const methods[] = {
	&supervisor_create_method,
	&supervisor_listeners_method,
	&supervisor_exec_method,
	&supervisor_signal_method,
	&supervisor_resolve_method,
	&supervisor_info_method,
	NULL,
};

const struct interface supervisor_interface = {
	.name = "io.openshell.Supervisor",
	.doc = "One sandbox, seen from its first process.",
	.methods = methods,
};
