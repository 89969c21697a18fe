/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refresh.h - credentials that are fetched anew before they expire.
 *
 * A refresh belongs to one credential of one provider (or to the few that its
 * strategy gives together).  Its material is sealed as credentials are.  What
 * an answer brings, the new value and the material for the next time, is in
 * the store, in one transaction, before anybody uses it.
 *
 *	configured          nothing was fetched yet
 *	refreshed           the last try succeeded
 *	rotation_requested  the operator wants a new value now
 *	error               the last try failed: last_error, next_ms
 *
 * A try that fails leaves the value until it expires; one that is refused
 * takes it away at once.  How many go at one time, and how often one:
 * refresh_schedule.h.
 */
#ifndef GATEWAYD_REFRESH_H
#define GATEWAYD_REFRESH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/error.h"
#include "common/wire/refresh.h"

#define REFRESH_SWEEP_S 60     /* at least so often all are looked at */
#define REFRESH_SAVE_MS 2000   /* what the store couldn't keep, again */
#define REFRESH_RETRY_S 60     /* after a failure, if nobody says else */
#define REFRESH_REFUSED_S 3600 /* after a refusal */

struct gateway;
struct provider;
struct refresh;
struct refreshes;

/* From the store, after providers; ERR_DENIED if material doesn't open with
 * our key.  Sweeping begins with the loop. */
int refreshes_load(struct gateway *, struct error *);
/* Seals material anew, in memory: it may be newer than what the store could
 * keep. */
int refreshes_renew(struct gateway *, struct error *);
/* Before providers. */
void refreshes_free(struct refreshes *);

/* NULL: none is configured for this key; with e, the error says so. */
struct refresh *refresh_find(
    const struct provider *, const char *key, struct error *);
/* Is that one of the credentials that a refresh fetches? */
bool refresh_gives(const struct provider *, const char *key);
/* A provider's, in order; from NULL: the first.  NULL: no more. */
struct refresh *refresh_next(const struct provider *, struct refresh *from);

/* Replaces what was configured; placeholders of earlier values stop
 * working.  The first try follows at once, or before expires_at_ms. */
int refresh_configure(struct provider *,
    const struct gateway_configure_refresh *, struct refresh **ret,
    struct error *);
int refresh_delete(struct refresh *, struct error *);
/* The provider goes. */
void refresh_forget(const struct provider *);

/* Embedded in whoever waits. */
struct refresh_wait {
	TAILQ_ENTRY(refresh_wait) next;
	struct refresh *refresh; /* NULL: isn't waiting */
	/* Called once: e is NULL if there is a new value.  The refresh is
	 * NULL if it is no longer there. */
	void (*done)(void *arg, struct refresh *, const struct error *e);
	void *arg;
};

/* Fetches now; done will be called. */
int refresh_rotate(struct refresh *, struct refresh_wait *, struct error *);
void refresh_cancel(struct refresh_wait *);

/* Lent until the refresh changes. */
void refresh_describe(const struct refresh *, struct gateway_refresh *ret);

#endif
