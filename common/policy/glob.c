/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glob.c - see glob.h.
 *
 * Braces are expanded when a pattern is compiled; each alternative is a run
 * of tokens.  Matching remembers only the last star of each reach: the
 * shortest stretch for an earlier one is always as good as any other.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/policy/glob.h"
#include "common/xalloc.h"

enum op {
	OP_BYTE, /* exactly this one */
	OP_ONE,  /* any but the separator */
	OP_SET,  /* one of a class */
	OP_STAR, /* a run without separator */
	OP_DIRS, /* components, each with its separator behind it */
	OP_RUN,  /* a run of anything */
};

struct token {
	enum op op;
	uint8_t byte;
	uint16_t set; /* index of the class */
};

struct set {
	uint8_t bits[32];
};

struct run {
	struct token *tokens;
	size_t n;
	struct set *sets;
	size_t n_sets;
};

struct glob {
	uint8_t separator;
	bool separated;
	size_t n;
	struct run runs[GLOB_ALTERNATIVES_MAX];
};

static bool
set_has(const struct set *s, uint8_t c)
{
	return s->bits[c / 8] & (1u << (c % 8));
}

/* The class that starts at p ("[...]"), or NULL if it has no end. */
static const char *
class_end(const char *p)
{
	const char *q = p + 1;

	if (*q == '!' || *q == '^')
		q++;
	if (*q == ']')
		q++;
	q = strchr(q, ']');
	return q;
}

static void
read_class(const char *p, const char *end, uint8_t separator, bool separated,
    struct set *set)
{
	bool inverted = p[1] == '!' || p[1] == '^';

	memset(set, 0, sizeof(*set));
	for (p += inverted ? 2 : 1; p < end; p++) {
		uint8_t from = (uint8_t)p[0];
		uint8_t to = from;

		if (p[1] == '-' && p + 2 < end) {
			to = (uint8_t)p[2];
			p += 2;
		}
		for (unsigned c = from; c <= to; c++)
			set->bits[c / 8] |= (uint8_t)(1u << (c % 8));
	}
	if (inverted)
		for (size_t i = 0; i < sizeof(set->bits); i++)
			set->bits[i] = (uint8_t)~set->bits[i];
	if (separated)
		set->bits[separator / 8] &= (uint8_t) ~(1u << (separator % 8));
}

static void
add_token(struct run *r, enum op op, char byte)
{
	r->tokens[r->n++] =
	    (struct token){ op, (uint8_t)byte, (uint16_t)r->n_sets };
}

/* Stars at p; returns how many bytes they take, -1 if misplaced. */
static int
add_stars(const struct glob *g, struct run *r, const char *start, const char *p)
{
	bool at_start = p == start || p[-1] == (char)g->separator;

	if (!g->separated) {
		int n = (int)strspn(p, "*");

		add_token(r, OP_RUN, 0);
		return n;
	}
	if (p[1] != '*') {
		add_token(r, OP_STAR, 0);
		return 1;
	}
	if (!at_start || (p[2] != '\0' && p[2] != (char)g->separator))
		return -1;
	add_token(r, p[2] == '\0' ? OP_RUN : OP_DIRS, 0);
	return p[2] == '\0' ? 2 : 3;
}

static int
compile_run(struct glob *g, const char *text, struct error *e)
{
	struct run *r = &g->runs[g->n++];
	size_t len = strlen(text);

	r->tokens = xcalloc(len + 1, sizeof(*r->tokens));
	r->sets = xcalloc(len / 3 + 1, sizeof(*r->sets));
	for (const char *p = text; *p != '\0';) {
		const char *end;
		int taken = 1;

		if (*p == '*') {
			taken = add_stars(g, r, text, p);
			if (taken < 0)
				return error_set(e, ERR_INVALID,
				    "'**' must be a whole component");
		} else if (*p == '?') {
			add_token(r, OP_ONE, 0);
		} else if (*p == '[' && (end = class_end(p)) != NULL) {
			add_token(r, OP_SET, 0);
			read_class(p, end, g->separator, g->separated,
			    &r->sets[r->n_sets++]);
			taken = (int)(end - p) + 1;
		} else {
			add_token(r, OP_BYTE, *p);
		}
		p += taken;
	}
	return 0;
}

