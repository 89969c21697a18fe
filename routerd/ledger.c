/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c - see ledger.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/field.h"
#include "common/hash.h"
#include "common/wire/events.h"
#include "common/wire/router.h"
#include "common/xalloc.h"
#include "routerd/ledger.h"

#define HASH_SIZE 256
#define NUMBER_SIZE 24

struct line {
	LIST_ENTRY(line) next;
	struct ledger_entry sum; /* its names are owned */
};

struct ledger {
	LIST_HEAD(, line) hash[HASH_SIZE];
	size_t n;
};

struct ledger *
ledger_new(void)
{
	return xcalloc(1, sizeof(struct ledger));
}

static void
line_free(struct ledger *l, struct line *line)
{
	LIST_REMOVE(line, next);
	l->n--;
	free((void *)(uintptr_t)line->sum.sandbox);
	free((void *)(uintptr_t)line->sum.route);
	free((void *)(uintptr_t)line->sum.provider);
	free((void *)(uintptr_t)line->sum.model);
	free(line);
}

void
ledger_free(struct ledger *l)
{
	struct line *line, *next;

	for (unsigned i = 0; l != NULL && i < HASH_SIZE; i++) {
		for (line = LIST_FIRST(&l->hash[i]); line != NULL;
		     line = next) {
			next = LIST_NEXT(line, next);
			line_free(l, line);
		}
	}
	free(l);
}

static unsigned
hash(const struct ledger_entry *e)
{
	return hash_text(hash_text(HASH_START, e->sandbox), e->route) %
	       HASH_SIZE;
}

static bool
is_same(const struct ledger_entry *a, const struct ledger_entry *b)
{
	return strcmp(a->sandbox, b->sandbox) == 0 &&
	       strcmp(a->route, b->route) == 0 &&
	       strcmp(a->provider, b->provider) == 0 &&
	       strcmp(a->model, b->model) == 0;
}

static struct line *
find(struct ledger *l, const struct ledger_entry *e)
{
	unsigned at = hash(e);
	struct line *line;

	LIST_FOREACH(line, &l->hash[at], next)
	{
		if (is_same(&line->sum, e))
			return line;
	}
	line = xcalloc(1, sizeof(*line));
	line->sum.sandbox = xstrdup(e->sandbox);
	line->sum.route = xstrdup(e->route);
	line->sum.provider = xstrdup(e->provider);
	line->sum.model = xstrdup(e->model);
	LIST_INSERT_HEAD(&l->hash[at], line, next);
	l->n++;
	return line;
}

void
ledger_add(struct ledger *l, const struct ledger_entry *e)
{
	struct ledger_entry *sum = &find(l, e)->sum;

	sum->requests += e->requests;
	sum->failures += e->failures;
	sum->input_tokens += e->input_tokens;
	sum->output_tokens += e->output_tokens;
}

static const char *
number(int64_t n, char text[NUMBER_SIZE])
{
	(void)snprintf(text, NUMBER_SIZE, "%lld", (long long)n);
	return text;
}

static void
tell(const struct ledger_entry *sum, struct events *events)
{
	char text[4][NUMBER_SIZE];
	const struct pair pairs[] = {
		{ "route", sum->route },
		{ "provider", sum->provider },
		{ "model", sum->model },
		{ "requests", number(sum->requests, text[0]) },
		{ "failures", number(sum->failures, text[1]) },
		{ "input_tokens", number(sum->input_tokens, text[2]) },
		{ "output_tokens", number(sum->output_tokens, text[3]) },
	};

	events_add(events, false, sum->sandbox, ROUTER_USAGE, pairs,
	    sizeof(pairs) / sizeof(pairs[0]));
}

void
ledger_tell(struct ledger *l, struct events *events)
{
	struct line *line, *next;

	for (unsigned i = 0; i < HASH_SIZE && l->n > 0; i++) {
		for (line = LIST_FIRST(&l->hash[i]); line != NULL;
		     line = next) {
			next = LIST_NEXT(line, next);
			if (!events_have_room(events))
				return;
			tell(&line->sum, events);
			line_free(l, line);
		}
	}
}
