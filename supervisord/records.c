/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.c - see records.h.
 *
 * In chains by hash, and all in the order of their age.  The hash has a seed:
 * agents choose addresses and ports.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "common/xalloc.h"
#include "supervisord/records.h"

#define CHAINS 1024

struct record {
	LIST_ENTRY(record) chain;
	TAILQ_ENTRY(record) age;
	struct tuple tuple;
	void *answer;
	size_t n;
};

struct records {
	LIST_HEAD(chain, record) chains[CHAINS];
	TAILQ_HEAD(, record) oldest_first;
	size_t n;
	uint32_t seed;
};

struct records *
records_new(void)
{
	struct records *r = xcalloc(1, sizeof(*r));

	TAILQ_INIT(&r->oldest_first);
	/* Early in a boot it may be predictable, and costs time at worst. */
	if (getrandom(&r->seed, sizeof(r->seed), GRND_NONBLOCK) < 0)
		r->seed = 0;
	return r;
}

static void *
remove_record(struct records *all, struct record *r, size_t *ret_n)
{
	void *answer = r->answer;

	*ret_n = r->n;
	LIST_REMOVE(r, chain);
	TAILQ_REMOVE(&all->oldest_first, r, age);
	free(r);
	all->n--;
	return answer;
}

void
records_free(struct records *all)
{
	struct record *r, *next;

	if (all == NULL)
		return;
	for (r = TAILQ_FIRST(&all->oldest_first); r != NULL; r = next) {
		next = TAILQ_NEXT(r, age);
		free(r->answer);
		free(r);
	}
	free(all);
}

/* FNV-1a. */
static struct chain *
chain_of(struct records *all, const struct tuple *t)
{
	const uint8_t *bytes = (const uint8_t *)t;
	uint32_t h = 2166136261u ^ all->seed;

	for (size_t i = 0; i < sizeof(*t); i++)
		h = (h ^ bytes[i]) * 16777619u;
	return &all->chains[h % CHAINS];
}

void *
records_take(struct records *all, const struct tuple *t, size_t *ret_n)
{
	struct record *r;

	LIST_FOREACH(r, chain_of(all, t), chain)
	if (memcmp(&r->tuple, t, sizeof(*t)) == 0)
		return remove_record(all, r, ret_n);
	return NULL;
}

void
records_put(struct records *all, const struct tuple *t, void *answer, size_t n)
{
	struct record *r = xcalloc(1, sizeof(*r));
	size_t old;

	free(records_take(all, t, &old));
	if (all->n == RECORDS_MAX)
		free(remove_record(all, TAILQ_FIRST(&all->oldest_first), &old));
	r->tuple = *t;
	r->answer = answer;
	r->n = n;
	LIST_INSERT_HEAD(chain_of(all, t), r, chain);
	TAILQ_INSERT_TAIL(&all->oldest_first, r, age);
	all->n++;
}
