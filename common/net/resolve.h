/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve.h - host names into addresses, for connections that were allowed.
 *
 * Asks the host's own resolvers; the sandbox has no say, and nothing in it is
 * read.  What is found is kept RESOLVE_KEEP_S, failures RESOLVE_KEEP_BAD_S.
 * Whether an address may be dialled is the policy's question, not ours.
 */
#ifndef COMMON_NET_RESOLVE_H
#define COMMON_NET_RESOLVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

#define RESOLVE_ADDRESSES_MAX 16 /* the rest is not looked at */
#define RESOLVE_PENDING_MAX 256
#define RESOLVE_KEEP_S 15
#define RESOLVE_KEEP_BAD_S 2

struct event_base;
struct resolver;
struct lookup;

struct addresses {
	struct sockaddr_storage v[RESOLVE_ADDRESSES_MAX]; /* without port */
	size_t n;
};

/* Embedded in whoever waits. */
struct resolve_wait {
	TAILQ_ENTRY(resolve_wait) next;
	struct lookup *lookup; /* NULL: isn't waiting */
	/* Called once; n is 0 if there is no such host.  Lent for the call. */
	void (*done)(void *arg, const struct addresses *);
	void *arg;
};

/* Reads /etc/resolv.conf and /etc/hosts, before files are out of reach. */
struct resolver *resolver_new(struct event_base *);
/* Nobody may be waiting. */
void resolver_free(struct resolver *);

/* 1: ret is filled (n 0: no such host); 0: wait->done will be called. */
int resolver_find(struct resolver *, const char *host, struct addresses *ret,
    struct resolve_wait *wait);
void resolve_cancel(struct resolve_wait *);

#endif
