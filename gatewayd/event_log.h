/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_log.h - the sandboxes' logs: kept, searched, followed.
 *
 * Events go to those who follow at once and to the store in one transaction
 * every EVENT_LOG_FLUSH_MS, so that a busy proxy doesn't cost a disk flush an
 * event.  What a crash within that time loses are log lines alone.
 */
#ifndef GATEWAYD_EVENT_LOG_H
#define GATEWAYD_EVENT_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define EVENT_LOG_FLUSH_MS 200
#define EVENT_LOG_QUEUE_MAX 8192 /* beyond it they are flushed at once */

struct call;
struct log_event;
struct event_base;
struct event_log;
struct store;

struct event_log *event_log_new(struct event_base *, struct store *);
void event_log_free(struct event_log *); /* flushes; after the server */

/* event->sandbox names the sandbox by id; everything is copied. */
void event_log_add(struct event_log *, const struct log_event *);
/* One of our own: source gateway; fields are name, value, ..., NULL. */
void event_log_note(struct event_log *, const char *sandbox, const char *level,
    const char *target, const char *message, ...) __attribute__((sentinel));

struct event_query {
	const char *sandbox; /* id */
	int64_t since_ms;
	int64_t limit;      /* the newest so many */
	const char *level;  /* the least; NULL: info */
	const char *source; /* NULL: all */
};

/* ERR_INVALID for a level or source that there isn't. */
int event_query_check(const struct event_query *, struct error *);
/* Answers GetLogs with what there is; follow goes on with what comes, until
 * the call ends. */
int event_log_answer(struct event_log *, const struct event_query *,
    bool follow, struct call *, struct error *);

/* Rank of a level, 0 the gravest; -1 if there is none such. */
int event_level_rank(const char *level);

#endif
