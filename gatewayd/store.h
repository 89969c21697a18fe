/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - gatewayd's durable state, the only module that speaks SQL.
 *
 * Every call is one transaction: it has happened entirely or not at all, and
 * when it returned 0 it outlives a crash of the host.  Rows go out through a
 * callback and are borrowed until it returns; no sqlite type leaves this
 * module.  Callers have checked who may ask; the store checks only what the
 * schema can say.
 */
#ifndef GATEWAYD_STORE_H
#define GATEWAYD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define STORE_EVENTS_MAX 2000 /* of one sandbox; older ones go */
#define STORE_REVISIONS_MAX 100
#define STORE_IN_USE_MAX 3

struct store; /* opaque: one open database */

struct store_sandbox {
	const char *id;
	const char *name;
	int64_t owner_uid;
	const char *phase;
	const char *reason; /* or NULL */
	int64_t created_at_ms;
	const char *boot_id; /* of the host when it last started */
	const char *spec;    /* JSON; the schema is its user's */
	int64_t uid_block;   /* number of its block of host uids, from 0 */
	const char *ca_cert; /* PEM */
	const void *ca_key;  /* sealed */
	size_t ca_key_len;
};

struct store_revision {
	const char *sandbox; /* id */
	int64_t version;
	const char *policy; /* canonical JSON */
	const char *hash;
	const char *status; /* pending loaded failed superseded */
	const char *error;  /* or NULL */
	int64_t created_at_ms;
	int64_t loaded_at_ms; /* 0: never */
};

/* Makes or migrates the database, mode 0600.  ERR_UNAVAILABLE if it was
 * written by a newer version. */
int store_open(const char *path, struct store **ret, struct error *);
void store_close(struct store *); /* NULL is fine */

/* Inserts the sandbox and its revision 1.  ERR_EXISTS if the owner has one of
 * that name. */
int store_sandbox_insert(struct store *, const struct store_sandbox *,
    const struct store_revision *, struct error *);
int store_sandbox_set_phase(struct store *, const char *id, const char *phase,
    const char *reason, const char *boot_id, struct error *);
/* With its revisions, events and inference routes. */
int store_sandbox_delete(struct store *, const char *id, struct error *);
int store_sandbox_each(struct store *,
    void (*row)(void *arg, const struct store_sandbox *), void *arg,
    struct error *);
/* The lowest block of uids that no sandbox has. */
int store_free_uid_block(struct store *, int64_t *ret, struct error *);

/*
 * Pending ones before it become superseded.  Of a sandbox are kept the newest
 * STORE_REVISIONS_MAX, the first, which says what may never change, the loaded
 * one, and those in use; 0 is none.
 */
int store_revision_insert(struct store *, const struct store_revision *,
    const int64_t in_use[STORE_IN_USE_MAX], struct error *);
/* loaded: the ones before it become superseded. */
int store_revision_decide(struct store *, const char *sandbox, int64_t version,
    const char *status, const char *error, int64_t now_ms, struct error *);
/* version 0 is the newest, STORE_LOADED the newest that is loaded.
 * ERR_NOT_FOUND. */
#define STORE_LOADED (-1)
int store_revision_get(struct store *, const char *sandbox, int64_t version,
    void (*row)(void *arg, const struct store_revision *), void *arg,
    struct error *);
/* Newest first; policy is NULL. */
int store_revision_each(struct store *, const char *sandbox, int64_t limit,
    void (*row)(void *arg, const struct store_revision *), void *arg,
    struct error *);

struct store_event {
	const char *sandbox; /* id; one that is gone is left out */
	int64_t time_ms;
	const char *json; /* the schema is its user's */
};

int store_events_append(
    struct store *, const struct store_event *, size_t n, struct error *);
/* Oldest first. */
int store_events_each(struct store *, const char *sandbox, int64_t since_ms,
    void (*row)(void *arg, const struct store_event *), void *arg,
    struct error *);

