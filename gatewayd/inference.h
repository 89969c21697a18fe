/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inference.h - inference routes, and the routerd that carries them out.
 *
 * A route names a provider and a model; the endpoint and the key are read from
 * the provider each time the routes are pushed, so that a changed key needs no
 * other command.
 */
#ifndef GATEWAYD_INFERENCE_H
#define GATEWAYD_INFERENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/varlink/arena.h"
#include "common/wire/inference.h"
#include "gatewayd/verify.h"

#define INFERENCE_SCOPE_SIZE 32
#define INFERENCE_PER_OWNER_MAX 128

struct gateway;
struct log_event;
struct provider;

struct inference_route {
	TAILQ_ENTRY(inference_route) next;
	uid_t owner;
	char *sandbox; /* id; "": all of the owner's */
	char *name;
	int64_t version;
	struct arena arena;
	/* provider to privacy; the others are NULL. */
	const struct gateway_set_inference *spec;
	char *reroute; /* whom its privacy section names, or NULL */
};

TAILQ_HEAD(inference_routes, inference_route);

int inference_load(struct gateway *, struct error *);
void inference_free(struct gateway *);

/* The scope of all of an owner's sandboxes. */
void inference_scope(uid_t owner, char ret[INFERENCE_SCOPE_SIZE]);

/* Would it work?  Changes nothing; done is called if 0 is returned. */
int inference_verify(struct gateway *, uid_t owner, const char *sandbox,
    const struct gateway_set_inference *, verify_done_fn *done, void *arg,
    struct error *);
/* Writes the store and tells routerd.  sandbox is an id, or "". */
int inference_set(struct gateway *, uid_t owner, const char *sandbox,
    const struct gateway_set_inference *, struct inference_route **ret,
    struct error *);
/* ERR_PRECONDITION: another route reroutes to it. */
int inference_delete(struct gateway *, uid_t owner, const char *sandbox,
    const char *name, bool *ret_deleted, struct error *);
/* With the sandbox, which is gone, from the store too. */
void inference_forget_sandbox(struct gateway *, const char *id);
struct inference_route *inference_find(
    struct gateway *, uid_t owner, const char *sandbox, const char *name);

/* The base URL that a route has now; owned, NULL if there is none
 * that can be asked. */
char *inference_endpoint(struct gateway *, const struct inference_route *);

/* Does a route need it? */
bool inference_uses(const struct provider *);

/* Gives routerd all routes, if it is up. */
void inference_push(struct gateway *);
/* Wires proxyd to routerd, if both are up. */
void inference_connect(struct gateway *);
/* Counts what an event of routerd says was used; false: it says none. */
bool inference_count(struct gateway *, const struct log_event *);

#endif
