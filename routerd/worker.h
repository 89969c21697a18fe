/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - one worker process: its loop, and what its clients share.
 */
#ifndef ROUTERD_WORKER_H
#define ROUTERD_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "common/http/message.h"
#include "common/http/path.h"
#include "common/net/block.h"
#include "common/privacy/privacy.h"
#include "common/wire/events.h"

#define WORKER_CLIENTS_MAX 8192

struct budgets;
struct client;
struct event;
struct event_base;
struct fleet_worker;
struct ledger;
struct probe;
struct resolver;
struct table;
struct tenants;
struct tls_trust;
struct upstreams;

struct worker {
	struct event_base *base;
	struct resolver *resolver;
	struct upstreams *upstreams;
	struct budgets *budgets;
	struct events *events;
	struct events_quota quota;
	struct ledger *ledger;
	struct tenants *tenants;
	struct pool pool;
	struct table *table;           /* NULL: none was set yet */
	struct table *coming;          /* pieces of the next, or NULL */
	uint8_t seed[PRIVACY_KEY_LEN]; /* of its sandboxes' keys */
	struct event *channel;
	struct event *listener; /* standalone */
	struct event *tick;
	TAILQ_HEAD(, client) clients;
	TAILQ_HEAD(, probe) probes;
	unsigned n_clients;

	/* Of the step that runs: nothing in here outlives it. */
	struct {
		struct http_head head;
		struct http_path path;
		struct buf text;
	} scratch;
};

/* What the workers of a standalone routerd serve; they have no gateway. */
struct worker_start {
	const struct tls_trust *trust;
	struct table *table; /* NULL: gatewayd will set it */
	int listener;        /* -1: gatewayd will give channels */
};

/* The life of a worker process; arg is a struct worker_start. */
extern struct fleet_worker worker_process;

void worker_count(struct worker *, int change);

/* What a sandbox's placeholders are made of: its own, and the same as long as
 * the worker lives. */
void worker_privacy_key(
    const struct worker *, const char *sandbox, uint8_t ret[PRIVACY_KEY_LEN]);

#endif
