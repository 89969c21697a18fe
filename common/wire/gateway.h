/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway.h - io.openshell.Gateway: what people's programs ask of gatewayd.
 *
 * The socket is <runtime>/gateway.sock.  A sandbox belongs to the uid that
 * made it; to everybody else but root and administrators it is not there
 * (NotFound).
 */
#ifndef COMMON_WIRE_GATEWAY_H
#define COMMON_WIRE_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/varlink/varlink.h"
#include "common/wire/event.h"
#include "common/wire/limits.h"

#define GATEWAY_SOCKET_NAME "gateway.sock"
#define GATEWAY_POLICY_MAX WIRE_POLICY_MAX /* bytes of policy text */

extern const struct interface gateway_interface;

struct gateway_sandbox {
	const char *id;
	const char *name;
	const char *phase;  /* Provisioning Ready Stopped Error Deleting */
	const char *reason; /* why it is Stopped or in Error, or NULL */
	int64_t created_at_ms;
	int64_t policy_version; /* the loaded one; 0: none yet */
	int64_t owner_uid;
	struct pairs labels;
	struct objects facts;     /* struct supervisor_fact: the layers */
	struct strings providers; /* attached */
};

struct gateway_create_sandbox {
	const char *name;   /* NULL: the gateway makes one up */
	const char *policy; /* YAML; NULL: the default policy */
	struct pairs env;   /* for every command in the sandbox */
	struct pairs labels;
	int64_t memory_max;       /* bytes; 0: the default */
	int64_t pids_max;         /* 0: the default */
	struct strings providers; /* to attach from the start */
	/* Paths of the caller's, shown read-only where they lie: what a command
	 * that is not among the host's programs consists of.  Only the
	 * gateway's own user and root may show any. */
	struct strings shown;
};

struct gateway_sandbox_reply {
	struct gateway_sandbox *sandbox;
};

struct gateway_name {
	const char *name;
};

struct gateway_list_sandboxes {
	int64_t limit; /* 0: 100 */
	int64_t offset;
	struct pairs selector; /* labels that must be equal */
};

struct gateway_sandboxes {
	struct objects sandboxes; /* struct gateway_sandbox */
};

struct gateway_exec {
	const char *name;
	struct strings argv; /* empty: a login shell */
	struct pairs env;
	const char *workdir;
	bool tty;
	int64_t rows;
	int64_t cols;
	int64_t timeout_s;
	const char *term;
};
/* Replies are those of Supervisor.Exec: struct supervisor_exec_reply. */

struct gateway_signal {
	const char *name;
	int64_t session;
	int64_t signo;
};

struct gateway_set_policy {
	const char *name;
	const char *policy; /* YAML */
};

struct gateway_policy_set {
	int64_t version;
	const char *hash; /* SHA-256 of the canonical form, hex */
	bool unchanged;
};

struct gateway_get_policy {
	const char *name;
	int64_t version; /* 0: the newest */
	bool effective;  /* with the rules of attached providers */
};

struct gateway_revision {
	int64_t version;
	int64_t active_version; /* the loaded one */
	const char *hash;
	const char *status; /* pending loaded failed superseded */
	const char *error;  /* of failed */
	int64_t created_at_ms;
	int64_t loaded_at_ms;
	const char *policy; /* canonical JSON; NULL in lists */
};

struct gateway_wait_policy {
	const char *name;
	int64_t version;
	int64_t timeout_ms;
};
/* Replies with struct gateway_revision once it is no longer pending, or
 * Timeout. */

struct gateway_list_policies {
	const char *name;
	int64_t limit; /* 0: 20 */
};

struct gateway_revisions {
	struct objects revisions; /* struct gateway_revision, newest first */
};

struct gateway_logs {
	const char *name;
	int64_t limit;      /* 0: 200 */
	int64_t since_ms;   /* since the epoch; 0: all */
	const char *level;  /* the least; NULL: info */
	const char *source; /* NULL: all */
	bool follow;        /* needs "more" */
};

struct gateway_log_events {
	struct objects events; /* struct log_event, oldest first */
};

struct gateway_daemon {
	const char *name;  /* "proxyd" */
	const char *state; /* "up" "starting" "down" */
	int64_t pid;
	int64_t restarts;
};

struct gateway_status {
	const char *version;
	int64_t pid;
	int64_t uptime_ms;
	const char *state_dir;
	int64_t sandboxes;
	int64_t ready;
	struct objects daemons; /* struct gateway_daemon */
};

struct gateway_key_rotated {
	int64_t secrets; /* sealed with the new key */
};

/* The parameters of the error PolicyInvalid. */
struct gateway_violation {
	int64_t line; /* from 1; 0: unknown */
	int64_t column;
	const char *path; /* "network_policies.github.endpoints[0].port" */
	const char *message;
};
struct gateway_policy_invalid {
	const char *message;
	struct objects violations;
};
extern const struct field gateway_policy_invalid_fields[];

extern const struct method gateway_create_sandbox_method; /* when Ready */
extern const struct method gateway_get_sandbox_method;
extern const struct method gateway_list_sandboxes_method;
extern const struct method gateway_delete_sandbox_method; /* when gone */
extern const struct method gateway_start_sandbox_method;
extern const struct method gateway_stop_sandbox_method;
extern const struct method gateway_exec_method; /* more */
extern const struct method gateway_signal_method;
extern const struct method gateway_set_policy_method;
extern const struct method gateway_get_policy_method;
extern const struct method gateway_wait_policy_method;
extern const struct method gateway_list_policies_method;
extern const struct method gateway_logs_method;
extern const struct method gateway_status_method;
extern const struct method gateway_rotate_key_method; /* admin */
extern const struct method gateway_shutdown_method;   /* admin */

#endif
