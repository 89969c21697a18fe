/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.h - what sandboxes used of models, until gatewayd has been told.
 *
 * A log event may be dropped when there are too many; what people are shown as
 * usage may not.  It is added up here by sandbox, route, provider and model,
 * and told in events of its own, which gatewayd counts and shows to nobody:
 * ROUTER_USAGE with the names below.  While nobody asks for events it waits.
 *
 * One worker's; the names are gatewayd's, so that there are no more entries
 * than sandboxes times routes.
 */
#ifndef ROUTERD_LEDGER_H
#define ROUTERD_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

struct events;
struct ledger;

struct ledger_entry {
	const char *sandbox;
	const char *route;
	const char *provider;
	const char *model;
	int64_t requests;
	int64_t failures;
	int64_t input_tokens;
	int64_t output_tokens;
};

struct ledger *ledger_new(void);
void ledger_free(struct ledger *); /* NULL is fine */

/* Adds to what there is of the same sandbox, route, provider and model. */
void ledger_add(struct ledger *, const struct ledger_entry *);
/* As much of it as there is room for; the rest stays. */
void ledger_tell(struct ledger *, struct events *);

#endif
