/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.h - another daemon (proxyd, routerd) as gatewayd sees it: started,
 * watched, given again what it has lost.
 *
 * One that is alive on its socket is used as it is (we may be the one that was
 * restarted); else one is started, unless somebody else does that (systemd).
 * When it is up, up() is called so that it is given everything again.
 */
#ifndef GATEWAYD_LINK_H
#define GATEWAYD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct event_log;
struct gateway_daemon;
struct interface;
struct log_event;
struct method;
struct link;
struct varlink_result;

struct link_config {
	const char *name; /* "proxyd"; borrowed, as all of these */
	const struct interface *interface;
	const struct method *status;
	const struct method *events; /* its replies are struct log_events */
	const char *socket;
	const char *upstream_ca; /* a bundle for upstream TLS, or NULL */
	bool starts;             /* may we start one? */
	int64_t (*workers)(const void *status);
	/* It is up, and said this of its status. */
	void (*up)(void *arg, const void *status);
	/* Who hears of an event before the log does; true: the log doesn't.
	 * May be NULL. */
	bool (*event)(void *arg, const struct log_event *);
	void *arg;
};

struct link *link_new(
    struct event_base *, const struct link_config *, struct event_log *);
/* Lets go of it; stop also ends the process. */
void link_free(struct link *, bool stop);

bool link_is_up(const struct link *);
size_t link_workers(const struct link *);
/* Only while it is up; done gets ERR_UNAVAILABLE if it goes away. */
void link_call(struct link *, const struct method *, const void *params,
    void (*done)(void *arg, const struct varlink_result *), void *arg);
void link_describe(const struct link *, struct gateway_daemon *);

#endif
