/* SPDX-License-Identifier: Apache-2.0 */
/* budget.c - see budget.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/hash.h"
#include "common/xalloc.h"
#include "routerd/budget.h"

#define MINUTE_MS 60000
#define HASH_SIZE 256
#define RETRY_CONCURRENT_S 1
#define DEBT_MINUTES 60 /* what is owed beyond is forgiven */
#define KEPT_MAX 4096   /* beyond, quiet ones go */

struct bucket {
	double left;
	int64_t at_ms; /* when that was so; 0: full */
};

struct budget {
	LIST_ENTRY(budget) next;
	char *sandbox;
	char *route;
	struct bucket requests;
	struct bucket tokens;
	int64_t tokens_per_minute; /* as the last request had it */
	int64_t running;
	int64_t used_ms;
};

struct budgets {
	LIST_HEAD(, budget) hash[HASH_SIZE];
	unsigned n;
};

struct budgets *
budgets_new(void)
{
	return xcalloc(1, sizeof(struct budgets));
}

static void
budget_free(struct budget *b)
{
	free(b->sandbox);
	free(b->route);
	free(b);
}

void
budgets_free(struct budgets *all)
{
	struct budget *b, *next;

	if (all == NULL)
		return;
	for (unsigned i = 0; i < HASH_SIZE; i++) {
		for (b = LIST_FIRST(&all->hash[i]); b != NULL; b = next) {
			next = LIST_NEXT(b, next);
			budget_free(b);
		}
	}
	free(all);
}

static unsigned
hash(const char *sandbox, const char *route)
{
	return hash_text(hash_text(HASH_START, sandbox), route) % HASH_SIZE;
}

static struct budget *
find(struct budgets *all, const char *sandbox, const char *route)
{
	struct budget *b;

	LIST_FOREACH(b, &all->hash[hash(sandbox, route)], next)
	{
		if (strcmp(b->sandbox, sandbox) == 0 &&
		    strcmp(b->route, route) == 0)
			return b;
	}
	return NULL;
}

static void
refill(struct bucket *b, int64_t per_minute, int64_t now_ms)
{
	if (b->at_ms == 0)
		b->left = (double)per_minute;
	else
		b->left += (double)per_minute * (double)(now_ms - b->at_ms) /
			   MINUTE_MS;
	if (b->left > (double)per_minute)
		b->left = (double)per_minute;
	if (b->left < -DEBT_MINUTES * (double)per_minute)
		b->left = -DEBT_MINUTES * (double)per_minute;
	b->at_ms = now_ms;
}

static bool
owes(struct budget *b, int64_t now_ms)
{
	if (b->tokens_per_minute == 0)
		return false;
	refill(&b->tokens, b->tokens_per_minute, now_ms);
	return b->tokens.left < 0;
}

/* After a quiet minute a budget is what a new one would be. */
static void
forget_quiet(struct budgets *all, int64_t now_ms)
{
	struct budget *b, *next;

	for (unsigned i = 0; i < HASH_SIZE; i++) {
		for (b = LIST_FIRST(&all->hash[i]); b != NULL; b = next) {
			next = LIST_NEXT(b, next);
			if (b->running > 0 || owes(b, now_ms) ||
			    now_ms - b->used_ms <= MINUTE_MS)
				continue;
			LIST_REMOVE(b, next);
			all->n--;
			budget_free(b);
		}
	}
}

static struct budget *
make(
    struct budgets *all, const char *sandbox, const char *route, int64_t now_ms)
{
	struct budget *b = xcalloc(1, sizeof(*b));

	if (all->n >= KEPT_MAX)
		forget_quiet(all, now_ms);
	b->sandbox = xstrdup(sandbox);
	b->route = xstrdup(route);
	LIST_INSERT_HEAD(&all->hash[hash(sandbox, route)], b, next);
	all->n++;
	return b;
}

/* Seconds until there is as much as that; 0: there is. */
static unsigned
wait_s(struct bucket *b, int64_t per_minute, double need, int64_t now_ms)
{
	if (per_minute == 0)
		return 0;
	refill(b, per_minute, now_ms);
	if (b->left >= need)
		return 0;
	return 1 + (unsigned)((need - b->left) * 60 / (double)per_minute);
}

unsigned
budget_begin(struct budgets *all, const char *sandbox, const char *route,
    const struct budget_limits *limits, int64_t now_ms)
{
	struct budget *b = find(all, sandbox, route);
	unsigned wait, other;

	if (b == NULL)
		b = make(all, sandbox, route, now_ms);
	b->used_ms = now_ms;
	b->tokens_per_minute = limits->tokens_per_minute;
	if (limits->concurrent > 0 && b->running >= limits->concurrent)
		return RETRY_CONCURRENT_S;
	wait = wait_s(&b->requests, limits->requests_per_minute, 1, now_ms);
	other = wait_s(&b->tokens, limits->tokens_per_minute, 1, now_ms);
	wait = wait > other ? wait : other;
	if (wait > 0)
		return wait;
	b->requests.left -= 1;
	b->running++;
	return 0;
}

void
budget_end(
    struct budgets *all, const char *sandbox, const char *route, int64_t tokens)
{
	struct budget *b = find(all, sandbox, route);

	if (b == NULL)
		return;
	b->running--;
	if (b->tokens_per_minute > 0)
		b->tokens.left -= (double)tokens;
}
