/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refresh_flight.h - refreshes as time passes: what is due is asked for, what
 * is answered is kept and used, what is over is taken away.
 *
 * For the other refresh files; everybody else sees refresh.h.
 */
#ifndef GATEWAYD_REFRESH_FLIGHT_H
#define GATEWAYD_REFRESH_FLIGHT_H

#include <sys/queue.h>

struct event;
struct fetcher;
struct gateway;
struct refresh;
struct refresh_schedule;

TAILQ_HEAD(refresh_list, refresh);
struct refreshes {
	struct refresh_list list;
	struct fetcher *fetcher;
	struct event *timer; /* when they are looked at next */
	struct refresh_schedule *schedule;
};

struct refreshes *refresh_flights_new(struct gateway *);
/* The list is empty. */
void refresh_flights_free(struct refreshes *);

/* They are looked at from the loop, as soon as it runs again. */
void refresh_flights_look(struct refreshes *);

/* From now on it is fetched when it is due. */
void refresh_flight_begin(struct refresh *);
/* ... and no longer; what is under way is dropped. */
void refresh_flight_end(struct refresh *);

#endif
