/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.h - the sandboxes of this gateway: what they are, who may see them,
 * and the phases of their life.
 *
 *	Provisioning -> Ready -> Stopped -> Provisioning ...
 *	      \__________\________\-> Error
 *	       \__________\________\-> Deleting -> gone
 *
 * One function changes a phase: it checks the move, writes the store and adds
 * an event.  What makes a sandbox move is in life.c.
 */
#ifndef GATEWAYD_SANDBOX_H
#define GATEWAYD_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/field.h"
#include "common/varlink/arena.h"
#include "gatewayd/naming.h"

#define SANDBOXES_PER_OWNER_MAX 64
#define UID_BLOCK_SIZE 65536
#define UID_BLOCK_FIRST 0x60000000 /* above what adduser and containers use */
#define AGENT_UID 1000             /* inside a sandbox */

struct call;
struct event;
struct gateway;
struct gateway_sandbox;
struct instance;
struct peer;
struct provider;
struct revision_waiter;
struct store_sandbox;
struct varlink_client;
struct waiter;

enum phase {
	PHASE_PROVISIONING,
	PHASE_READY,
	PHASE_STOPPED,
	PHASE_ERROR,
	PHASE_DELETING,
	PHASE_MAX_
};

/* What the creator asked for; kept as JSON in the store. */
struct sandbox_spec {
	struct pairs env;
	struct pairs labels;
	int64_t memory_max;
	int64_t pids_max;
	struct strings shown; /* paths of the host: shown.h */
};
extern const struct field sandbox_spec_fields[];

struct sandbox {
	TAILQ_ENTRY(sandbox) next;
	struct gateway *gw;
	unsigned references; /* one for being listed, one a pending call */
	bool gone;           /* no longer listed */

	char id[NAMING_ID_SIZE];
	char *name;
	uid_t owner;
	enum phase phase;
	char *reason; /* of Stopped and Error, or NULL */
	int64_t created_at_ms;
	int64_t uid_block;
	struct arena spec_arena;
	const struct sandbox_spec *spec;
	char *ca_cert;
	uint8_t *ca_key; /* sealed */
	size_t ca_key_len;
	struct provider **providers; /* attached, in order */
	const char **provider_names; /* of the same, borrowed from them */
	size_t n_providers;
	int64_t loaded_version; /* what proxyd decides by; 0: nothing yet */

	struct arena facts_arena;
	struct objects facts; /* struct supervisor_fact, of the last start */
	struct instance *instance;      /* NULL: not running */
	struct varlink_client *control; /* calls to its supervisord */
	bool fresh;        /* its creator waits: when it fails nothing stays */
	bool launching;    /* the driver hasn't answered yet */
	int64_t attaching; /* on its way to proxyd, by this version; 0: not */
	bool attached;     /* proxyd serves it */
	bool stopping;     /* its end is wanted */
	bool winding_up;   /* what it left is being removed */
	int64_t pushing;   /* version on its way to proxyd; 0: none */
	bool outdated; /* what proxyd decides by lacks a provider's change */
	bool secrets_outdated;  /* the same, of the credentials that it has */
	struct error failure;   /* why it is being wound up */
	struct event *deadline; /* of a start */
	LIST_HEAD(, waiter) waiters;
	LIST_HEAD(, revision_waiter) revision_waiters;
};

TAILQ_HEAD(sandbox_list, sandbox);
struct sandboxes {
	struct sandbox_list list; /* in order of creation */
};

/* From the store, without starting anything. */
int sandboxes_load(struct gateway *, struct error *);
void sandboxes_free(struct sandboxes *);

/* A listed one made of a row, or NULL if its spec can't be read. */
struct sandbox *sandbox_new(struct gateway *, const struct store_sandbox *);
/* Takes it off the list; freed when nobody refers to it any more. */
void sandbox_unlist(struct sandbox *);
struct sandbox *sandbox_ref(struct sandbox *);
void sandbox_unref(struct sandbox *);

/* May this peer see it? */
bool sandbox_is_visible(const struct sandbox *, const struct peer *);
/* NULL and ERR_NOT_FOUND if there is none that this peer may see. */
struct sandbox *sandbox_find(
    struct gateway *, const char *name, const struct peer *, struct error *);
size_t sandbox_count(const struct gateway *, uid_t owner);

/* Is it running and to go on so? */
bool sandbox_is_up(const struct sandbox *);

const char *phase_name(enum phase);
/* -1 and nothing changed if the store can't be written. */
int sandbox_set_phase(
    struct sandbox *, enum phase, const char *reason, struct error *);
/* As the wire has it; borrowed from the sandbox. */
void sandbox_describe(const struct sandbox *, struct gateway_sandbox *);

/* Paths; owned. */
char *sandbox_socket_path(const struct sandbox *);
char *sandbox_state_dir(const struct sandbox *);
char *sandbox_home_dir(const struct sandbox *);

/*
 * Calls that wait for the end of what is being done to a sandbox.  answer()
 * gets NULL or the error; a caller that hangs up is forgotten.
 */
typedef void waiter_fn(struct call *, struct sandbox *, const struct error *);
void sandbox_wait(struct sandbox *, struct call *, waiter_fn *answer);
void sandbox_answer_waiters(struct sandbox *, const struct error *);

#endif
