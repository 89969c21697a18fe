/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.c - see words.h.
 *
 * One automaton for all words in lower case; where a word's case counts, it is
 * compared when the automaton has found it.  Edges are in one hash table: most
 * nodes have one, and a row of 256 for each would be a quarter of a gigabyte.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/privacy/text.h"
#include "common/privacy/words.h"
#include "common/xalloc.h"

struct word {
	char *text;
	uint32_t len;
	uint32_t next; /* with the same letters; 0 or an index + 1 */
	unsigned owner;
	bool ignore_case;
};

struct node {
	uint32_t fail;
	uint32_t output; /* the nearest suffix that is a word, or 0 */
	uint32_t word;   /* 0 or an index + 1 */
};

struct edge {
	uint32_t from; /* node << 8 | byte, + 1; 0: free */
	uint32_t to;
};

struct words {
	struct word *words;
	size_t n;
	struct node *nodes; /* 0 is the root */
	size_t n_nodes;
	struct edge *edges;
	size_t mask;
	uint32_t root[256];
};

struct words *
words_new(void)
{
	return xcalloc(1, sizeof(struct words));
}

void
words_free(struct words *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->n; i++)
		free(w->words[i].text);
	free(w->words);
	free(w->nodes);
	free(w->edges);
	free(w);
}

void
words_add(struct words *w, const char *text, bool ignore_case, unsigned owner)
{
	struct word *word;

	assert(owner < WORDS_OWNERS_MAX && w->nodes == NULL);
	/* By powers of two. */
	if ((w->n & (w->n - 1)) == 0)
		w->words = xreallocarray(
		    w->words, w->n > 0 ? 2 * w->n : 1, sizeof(*w->words));
	word = &w->words[w->n++];
	*word = (struct word){ .text = xstrdup(text),
		.len = (uint32_t)strlen(text),
		.owner = owner,
		.ignore_case = ignore_case };
}

static uint8_t
fold(char c)
{
	return is(c, IS_UPPER) ? (uint8_t)(c | 0x20) : (uint8_t)c;
}

static struct edge *
edge_of(const struct words *w, uint32_t node, uint8_t byte)
{
	uint32_t from = (node << 8 | byte) + 1;
	size_t at = (from * UINT32_C(2654435769)) >> 7 & w->mask;

	while (w->edges[at].from != 0 && w->edges[at].from != from)
		at = (at + 1) & w->mask;
	return &w->edges[at];
}

static uint32_t
child(const struct words *w, uint32_t node, uint8_t byte)
{
	const struct edge *e;

	if (node == 0)
		return w->root[byte];
	e = edge_of(w, node, byte);
	return e->from != 0 ? e->to : 0;
}

static uint32_t
grow(struct words *w, uint32_t node, uint8_t byte)
{
	uint32_t to = child(w, node, byte);
	struct edge *e;

	if (to != 0)
		return to;
	to = (uint32_t)w->n_nodes++;
	if (node == 0) {
		w->root[byte] = to;
	} else {
		e = edge_of(w, node, byte);
		*e = (struct edge){ (node << 8 | byte) + 1, to };
	}
	return to;
}

static uint32_t
step(const struct words *w, uint32_t node, uint8_t byte)
{
	for (;;) {
		uint32_t to = child(w, node, byte);

		if (to != 0 || node == 0)
			return to;
		node = w->nodes[node].fail;
	}
}

/* Nodes were made along words: parents before children, but not by depth,
 * which links to suffixes need. */
static void
link_suffixes(struct words *w, const uint32_t *parents, const uint8_t *bytes,
    const uint32_t *by_depth)
{
	for (size_t i = 1; i < w->n_nodes; i++) {
		uint32_t at = by_depth[i];
		struct node *node = &w->nodes[at];
		uint32_t parent = parents[at];

		node->fail =
		    parent == 0 ? 0 : step(w, w->nodes[parent].fail, bytes[at]);
		node->output = w->nodes[node->fail].word != 0
				   ? node->fail
				   : w->nodes[node->fail].output;
	}
}

