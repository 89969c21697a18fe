/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refresh_schedule.h - when credentials are fetched, and whose turn it is.
 *
 * An owner says what is fetched, and by the servers he names, how often.  So
 * REFRESH_FLIGHTS_MAX are under way at one time, REFRESH_OWNER_FLIGHTS_MAX of
 * one owner; owners take turns, and of one owner's the one that is due first
 * goes first.  One credential is tried REFRESH_BURST times as fast as it
 * wants, then once in REFRESH_PACE_S; when somebody asks, at once.
 *
 * Pure: no I/O, no clock.
 */
#ifndef GATEWAYD_REFRESH_SCHEDULE_H
#define GATEWAYD_REFRESH_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#define REFRESH_FLIGHTS_MAX 8
#define REFRESH_OWNER_FLIGHTS_MAX 2
#define REFRESH_BURST 5
#define REFRESH_PACE_S 30
#define REFRESH_AHEAD_S 300 /* of a value's end; half its life if short */

struct refresh;
struct refresh_owner;
struct refresh_schedule;

/* A refresh's place; embedded, and zeroed but for what the refresh says. */
struct refresh_slot {
	TAILQ_ENTRY(refresh_slot) next;
	struct refresh *refresh;
	const int64_t *due_ms; /* the refresh's; may change at any time */
	struct refresh_owner *owner;
	bool is_flying;
	int64_t paced_ms; /* until then its tries are spoken for */
};

struct refresh_schedule *refresh_schedule_new(void);
/* None has a place any more; NULL is fine. */
void refresh_schedule_free(struct refresh_schedule *);

void refresh_schedule_add(
    struct refresh_schedule *, struct refresh_slot *, uid_t owner);
/* Flying or not. */
void refresh_schedule_remove(struct refresh_schedule *, struct refresh_slot *);

/* The next that goes, which is flying then; NULL: none is due or may. */
struct refresh_slot *refresh_schedule_take(
    struct refresh_schedule *, int64_t now_ms);
void refresh_schedule_land(struct refresh_schedule *, struct refresh_slot *);
/* When the first will be due of those that aren't yet; INT64_MAX: never. */
int64_t refresh_schedule_next_ms(
    const struct refresh_schedule *, int64_t now_ms);

/* When it may be tried again by itself, if it wants that then. */
int64_t refresh_slot_pace_ms(const struct refresh_slot *, int64_t wanted_ms);

/* How long after now the value that lives so long is fetched anew. */
int64_t refresh_wait_s(int64_t lifetime_s);

#endif
