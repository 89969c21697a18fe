/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy_link.h - proxyd as gatewayd sees it: started, watched, given again
 * what it has lost.
 *
 * A proxyd that is alive on its socket is used as it is (we may be the one
 * that was restarted); else one is started, unless somebody else does that
 * (systemd).  When it is up, up() is called so that every sandbox is attached
 * again.
 */
#ifndef GATEWAYD_PROXY_LINK_H
#define GATEWAYD_PROXY_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct event_log;
struct gateway_daemon;
struct method;
struct proxy_link;
struct strings;
struct varlink_result;

struct proxy_link_config {
	const char *socket;      /* borrowed, as all of these */
	const char *upstream_ca; /* a bundle for upstream TLS, or NULL */
	bool starts;             /* may we start one? */
};

struct proxy_link *proxy_link_new(struct event_base *,
    const struct proxy_link_config *, struct event_log *,
    void (*up)(void *arg, const struct strings *attached), void *arg);
/* Lets go of it; stop also ends the process. */
void proxy_link_free(struct proxy_link *, bool stop);

bool proxy_link_is_up(const struct proxy_link *);
size_t proxy_link_workers(const struct proxy_link *);
/* Only while it is up; done gets ERR_UNAVAILABLE if it goes away. */
void proxy_link_call(struct proxy_link *, const struct method *,
    const void *params, void (*done)(void *arg, const struct varlink_result *),
    void *arg);
void proxy_link_describe(const struct proxy_link *, struct gateway_daemon *);

#endif