struct store_credential {
	const char *provider; /* id */
	const char *key;
	const void *value; /* sealed */
	size_t value_len;
	int64_t revision;
	int64_t epoch; /* revision with which its identity began */
	const char *handle;
	int64_t expires_at_ms; /* 0: never */
};

/* How a credential is fetched anew. */
struct store_refresh {
	const char *provider; /* id */
	const char *key;
	const char *strategy;
	const char *token_url;
	const void *material; /* sealed */
	size_t material_len;
	int64_t version; /* of the material */
	const char *status;
	int64_t expires_at_ms;
	int64_t next_ms;
	int64_t last_ms;
	const char *error; /* or "" */
	bool anew;         /* written: whatever the version of what is there */
};

struct store_provider {
	const char *id;
	const char *name;
	int64_t owner_uid;
	const char *type;
	const char *config; /* JSON; the schema is its user's */
	int64_t version;
	int64_t created_at_ms;
	/* When written: all it has. */
	const struct store_credential *credentials;
	size_t n_credentials;
	/* When written: a refresh that is written with it, or NULL. */
	const struct store_refresh *refresh;
};

/* ERR_EXISTS if the owner has one of that name. */
int store_provider_create(
    struct store *, const struct store_provider *, struct error *);
int store_provider_update(
    struct store *, const struct store_provider *, struct error *);
int store_provider_delete(struct store *, const char *id, struct error *);
int store_provider_each(struct store *,
    void (*row)(void *arg, const struct store_provider *), void *arg,
    struct error *);
int store_credential_each(struct store *,
    void (*row)(void *arg, const struct store_credential *), void *arg,
    struct error *);

/* ERR_PRECONDITION if the material that is there is of a later version, unless
 * it is configured anew: a token that is spent never takes its successor's
 * place. */
int store_refresh_put(
    struct store *, const struct store_refresh *, struct error *);
int store_refresh_delete(
    struct store *, const char *provider, const char *key, struct error *);
int store_refresh_each(struct store *,
    void (*row)(void *arg, const struct store_refresh *), void *arg,
    struct error *);

int store_attachment_add(
    struct store *, const char *sandbox, const char *provider, struct error *);
int store_attachment_remove(
    struct store *, const char *sandbox, const char *provider, struct error *);
/* In the order in which they were attached; ids. */
int store_attachment_each(struct store *,
    void (*row)(void *arg, const char *sandbox, const char *provider),
    void *arg, struct error *);

/*
 * What is sealed (seal.h), wherever it is kept, with the label it is sealed
 * under.
 */
int store_sealed_each(struct store *,
    void (*row)(void *arg, const char *label, const void *sealed, size_t len),
    void *arg, struct error *);
/* Each in its place and its length, all of them or none: when row() returns -1
 * nothing is changed, and e is what it said. */
int store_sealed_change(struct store *,
    int (*row)(
	void *arg, const char *label, void *sealed, size_t len, struct error *),
    void *arg, int64_t *ret_n, struct error *);

struct store_route {
	int64_t owner_uid;
	const char *sandbox; /* id, or "" for all of the owner's */
	const char *name;
	const char *spec; /* JSON; the schema is its user's */
	int64_t version;
};

int store_route_put(struct store *, const struct store_route *, struct error *);
int store_route_delete(struct store *, int64_t owner_uid, const char *sandbox,
    const char *name, struct error *);
int store_route_each(struct store *,
    void (*row)(void *arg, const struct store_route *), void *arg,
    struct error *);

/* What a sandbox asked of one model; goes with the sandbox. */
struct store_usage {
	const char *sandbox; /* id */
	const char *route;
	const char *provider;
	const char *model;
	int64_t requests;
	int64_t failures;
	int64_t input_tokens;
	int64_t output_tokens;
};

/* Adds to what was counted. */
int store_usage_add(struct store *, const struct store_usage *, struct error *);
int store_usage_each(struct store *, const char *sandbox,
    void (*row)(void *arg, const struct store_usage *), void *arg,
    struct error *);

#endif
