/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener.h - accepting on a socket that was born in a sandbox.
 *
 * All workers accept on the same one.  Nothing that accept(2) says ends
 * enforcement: when descriptors or memory run out it is tried again, after
 * pauses that double.
 */
#ifndef PROXYD_LISTENER_H
#define PROXYD_LISTENER_H

#include <stdbool.h>

struct event;
struct event_base;

typedef void listener_fn(void *arg, int fd); /* fd is given */

struct listener {
	int fd; /* owned; -1: closed */
	struct event *readable;
	struct event *pause;
	unsigned pause_ms;
	bool held;
	listener_fn *accepted;
	void *arg;
};

void listener_open(struct listener *, struct event_base *, int fd,
    listener_fn *accepted, void *arg);
/* Fine if it is all zero or closed. */
void listener_close(struct listener *);
/* Connections wait in the backlog while it is held. */
void listener_hold(struct listener *, bool hold);

#endif
