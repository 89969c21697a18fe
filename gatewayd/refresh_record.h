/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refresh_record.h - one refresh as it is kept: its state, here and in the
 * store, its sealed material, and who waits for it.
 *
 * A change is in the store before it is here.  The material here may be newer
 * than what the store has, if that couldn't be written: never older.
 *
 * For the other refresh files; everybody else sees refresh.h.
 */
#ifndef GATEWAYD_REFRESH_RECORD_H
#define GATEWAYD_REFRESH_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/error.h"
#include "common/field.h"
#include "common/varlink/arena.h"
#include "gatewayd/refresh.h"
#include "gatewayd/refresh_schedule.h"

struct fetch;
struct refresh_strategy;
struct store_refresh;

enum refresh_status {
	REFRESH_IS_CONFIGURED,
	REFRESH_IS_REFRESHED,
	REFRESH_IS_REQUESTED,
	REFRESH_IS_ERROR,
};
const char *refresh_status_name(enum refresh_status);

/* What the store has of one, and what changes. */
struct refresh_state {
	enum refresh_status status;
	uint8_t *material; /* sealed */
	size_t material_len;
	int64_t version; /* of the material; its label has it */
	int64_t expires_at_ms;
	int64_t next_ms;
	int64_t last_ms;
	char error[ERROR_TEXT_MAX];
};
void refresh_state_set(
    struct refresh_state *, enum refresh_status, const char *error);

TAILQ_HEAD(refresh_waits, refresh_wait);

struct refresh {
	TAILQ_ENTRY(refresh) next;
	struct gateway *gw;
	struct provider *provider;
	char *key;
	const struct refresh_strategy *strategy;
	char *token_url; /* not expanded */
	struct refresh_state state;
	bool is_unsaved; /* the store has an older one */
	struct refresh_slot slot;
	struct fetch *fetch; /* under way, or NULL */
	struct refresh_waits waits;
};

/* Without material. */
struct refresh *refresh_record_new(struct provider *, const char *key,
    const struct refresh_strategy *, const char *token_url);
/* As the store has it. */
struct refresh *refresh_record_of(struct provider *,
    const struct refresh_strategy *, const struct store_refresh *);
/* Nobody waits, nothing is under way. */
void refresh_record_free(struct refresh *);

/* Everybody who waits for it hears that. */
void refresh_record_tell(
    struct refresh *, struct refresh *said, const struct error *);

/* The credentials that it gives together; key is the one that it is for, and
 * outlives them. */
struct strings refresh_outputs(
    const struct refresh_strategy *, const char **key);

/* The next version of its material, owned by to. */
void refresh_record_seal(
    struct refresh *, const struct pairs *material, struct refresh_state *to);
/* Dies with the arena, which wipes it. */
int refresh_record_open(
    const struct refresh *, struct arena *, struct pairs *ret, struct error *);
/* With the newest key, in its place. */
int refresh_record_renew(struct refresh *, struct error *);

/* First in the store, then here: the state, and its outputs' new values, NULL
 * for those that stay; none at all if values is NULL.  new_epoch: it is
 * configured anew, whatever the store has; what was given out before stops
 * working. */
int refresh_record_commit(struct refresh *, const struct refresh_state *,
    char *const *values, bool new_epoch, struct error *);

#endif