static void
insert_words(
    struct words *w, uint32_t *parents, uint8_t *bytes, uint32_t *depths)
{
	for (size_t i = 0; i < w->n; i++) {
		struct word *word = &w->words[i];
		uint32_t at = 0;

		for (uint32_t k = 0; k < word->len; k++) {
			uint32_t parent = at;

			at = grow(w, at, fold(word->text[k]));
			parents[at] = parent;
			bytes[at] = fold(word->text[k]);
			depths[at] = k + 1;
		}
		word->next = w->nodes[at].word;
		w->nodes[at].word = (uint32_t)i + 1;
	}
}

/* Counting sort. */
static uint32_t *
sort_by_depth(const uint32_t *depths, size_t n)
{
	uint32_t deepest = 0, sum = 0;
	uint32_t *ret = xcalloc(n, sizeof(*ret));

	for (size_t i = 0; i < n; i++)
		deepest = depths[i] > deepest ? depths[i] : deepest;
	autofree uint32_t *from = xcalloc(deepest + 1, sizeof(*from));
	for (size_t i = 0; i < n; i++)
		from[depths[i]]++;
	for (uint32_t d = 0; d <= deepest; d++) {
		uint32_t here = from[d];

		from[d] = sum;
		sum += here;
	}
	for (size_t i = 0; i < n; i++)
		ret[from[depths[i]]++] = (uint32_t)i;
	return ret;
}

void
words_build(struct words *w)
{
	size_t max = 1, slots = 64;

	for (size_t i = 0; i < w->n; i++)
		max += w->words[i].len;
	while (slots < 2 * max)
		slots *= 2;
	w->mask = slots - 1;
	w->edges = xcalloc(slots, sizeof(*w->edges));
	w->nodes = xcalloc(max, sizeof(*w->nodes));
	w->n_nodes = 1;

	autofree uint32_t *parents = xcalloc(max, sizeof(*parents));
	autofree uint32_t *depths = xcalloc(max, sizeof(*depths));
	autofree uint8_t *bytes = xcalloc(max, sizeof(*bytes));
	insert_words(w, parents, bytes, depths);
	autofree uint32_t *by_depth = sort_by_depth(depths, w->n_nodes);
	link_suffixes(w, parents, bytes, by_depth);
}

static bool
is_inside_word(const char *text, size_t n, size_t at)
{
	return at > 0 && at < n && is(text[at - 1], IS_ALNUM) &&
	       is(text[at], IS_ALNUM);
}

static const struct word *
matching(const struct words *w, const struct words_search *s, uint32_t index)
{
	for (; index != 0; index = w->words[index - 1].next) {
		const struct word *word = &w->words[index - 1];
		size_t start = s->at - word->len;

		if (!(s->reported & UINT64_C(1) << word->owner) &&
		    (word->ignore_case ||
			memcmp(s->text + start, word->text, word->len) == 0) &&
		    !is_inside_word(s->text, s->n, start) &&
		    !is_inside_word(s->text, s->n, s->at))
			return word;
	}
	return NULL;
}

bool
words_next(const struct words *w, struct words_search *s, struct words_hit *ret)
{
	for (;;) {
		while (s->output != 0) {
			const struct word *word =
			    matching(w, s, w->nodes[s->output].word);

			if (word == NULL) {
				s->output = w->nodes[s->output].output;
				continue;
			}
			s->reported |= UINT64_C(1) << word->owner;
			*ret = (struct words_hit){ s->at - word->len, s->at,
				word->owner };
			return true;
		}
		while (s->node == 0 && s->at < s->n &&
		       w->root[fold(s->text[s->at])] == 0)
			s->at++;
		if (s->at == s->n)
			return false;
		s->node = step(w, s->node, fold(s->text[s->at++]));
		s->reported = 0;
		s->output = w->nodes[s->node].word != 0
				? s->node
				: w->nodes[s->node].output;
	}
}
