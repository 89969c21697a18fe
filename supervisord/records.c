/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.c - see records.h.
 *
 * Slots are used in turn, so that the next one is the oldest; chains of slots
 * by hash find one.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "supervisord/records.h"

#define CHAINS 1024
#define NONE UINT16_MAX

struct slot {
	struct tuple tuple;
	void *answer; /* NULL: free */
	size_t n;
	uint16_t next; /* in its chain */
};

struct records {
	struct slot slots[RECORDS_MAX];
	uint16_t chains[CHAINS];
	uint16_t turn;
};

struct records *
records_new(void)
{
	struct records *r = xcalloc(1, sizeof(*r));

	memset(r->chains, 0xff, sizeof(r->chains));
	return r;
}

void
records_free(struct records *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < RECORDS_MAX; i++)
		free(r->slots[i].answer);
	free(r);
}

static uint16_t *
chain_of(struct records *r, const struct tuple *t)
{
	const uint8_t *bytes = (const uint8_t *)t;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < sizeof(*t); i++)
		h = (h ^ bytes[i]) * 16777619u;
	return &r->chains[h % CHAINS];
}

/* The link that leads to a tuple's slot, or to NONE. */
static uint16_t *
find(struct records *r, const struct tuple *t)
{
	uint16_t *link = chain_of(r, t);

	while (
	    *link != NONE && memcmp(&r->slots[*link].tuple, t, sizeof(*t)) != 0)
		link = &r->slots[*link].next;
	return link;
}

void *
records_take(struct records *r, const struct tuple *t, size_t *ret_n)
{
	uint16_t *link = find(r, t);
	struct slot *slot;
	void *answer;

	if (*link == NONE)
		return NULL;
	slot = &r->slots[*link];
	*link = slot->next;
	answer = slot->answer;
	*ret_n = slot->n;
	slot->answer = NULL;
	return answer;
}

void
records_put(struct records *r, const struct tuple *t, void *answer, size_t n)
{
	struct slot *slot = &r->slots[r->turn];
	uint16_t *chain;
	size_t old;

	free(records_take(r, t, &old));
	if (slot->answer != NULL)
		free(records_take(r, &slot->tuple, &old));
	slot->tuple = *t;
	slot->answer = answer;
	slot->n = n;
	chain = chain_of(r, t);
	slot->next = *chain;
	*chain = r->turn;
	r->turn = (uint16_t)((r->turn + 1) % RECORDS_MAX);
}
