/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.h - who made a connection: the asking side of wire/owner.h.
 *
 * No record, a changed executable, a broken channel: all of these are NULL,
 * and the connection is refused.
 */
#ifndef PROXYD_OWNER_H
#define PROXYD_OWNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/policy/policy.h"
#include "common/wire/owner.h"

struct event_base;
struct owner_channel;

/* One allocation: its strings lie behind it. */
struct identity {
	struct caller caller;
	const char *ancestors[OWNER_ANCESTORS_MAX];
	int32_t pid; /* as the sandbox counts */
};

/* Embedded in whoever waits. */
struct owner_wait {
	TAILQ_ENTRY(owner_wait) next;
	struct owner_channel *channel; /* NULL: isn't waiting */
	struct owner_query query;
	bool sent;
	/* Called once; who is given away, or NULL: refuse, and why. */
	void (*done)(void *arg, struct identity *who, const char *why);
	void *arg;
};

/* Owns fd from now on. */
struct owner_channel *owner_channel_new(struct event_base *, int fd);
/* Nobody may be waiting. */
void owner_channel_free(struct owner_channel *);

/* done() is called later, never from in here.  False if the channel is
 * broken. */
bool owner_ask(struct owner_channel *, const struct sockaddr_storage *source,
    const struct sockaddr_storage *destination, struct owner_wait *);
void owner_cancel(struct owner_wait *);

/* What an answer says; NULL with *ret_why if it isn't to be trusted.  The
 * bytes are supervisord's, which we believe, but not blindly. */
struct identity *owner_reply_parse(
    const void *, size_t n, uint64_t *ret_cookie, const char **ret_why);

#endif
