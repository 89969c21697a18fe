/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - one worker process: its loop, and what its sandboxes share.
 */
#ifndef PROXYD_WORKER_H
#define PROXYD_WORKER_H

#include <stdint.h>
#include <sys/queue.h>

#include "common/buf.h"
#include "common/http/message.h"
#include "common/http/path.h"
#include "common/net/block.h"
#include "proxyd/inference.h"
#include "proxyd/pipes.h"

#define WORKER_CONNECTIONS_MAX 16384
#define WORKER_SANDBOXES_MAX 512
#define WORKER_COLLECTED_MAX (128u << 20)

struct event;
struct event_base;
struct events;
struct fleet_worker;
struct resolver;
struct sandbox;
struct tls_trust;

struct worker {
	struct event_base *base;
	unsigned index;
	const struct tls_trust *trust; /* borrowed; outlives us */
	struct resolver *resolver;
	struct events *events;
	struct pool pool;
	struct pipes pipes;
	struct inference inference;
	LIST_HEAD(, sandbox) sandboxes;
	unsigned n_sandboxes;
	unsigned n_conns;
	unsigned last_conn;     /* number of the newest */
	size_t collected_bytes; /* of bodies that wait */
	unsigned conns_max;     /* what the limit of descriptors allows */
	struct event *tick;

	/* Of the step that runs: nothing in here outlives it. */
	struct {
		struct http_head head;
		struct http_path path;
		struct http_path path_out; /* with secrets */
		char method[HTTP_METHOD_MAX + 1];
		char query[HTTP_HEAD_MAX + 1];
		char bytes[HTTP_HEAD_MAX + 1024];
		struct buf text;
		struct buf body;
	} scratch;
};

/* The loop and what hangs off it; sandboxes come by calls.  May be made
 * without a control socket, for tests. */
void worker_init(struct worker *, struct event_base *, unsigned index,
    const struct tls_trust *);
void worker_clear(struct worker *);

/* A connection more, or one less: the tick runs while there are any. */
void worker_count(struct worker *, int change);
int64_t worker_now_ms(void); /* coarse, monotonic */

/* The life of a worker process; arg is the struct tls_trust. */
extern struct fleet_worker worker_process;

#endif