/* The brace that closes the one at p, outside nested ones; NULL if none. */
static const char *
brace_end(const char *p)
{
	int depth = 0;

	for (; *p != '\0'; p++) {
		if (*p == '{')
			depth++;
		else if (*p == '}' && --depth == 0)
			return p;
	}
	return NULL;
}

static int
expand(struct glob *g, const char *text, struct error *e)
{
	const char *open = strchr(text, '{');
	const char *close = open != NULL ? brace_end(open) : NULL;
	const char *part;
	int depth = 0;

	if (close == NULL) {
		if (g->n == GLOB_ALTERNATIVES_MAX)
			return error_set(e, ERR_LIMIT,
			    "more than %d alternatives", GLOB_ALTERNATIVES_MAX);
		return compile_run(g, text, e);
	}
	part = open + 1;
	for (const char *p = part; p <= close; p++) {
		autofree char *one = NULL;

		if (*p == '{')
			depth++;
		if (*p == '}' && p != close)
			depth--;
		if (p != close && (*p != ',' || depth > 0))
			continue;
		one = xasprintf("%.*s%.*s%s", (int)(open - text), text,
		    (int)(p - part), part, close + 1);
		if (expand(g, one, e) < 0)
			return -1;
		part = p + 1;
	}
	return 0;
}

int
glob_compile(const char *pattern, enum glob_separator separator,
    struct glob **ret, struct error *e)
{
	struct glob *g;

	if (strlen(pattern) > GLOB_PATTERN_MAX)
		return error_set(
		    e, ERR_LIMIT, "longer than %d bytes", GLOB_PATTERN_MAX);
	g = xcalloc(1, sizeof(*g));
	g->separator = (uint8_t)separator;
	g->separated = separator != GLOB_VALUE;
	if (expand(g, pattern, e) < 0) {
		glob_free(g);
		return -1;
	}
	*ret = g;
	return 0;
}

void
glob_free(struct glob *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < g->n; i++) {
		free(g->runs[i].tokens);
		free(g->runs[i].sets);
	}
	free(g);
}

static bool
accepts(
    const struct glob *g, const struct run *r, const struct token *t, uint8_t c)
{
	switch (t->op) {
	case OP_BYTE:
		return c == t->byte;
	case OP_SET:
		return set_has(&r->sets[t->set], c);
	case OP_ONE:
	case OP_STAR:
		return !g->separated || c != g->separator;
	case OP_DIRS:
	case OP_RUN:
		return true;
	}
	return false;
}

/* Where matching resumes when what follows a star didn't fit. */
struct resume {
	size_t token;
	size_t pos;
	enum op op;
	bool set;
};

/* One byte (or component) more for the star; false if it can't take it. */
static bool
stretch(const struct glob *g, struct resume *star, const char *text, size_t len)
{
	const char *end;

	if (!star->set || star->pos >= len)
		return false;
	switch (star->op) {
	case OP_STAR:
		if ((uint8_t)text[star->pos] == g->separator)
			return false;
		star->pos++;
		return true;
	case OP_DIRS:
		end = memchr(text + star->pos, g->separator, len - star->pos);
		if (end == NULL)
			return false;
		star->pos = (size_t)(end - text) + 1;
		return true;
	default:
		star->pos++;
		return true;
	}
}

