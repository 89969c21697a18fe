/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.h - one attached sandbox, as one worker sees it.
 *
 * It owns everything that gatewayd handed over, and its connections die with
 * it.  Its policy is replaced as a whole: a connection keeps the rules it was
 * decided by until it is judged by the next.
 */
#ifndef PROXYD_SANDBOX_H
#define PROXYD_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/error.h"
#include "common/wire/limits.h"
#include "common/wire/events.h"
#include "proxyd/listener.h"

#define SANDBOX_CONNECTIONS_MAX 4096 /* of one worker; others wait outside */

struct ca;
struct conn;
struct credentials;
struct dns;
struct matcher;
struct name_map;
struct owner_channel;
struct proxy_attach;
struct proxy_credentials;
struct proxy_policy;
struct tls_sessions;
struct worker;

/* A policy in use; counted. */
struct rules {
	unsigned refs;
	struct matcher *matcher;
	int64_t version;
};
struct rules *rules_ref(struct rules *);
void rules_unref(struct rules *); /* NULL is fine */

struct sandbox {
	LIST_ENTRY(sandbox) next;
	struct worker *worker;
	char id[WIRE_NAME_MAX + 1];
	char name[WIRE_NAME_MAX + 1];
	char owner[WIRE_NAME_MAX + 1]; /* scope of inference routes */
	struct rules *rules;
	struct credentials *credentials; /* of no step but the one that runs */
	struct ca *ca;
	struct tls_sessions *sessions;
	struct owner_channel *owners;
	struct name_map *names;
	struct dns *dns; /* of worker 0 only */
	struct listener explicit_proxy;
	struct listener transparent;
	TAILQ_HEAD(, conn) conns;
	unsigned n_conns;
	struct events_quota quota;
};

/*
 * Takes what it keeps out of the parameters.  One of the same id is gone
 * before; if the new one can't be made there is none then.
 */
int sandbox_attach(struct worker *, struct proxy_attach *, struct error *);
/* ERR_NOT_FOUND if there is no such sandbox; on any error the live policy
 * stays. */
int sandbox_set_policy(
    struct worker *, const struct proxy_policy *, struct error *);
/* The same; what is replaced is wiped at once. */
int sandbox_set_credentials(
    struct worker *, const struct proxy_credentials *, struct error *);
/* Fine if there is no such sandbox. */
void sandbox_detach(struct worker *, const char *id);
void sandbox_free(struct sandbox *);

/* A connection was made or has ended: accepting pauses at the limits. */
void sandbox_count(struct sandbox *, int change);

#endif
