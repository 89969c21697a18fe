/* SPDX-License-Identifier: Apache-2.0 */
/*
 * revision.h - the revisions of a sandbox's policy and their way to proxyd.
 *
 *	pending -> loaded | failed | superseded
 *
 * The newest pending one is pushed; the last one that was loaded stays in
 * force until another is.  Old ones are forgotten: store_revision_insert().
 */
#ifndef GATEWAYD_REVISION_H
#define GATEWAYD_REVISION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/field.h"

struct call;
struct event_base;
struct gateway_revision;
struct policy;
struct sandbox;
struct supervisor_resolved;

/* An owned row of the store. */
struct revision {
	int64_t version;
	char *policy;
	char *hash;
	char *status;
	char *error;
	int64_t created_at_ms;
	int64_t loaded_at_ms;
};
void revision_clear(struct revision *);
/* version as store_revision_get has it. */
int revision_get(
    struct sandbox *, int64_t version, struct revision *ret, struct error *);
/* The one to start with: the newest loaded, else the newest. */
int revision_get_current(
    struct sandbox *, struct revision *ret, struct error *);
void revision_describe(const struct revision *, int64_t active_version,
    struct gateway_revision *ret);

/* A new revision, unless the newest has the same hash; pushed at once. */
int revision_set(struct sandbox *, const struct policy *, int64_t *ret_version,
    char ret_hash[65], bool *ret_unchanged, struct error *);
/* Pushes the newest pending one, if there is one and proxyd has the sandbox. */
void revision_push(struct sandbox *);
/* What comes with it has changed: the one in force is pushed again. */
void revision_refresh(struct sandbox *);
/* Puts the rules of the sandbox's providers into the policy of a revision. */
void revision_complete(const struct sandbox *, struct revision *);
/* proxyd decides by it, or refused it (error). */
void revision_decided(
    struct sandbox *, int64_t version, const struct error *refusal);

/* Answers the call with the revision when it is no longer pending. */
int revision_wait(struct sandbox *, int64_t version, int64_t timeout_ms,
    struct call *, struct error *);

/* The binaries of a policy for Supervisor.ResolveLinks: owned array. */
int revision_binaries(
    const char *policy, struct strings *ret, struct policy **ret_policy);

#endif