static bool
run_match(
    const struct glob *g, const struct run *r, const char *text, size_t len)
{
	struct resume near = { 0 }, far = { 0 };
	size_t i = 0, pos = 0;

	for (;;) {
		const struct token *t = i < r->n ? &r->tokens[i] : NULL;

		if (t == NULL && pos == len)
			return true;
		if (t != NULL && t->op >= OP_STAR) {
			struct resume *star = t->op == OP_STAR ? &near : &far;

			if (t->op != OP_STAR)
				near.set = false;
			*star = (struct resume){ ++i, pos, t->op, true };
			continue;
		}
		if (t != NULL && pos < len &&
		    accepts(g, r, t, (uint8_t)text[pos])) {
			i++;
			pos++;
			continue;
		}
		if (stretch(g, &near, text, len)) {
			i = near.token;
			pos = near.pos;
		} else if (stretch(g, &far, text, len)) {
			near.set = false;
			i = far.token;
			pos = far.pos;
		} else {
			return false;
		}
	}
}

bool
glob_match(const struct glob *g, const char *text, size_t len)
{
	for (size_t i = 0; i < g->n; i++)
		if (run_match(g, &g->runs[i], text, len))
			return true;
	return false;
}

/* Patterns that would take longer to compare are taken to intersect. */
#define PLACES_MAX 65536

/*
 * Intersection walks both runs at once.  A place in a run is a token's index
 * times two, plus one inside a component that OP_DIRS has begun.
 */
struct walk {
	const struct glob *g[2];
	const struct run *r[2];
	uint8_t *seen;
	uint32_t *todo;
	size_t n_todo;
	size_t width;
};

static void
visit(struct walk *w, size_t a, size_t b)
{
	size_t at = a * w->width + b;

	if (w->seen[at])
		return;
	w->seen[at] = 1;
	w->todo[w->n_todo++] = (uint32_t)at;
}

/* Where byte c leads from `place`; false if it doesn't fit there. */
static bool
step(const struct glob *g, const struct run *r, size_t place, uint8_t c,
    size_t *ret)
{
	const struct token *t = &r->tokens[place / 2];

	if (place / 2 >= r->n || !accepts(g, r, t, c))
		return false;
	if (t->op == OP_DIRS)
		*ret = c == g->separator ? place & ~(size_t)1 : place | 1;
	else
		*ret = t->op >= OP_STAR ? place : (place / 2 + 1) * 2;
	return true;
}

/* A star, or a DIRS between components, may be left without a byte. */
static bool
may_leave(const struct run *r, size_t place)
{
	return place / 2 < r->n && r->tokens[place / 2].op >= OP_STAR &&
	       place % 2 == 0;
}

static void
walk_bytes(struct walk *w, size_t a, size_t b)
{
	for (unsigned c = 1; c < 256; c++) {
		size_t to_a, to_b;

		if (step(w->g[0], w->r[0], a, (uint8_t)c, &to_a) &&
		    step(w->g[1], w->r[1], b, (uint8_t)c, &to_b))
			visit(w, to_a, to_b);
	}
}

static bool
runs_intersect(const struct glob *ga, const struct run *ra,
    const struct glob *gb, const struct run *rb)
{
	size_t height = ra->n * 2 + 2, width = rb->n * 2 + 2;

	if (height * width > PLACES_MAX)
		return true;
	autofree uint8_t *seen = xcalloc(height, width);
	autofree uint32_t *todo = xcalloc(height * width, sizeof(*todo));
	struct walk w = { { ga, gb }, { ra, rb }, seen, todo, 0, width };

	visit(&w, 0, 0);
	while (w.n_todo > 0) {
		size_t at = todo[--w.n_todo];
		size_t a = at / width, b = at % width;

		if (a / 2 == ra->n && b / 2 == rb->n)
			return true;
		if (may_leave(ra, a))
			visit(&w, a + 2, b);
		if (may_leave(rb, b))
			visit(&w, a, b + 2);
		walk_bytes(&w, a, b);
	}
	return false;
}

bool
glob_intersects(const struct glob *a, const struct glob *b)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t j = 0; j < b->n; j++)
			if (runs_intersect(a, &a->runs[i], b, &b->runs[j]))
				return true;
	return false;
}
