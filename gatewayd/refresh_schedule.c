/* SPDX-License-Identifier: Apache-2.0 */
/* refresh_schedule.c - see refresh_schedule.h. */
#include <stddef.h>
#include <stdlib.h>

#include "common/xalloc.h"
#include "gatewayd/refresh_schedule.h"

#define PACE_MS ((int64_t)REFRESH_PACE_S * 1000)

TAILQ_HEAD(slots, refresh_slot);

/* One that has slots. */
struct refresh_owner {
	TAILQ_ENTRY(refresh_owner) next;
	uid_t uid;
	struct slots slots;
	unsigned flights;
};

struct refresh_schedule {
	TAILQ_HEAD(, refresh_owner) owners; /* whose turn it is comes first */
	unsigned flights;
};

struct refresh_schedule *
refresh_schedule_new(void)
{
	struct refresh_schedule *all = xcalloc(1, sizeof(*all));

	TAILQ_INIT(&all->owners);
	return all;
}

void
refresh_schedule_free(struct refresh_schedule *all)
{
	free(all);
}

static struct refresh_owner *
find_owner(struct refresh_schedule *all, uid_t uid)
{
	struct refresh_owner *o;

	TAILQ_FOREACH(o, &all->owners, next)
	if (o->uid == uid)
		return o;
	o = xcalloc(1, sizeof(*o));
	o->uid = uid;
	TAILQ_INIT(&o->slots);
	TAILQ_INSERT_TAIL(&all->owners, o, next);
	return o;
}

void
refresh_schedule_add(
    struct refresh_schedule *all, struct refresh_slot *s, uid_t owner)
{
	s->owner = find_owner(all, owner);
	TAILQ_INSERT_TAIL(&s->owner->slots, s, next);
}

void
refresh_schedule_remove(struct refresh_schedule *all, struct refresh_slot *s)
{
	struct refresh_owner *o = s->owner;

	refresh_schedule_land(all, s);
	TAILQ_REMOVE(&o->slots, s, next);
	s->owner = NULL;
	if (TAILQ_EMPTY(&o->slots)) {
		TAILQ_REMOVE(&all->owners, o, next);
		free(o);
	}
}

static struct refresh_slot *
first_due(const struct refresh_owner *o, int64_t now_ms)
{
	struct refresh_slot *s, *first = NULL;

	TAILQ_FOREACH(s, &o->slots, next)
	if (!s->is_flying && *s->due_ms <= now_ms &&
	    (first == NULL || *s->due_ms < *first->due_ms))
		first = s;
	return first;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void
fly(struct refresh_schedule *all, struct refresh_slot *s, int64_t now_ms)
{
	struct refresh_owner *o = s->owner;

	s->is_flying = true;
	s->paced_ms = later(s->paced_ms, now_ms) + PACE_MS;
	/* However often somebody asked: the next by itself isn't farther. */
	if (s->paced_ms > now_ms + REFRESH_BURST * PACE_MS)
		s->paced_ms = now_ms + REFRESH_BURST * PACE_MS;
	o->flights++;
	all->flights++;
	TAILQ_REMOVE(&all->owners, o, next);
	TAILQ_INSERT_TAIL(&all->owners, o, next);
}

struct refresh_slot *
refresh_schedule_take(struct refresh_schedule *all, int64_t now_ms)
{
	struct refresh_owner *o;
	struct refresh_slot *s;

	if (all->flights == REFRESH_FLIGHTS_MAX)
		return NULL;
	TAILQ_FOREACH(o, &all->owners, next)
	{
		if (o->flights == REFRESH_OWNER_FLIGHTS_MAX)
			continue;
		s = first_due(o, now_ms);
		if (s != NULL) {
			fly(all, s, now_ms);
			return s;
		}
	}
	return NULL;
}

void
refresh_schedule_land(struct refresh_schedule *all, struct refresh_slot *s)
{
	all->flights -= s->is_flying;
	s->owner->flights -= s->is_flying;
	s->is_flying = false;
}

int64_t
refresh_schedule_next_ms(const struct refresh_schedule *all, int64_t now_ms)
{
	const struct refresh_owner *o;
	const struct refresh_slot *s;
	int64_t next_ms = INT64_MAX;

	TAILQ_FOREACH(o, &all->owners, next)
	TAILQ_FOREACH(s, &o->slots, next)
	if (!s->is_flying && *s->due_ms > now_ms && *s->due_ms < next_ms)
		next_ms = *s->due_ms;
	return next_ms;
}

int64_t
refresh_slot_pace_ms(const struct refresh_slot *s, int64_t wanted_ms)
{
	return later(wanted_ms, s->paced_ms - (REFRESH_BURST - 1) * PACE_MS);
}

int64_t
refresh_wait_s(int64_t lifetime_s)
{
	int64_t ahead = lifetime_s > (int64_t)2 * REFRESH_AHEAD_S
			    ? REFRESH_AHEAD_S
			    : lifetime_s / 2;
	int64_t in = lifetime_s - ahead;

	return in > 1 ? in : 1;
}
