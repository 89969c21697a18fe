/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attribution.h - connect(2) of the agents, made by us: who asked is recorded
 * before the connection exists, while the caller stands still
 * (seccomp_unotify(2)).
 *
 * We connect a duplicate of the caller's socket, with the mark that the gate
 * of nftables.h asks for.  Sockets of other families, and connections that
 * stay on the sandbox's loopback, the kernel goes on with by itself; a caller
 * that changes its mind meanwhile connects without the mark and is refused.
 */
#ifndef SUPERVISORD_ATTRIBUTION_H
#define SUPERVISORD_ATTRIBUTION_H

struct attribution;
struct event_base;
struct identities;
struct records;

/* Both are borrowed. */
struct attribution *attribution_new(
    struct event_base *, struct identities *, struct records *);

/* Serves the notifications of one filter; owns the descriptor until nobody is
 * left who has that filter. */
void attribution_watch(struct attribution *, int listener);

#endif
