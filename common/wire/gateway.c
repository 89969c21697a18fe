/* SPDX-License-Identifier: Apache-2.0 */
/* gateway.c - see gateway.h. */
#include "common/wire/gateway.h"
#include "common/wire/inference.h"
#include "common/wire/limits.h"
#include "common/wire/profile.h"
#include "common/wire/provider.h"
#include "common/wire/refresh.h"
#include "common/wire/supervisor.h"

#define DAEMONS_MAX 16
#define VIOLATIONS_MAX 64
#define SIGNAL_MAX 64

#define P(member) offsetof(struct gateway_sandbox, member)
static const struct field sandbox_fields[] = {
	{ "id", FIELD_STR, REQUIRED, P(id), WIRE_NAME_MAX },
	{ "name", FIELD_STR, REQUIRED, P(name), WIRE_NAME_MAX },
	{ "phase", FIELD_STR, REQUIRED, P(phase), WIRE_WORD_MAX },
	{ "reason", FIELD_STR, OPTIONAL, P(reason), WIRE_TEXT_MAX },
	{ "created_at_ms", FIELD_INT, REQUIRED, P(created_at_ms) },
	{ "policy_version", FIELD_INT, REQUIRED, P(policy_version) },
	{ "owner_uid", FIELD_INT, REQUIRED, P(owner_uid), UINT32_MAX },
	{ "labels", FIELD_MAP, OPTIONAL, P(labels), WIRE_LABELS_MAX },
	{ "facts", FIELD_OBJS, OPTIONAL, P(facts), WIRE_FACTS_MAX,
	    supervisor_fact_fields, sizeof(struct supervisor_fact) },
	{ "providers", FIELD_STRS, OPTIONAL, P(providers), WIRE_PROVIDERS_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_create_sandbox, member)
static const struct field create_sandbox_fields[] = {
	{ "name", FIELD_STR, OPTIONAL, P(name), WIRE_NAME_MAX },
	{ "policy", FIELD_STR, OPTIONAL, P(policy), GATEWAY_POLICY_MAX },
	{ "env", FIELD_MAP, OPTIONAL, P(env), WIRE_ENV_MAX },
	{ "labels", FIELD_MAP, OPTIONAL, P(labels), WIRE_LABELS_MAX },
	{ "memory_max", FIELD_INT, OPTIONAL, P(memory_max) },
	{ "pids_max", FIELD_INT, OPTIONAL, P(pids_max) },
	{ "providers", FIELD_STRS, OPTIONAL, P(providers), WIRE_PROVIDERS_MAX },
	{ "shown", FIELD_STRS, OPTIONAL, P(shown), WIRE_SHOWN_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_sandbox_reply, member)
static const struct field sandbox_reply_fields[] = {
	{ "sandbox", FIELD_OBJ, REQUIRED, P(sandbox), 0, sandbox_fields,
	    sizeof(struct gateway_sandbox) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_name, member)
static const struct field name_fields[] = {
	{ "name", FIELD_STR, REQUIRED, P(name), WIRE_NAME_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_list_sandboxes, member)
static const struct field list_sandboxes_fields[] = {
	{ "limit", FIELD_INT, OPTIONAL, P(limit), WIRE_LIST_MAX },
	{ "offset", FIELD_INT, OPTIONAL, P(offset) },
	{ "selector", FIELD_MAP, OPTIONAL, P(selector), WIRE_LABELS_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_sandboxes, member)
static const struct field sandboxes_fields[] = {
	{ "sandboxes", FIELD_OBJS, REQUIRED, P(sandboxes), WIRE_LIST_MAX,
	    sandbox_fields, sizeof(struct gateway_sandbox) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_exec, member)
static const struct field exec_fields[] = {
	{ "name", FIELD_STR, REQUIRED, P(name), WIRE_NAME_MAX },
	{ "argv", FIELD_STRS, OPTIONAL, P(argv), WIRE_ARGV_MAX },
	{ "env", FIELD_MAP, OPTIONAL, P(env), WIRE_ENV_MAX },
	{ "workdir", FIELD_STR, OPTIONAL, P(workdir), WIRE_PATH_MAX },
	{ "tty", FIELD_BOOL, OPTIONAL, P(tty) },
	{ "rows", FIELD_INT, OPTIONAL, P(rows), WIRE_WINDOW_MAX },
	{ "cols", FIELD_INT, OPTIONAL, P(cols), WIRE_WINDOW_MAX },
	{ "timeout_s", FIELD_INT, OPTIONAL, P(timeout_s), INT32_MAX },
	{ "term", FIELD_STR, OPTIONAL, P(term), WIRE_NAME_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_signal, member)
static const struct field signal_fields[] = {
	{ "name", FIELD_STR, REQUIRED, P(name), WIRE_NAME_MAX },
	{ "session", FIELD_INT, REQUIRED, P(session) },
	{ "signo", FIELD_INT, REQUIRED, P(signo), SIGNAL_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_set_policy, member)
static const struct field set_policy_fields[] = {
	{ "name", FIELD_STR, REQUIRED, P(name), WIRE_NAME_MAX },
	{ "policy", FIELD_STR, REQUIRED, P(policy), GATEWAY_POLICY_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_policy_set, member)
static const struct field policy_set_fields[] = {
	{ "version", FIELD_INT, REQUIRED, P(version) },
	{ "hash", FIELD_STR, REQUIRED, P(hash), WIRE_HASH_MAX },
	{ "unchanged", FIELD_BOOL, OPTIONAL, P(unchanged) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_get_policy, member)
static const struct field get_policy_fields[] = {
	{ "name", FIELD_STR, REQUIRED, P(name), WIRE_NAME_MAX },
	{ "version", FIELD_INT, OPTIONAL, P(version) },
	{ "effective", FIELD_BOOL, OPTIONAL, P(effective) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_revision, member)
static const struct field revision_fields[] = {
	{ "version", FIELD_INT, REQUIRED, P(version) },
	{ "active_version", FIELD_INT, REQUIRED, P(active_version) },
	{ "hash", FIELD_STR, REQUIRED, P(hash), WIRE_HASH_MAX },
	{ "status", FIELD_STR, REQUIRED, P(status), WIRE_WORD_MAX },
	{ "error", FIELD_STR, OPTIONAL, P(error), WIRE_TEXT_MAX },
	{ "created_at_ms", FIELD_INT, REQUIRED, P(created_at_ms) },
	{ "loaded_at_ms", FIELD_INT, OPTIONAL, P(loaded_at_ms) },
	{ "policy", FIELD_STR, OPTIONAL, P(policy), GATEWAY_POLICY_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_wait_policy, member)
static const struct field wait_policy_fields[] = {
	{ "name", FIELD_STR, REQUIRED, P(name), WIRE_NAME_MAX },
	{ "version", FIELD_INT, REQUIRED, P(version) },
	{ "timeout_ms", FIELD_INT, REQUIRED, P(timeout_ms), INT32_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_list_policies, member)
static const struct field list_policies_fields[] = {
	{ "name", FIELD_STR, REQUIRED, P(name), WIRE_NAME_MAX },
	{ "limit", FIELD_INT, OPTIONAL, P(limit), WIRE_LIST_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_revisions, member)
static const struct field revisions_fields[] = {
	{ "revisions", FIELD_OBJS, REQUIRED, P(revisions), WIRE_LIST_MAX,
	    revision_fields, sizeof(struct gateway_revision) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_logs, member)
static const struct field logs_fields[] = {
	{ "name", FIELD_STR, REQUIRED, P(name), WIRE_NAME_MAX },
	{ "limit", FIELD_INT, OPTIONAL, P(limit), INT32_MAX },
	{ "since_ms", FIELD_INT, OPTIONAL, P(since_ms) },
	{ "level", FIELD_STR, OPTIONAL, P(level), WIRE_WORD_MAX },
	{ "source", FIELD_STR, OPTIONAL, P(source), WIRE_WORD_MAX },
	{ "follow", FIELD_BOOL, OPTIONAL, P(follow) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_log_events, member)
static const struct field log_events_fields[] = {
	{ "events", FIELD_OBJS, REQUIRED, P(events), WIRE_EVENTS_MAX,
	    event_fields, sizeof(struct log_event) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_daemon, member)
static const struct field daemon_fields[] = {
	{ "name", FIELD_STR, REQUIRED, P(name), WIRE_NAME_MAX },
	{ "state", FIELD_STR, REQUIRED, P(state), WIRE_WORD_MAX },
	{ "pid", FIELD_INT, OPTIONAL, P(pid), INT32_MAX },
	{ "restarts", FIELD_INT, REQUIRED, P(restarts) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_status, member)
static const struct field status_fields[] = {
	{ "version", FIELD_STR, REQUIRED, P(version), WIRE_NAME_MAX },
	{ "pid", FIELD_INT, REQUIRED, P(pid), INT32_MAX },
	{ "uptime_ms", FIELD_INT, REQUIRED, P(uptime_ms) },
	{ "state_dir", FIELD_STR, REQUIRED, P(state_dir), WIRE_PATH_MAX },
	{ "sandboxes", FIELD_INT, REQUIRED, P(sandboxes) },
	{ "ready", FIELD_INT, REQUIRED, P(ready) },
	{ "daemons", FIELD_OBJS, REQUIRED, P(daemons), DAEMONS_MAX,
	    daemon_fields, sizeof(struct gateway_daemon) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_violation, member)
static const struct field violation_fields[] = {
	{ "line", FIELD_INT, REQUIRED, P(line), UINT32_MAX },
	{ "column", FIELD_INT, REQUIRED, P(column), UINT32_MAX },
	{ "path", FIELD_STR, REQUIRED, P(path), WIRE_TEXT_MAX },
	{ "message", FIELD_STR, REQUIRED, P(message), WIRE_TEXT_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_policy_invalid, member)
const struct field gateway_policy_invalid_fields[] = {
	{ "message", FIELD_STR, REQUIRED, P(message), WIRE_TEXT_MAX },
	{ "violations", FIELD_OBJS, REQUIRED, P(violations), VIOLATIONS_MAX,
	    violation_fields, sizeof(struct gateway_violation) },
	{ 0 },
};
#undef P

/* A method without parameters or reply leaves the pair out. */
#define P(member) offsetof(struct gateway_key_rotated, member)
static const struct field key_rotated_fields[] = {
	{ "secrets", FIELD_INT, REQUIRED, P(secrets) },
	{ 0 },
};
#undef P

#define PARAMS(type)                                                           \
	.params = type##_fields, .params_size = sizeof(struct gateway_##type)
#define REPLY(type)                                                            \
	.reply = type##_fields, .reply_size = sizeof(struct gateway_##type)

const struct method gateway_create_sandbox_method = {
	.name = "CreateSandbox",
	.doc = "Makes a sandbox; answers when it is ready.",
	PARAMS(create_sandbox),
	REPLY(sandbox_reply),
};

const struct method gateway_get_sandbox_method = {
	.name = "GetSandbox",
	.doc = "Describes one sandbox.",
	PARAMS(name),
	REPLY(sandbox_reply),
};

const struct method gateway_list_sandboxes_method = {
	.name = "ListSandboxes",
	.doc = "Describes the caller's sandboxes.",
	PARAMS(list_sandboxes),
	REPLY(sandboxes),
};

const struct method gateway_delete_sandbox_method = {
	.name = "DeleteSandbox",
	.doc = "Ends a sandbox and removes its files; answers when it is gone.",
	PARAMS(name),
};

const struct method gateway_start_sandbox_method = {
	.name = "StartSandbox",
	.doc = "Brings a stopped sandbox back with its files.",
	PARAMS(name),
	REPLY(sandbox_reply),
};

const struct method gateway_stop_sandbox_method = {
	.name = "StopSandbox",
	.doc = "Ends every process of a sandbox and keeps its files.",
	PARAMS(name),
	REPLY(sandbox_reply),
};

const struct method gateway_exec_method = {
	.name = "Exec",
	.doc = "Starts a command; answers when it has started and when it "
	       "has ended.",
	PARAMS(exec),
	.reply = supervisor_exec_reply_fields,
	.reply_size = sizeof(struct supervisor_exec_reply),
	.flags = METHOD_MORE,
};

const struct method gateway_signal_method = {
	.name = "Signal",
	.doc = "Sends a signal to the processes of a session.",
	PARAMS(signal),
};

const struct method gateway_set_policy_method = {
	.name = "SetPolicy",
	.doc = "Stores a policy revision, to be loaded at once.",
	PARAMS(set_policy),
	REPLY(policy_set),
};

const struct method gateway_get_policy_method = {
	.name = "GetPolicy",
	.doc = "Shows one policy revision.",
	PARAMS(get_policy),
	REPLY(revision),
};

const struct method gateway_wait_policy_method = {
	.name = "WaitPolicy",
	.doc = "Answers when a policy revision is no longer pending.",
	PARAMS(wait_policy),
	REPLY(revision),
};

const struct method gateway_list_policies_method = {
	.name = "ListPolicies",
	.doc = "Lists a sandbox's policy revisions, newest first.",
	PARAMS(list_policies),
	REPLY(revisions),
};

const struct method gateway_logs_method = {
	.name = "GetLogs",
	.doc = "Shows a sandbox's events, and with \"more\" those to come.",
	PARAMS(logs),
	REPLY(log_events),
};

const struct method gateway_status_method = {
	.name = "GetStatus",
	.doc = "Says how the gateway and its daemons are.",
	REPLY(status),
};

const struct method gateway_rotate_key_method = {
	.name = "RotateKey",
	.doc = "Seals all secrets with a new key and destroys the old one.",
	REPLY(key_rotated),
};

const struct method gateway_shutdown_method = {
	.name = "Shutdown",
	.doc = "Ends the gateway; sandboxes go on.",
};

static const struct method *const methods[] = {
	&gateway_create_sandbox_method,
	&gateway_get_sandbox_method,
	&gateway_list_sandboxes_method,
	&gateway_delete_sandbox_method,
	&gateway_start_sandbox_method,
	&gateway_stop_sandbox_method,
	&gateway_exec_method,
	&gateway_signal_method,
	&gateway_set_policy_method,
	&gateway_get_policy_method,
	&gateway_wait_policy_method,
	&gateway_list_policies_method,
	&gateway_logs_method,
	&gateway_create_provider_method,
	&gateway_get_provider_method,
	&gateway_list_providers_method,
	&gateway_update_provider_method,
	&gateway_delete_provider_method,
	&gateway_attach_provider_method,
	&gateway_detach_provider_method,
	&gateway_list_profiles_method,
	&gateway_export_profile_method,
	&gateway_check_profiles_method,
	&gateway_import_profiles_method,
	&gateway_update_profile_method,
	&gateway_delete_profile_method,
	&gateway_configure_refresh_method,
	&gateway_list_refreshes_method,
	&gateway_rotate_refresh_method,
	&gateway_delete_refresh_method,
	&gateway_set_inference_method,
	&gateway_list_inference_method,
	&gateway_delete_inference_method,
	&gateway_inference_usage_method,
	&gateway_status_method,
	&gateway_rotate_key_method,
	&gateway_shutdown_method,
	NULL,
};

static const struct named_error errors[] = {
	{ "PolicyInvalid", "The policy's text is not a valid policy.",
	    gateway_policy_invalid_fields },
	{ "ProfileInvalid", "The file doesn't describe a type of provider.",
	    gateway_profile_invalid_fields },
	{ 0 },
};

const struct interface gateway_interface = {
	.name = "io.openshell.Gateway",
	.doc = "Sandboxes and what they may do.",
	.methods = methods,
	.errors = errors,
};
