/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget.h - how much one sandbox may ask of one route: requests and tokens a
 * minute, and requests at a time.
 *
 * Buckets that refill steadily: a sandbox that was quiet may spend a minute's
 * worth at once.  Tokens are known only after an answer, so that a request is
 * admitted while the bucket isn't empty and the bucket may go below zero.
 */
#ifndef ROUTERD_BUDGET_H
#define ROUTERD_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct budgets; /* one worker's; sandboxes don't change workers */

struct budget_limits {
	int64_t requests_per_minute; /* 0: no bound, for each */
	int64_t tokens_per_minute;
	int64_t concurrent;
};

struct budgets *budgets_new(void);
void budgets_free(struct budgets *);

/* Spends a request.  0: admitted, and budget_end() must follow; else the
 * seconds to wait, at least 1. */
unsigned budget_begin(struct budgets *, const char *sandbox, const char *route,
    const struct budget_limits *, int64_t now_ms);
void budget_end(
    struct budgets *, const char *sandbox, const char *route, int64_t tokens);

#endif
