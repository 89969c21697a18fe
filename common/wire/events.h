/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.h - what a worker tells about its decisions, gathered in batches.
 *
 * Memory is bounded and nothing waits for a reader.  Allowed requests, which
 * a busy agent makes by ten thousands a second, may take part of a batch;
 * what doesn't fit is counted and dropped.  The rest is for denials, of which
 * one sandbox may use its quota, so that it can't hide another's.
 */
#ifndef COMMON_WIRE_EVENTS_H
#define COMMON_WIRE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wire/limits.h"

#define EVENTS_FLUSH_MS 100
#define EVENTS_ALLOWED_MAX 192 /* of WIRE_EVENTS_MAX in a batch */
#define EVENTS_QUOTA 160       /* denials of one sandbox in a batch */
#define EVENTS_FIELDS_MAX 20
#define EVENTS_TEXT_MAX 512 /* bytes of one value; longer ones are cut */

struct call;
struct event_base;
struct events;
struct pair;

/* A sandbox's; zero it. */
struct events_quota {
	uint64_t batch;
	unsigned denials;
};

/* target: which daemon's part they are about, "proxy"; const static. */
struct events *events_new(struct event_base *, const char *target);
void events_free(struct events *);

/* Would an event be kept?  If not it is counted; spare yourself the rest. */
bool events_wants(struct events *, struct events_quota *, bool is_denial);
/* Is there room for one that mustn't be dropped?  Nothing is counted. */
bool events_have_room(const struct events *);
/* After one of them said yes; pairs whose value is NULL are left out. */
void events_add(struct events *, bool is_denial, const char *sandbox,
    const char *message, const struct pair *, size_t n);

/* Answers this call of proxy_events_method with the next batch.  A call that
 * was waiting before is answered with what there is. */
void events_serve(struct events *, struct call *);

#endif
