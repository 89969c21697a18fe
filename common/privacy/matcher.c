/* SPDX-License-Identifier: Apache-2.0 */
/* matcher.c - see matcher.h and privacy.h. */
#include <stdlib.h>
#include <string.h>

#include "common/privacy/matcher.h"
#include "common/privacy/model.h"
#include "common/privacy/pattern.h"
#include "common/privacy/text.h"
#include "common/privacy/words.h"
#include "common/xalloc.h"

static const char *const labels[PRIVACY_TYPE_MAX_] = {
	[PRIVACY_CREDENTIAL] = "SECRET",
	[PRIVACY_PRIVATE_KEY] = "KEY",
	[PRIVACY_PAYMENT_CARD] = "CARD",
	[PRIVACY_EMAIL] = "EMAIL",
	[PRIVACY_PHONE] = "PHONE",
	[PRIVACY_IBAN] = "IBAN",
	[PRIVACY_NATIONAL_ID] = "ID",
};

static void
set_label(struct privacy_rule *r)
{
	const char *from = r->name != NULL ? r->name : labels[r->type];
	size_t i;

	for (i = 0; from[i] != '\0' && i < PRIVACY_NAME_MAX; i++)
		r->label[i] = is(from[i], IS_LOWER) ? (char)(from[i] & ~0x20)
			      : from[i] == '-'      ? '_'
						    : from[i];
	r->label[i] = '\0';
}

static int
compile_rule(struct privacy_matcher *m, const struct privacy_detector *d,
    size_t i, struct error *e)
{
	struct privacy_rule *r = &m->rules[i];

	r->type = d->type;
	r->action = d->action;
	r->restore = d->restore;
	r->countries = d->countries;
	r->name = d->name != NULL ? xstrdup(d->name) : NULL;
	set_label(r);
	if (d->regex != NULL)
		return pattern_new(d->regex, &r->pattern, e);
	if (d->words == NULL) {
		m->of_type[d->type] = (int)i;
		return 0;
	}
	if (m->words == NULL)
		m->words = words_new();
	for (size_t k = 0; k < d->n_words; k++)
		words_add(m->words, d->words[k], d->ignore_case, (unsigned)i);
	return 0;
}

_Static_assert(
    PRIVACY_DETECTORS_MAX <= WORDS_OWNERS_MAX, "each detector may have words");

int
privacy_compile(
    const struct privacy *p, struct privacy_matcher **ret, struct error *e)
{
	_cleanup_(privacy_matcher_freep) struct privacy_matcher *m =
	    xcalloc(1, sizeof(*m));

	m->rules = xcalloc(p->n, sizeof(*m->rules));
	m->n = p->n;
	for (size_t i = 0; i < PRIVACY_TYPE_MAX_; i++)
		m->of_type[i] = -1;
	for (size_t i = 0; i < p->n; i++)
		if (compile_rule(m, &p->detectors[i], i, e) < 0)
			return error_prefix(e, "detectors[%zu]", i);
	if (m->words != NULL)
		words_build(m->words);
	*ret = steal_ptr(&m);
	return 0;
}

void
privacy_matcher_free(struct privacy_matcher *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++) {
		free(m->rules[i].name);
		pattern_free(m->rules[i].pattern);
	}
	free(m->rules);
	words_free(m->words);
	free(m);
}

void
scanner_init(struct scanner *s, const struct privacy_matcher *m, size_t bytes)
{
	*s = (struct scanner){ .matcher = m, .work = pattern_work_new(bytes) };
}

void
scanner_clear(struct scanner *s)
{
	pattern_work_free(s->work);
	free(s->spans);
	*s = (struct scanner){ 0 };
}

static void
add(struct scanner *s, struct span span)
{
	if (s->n >= PRIVACY_SPANS_MAX) {
		s->n = PRIVACY_SPANS_MAX + 1;
		return;
	}
	if (s->n == s->cap) {
		s->cap = s->cap > 0 ? 2 * s->cap : 16;
		s->spans = xreallocarray(s->spans, s->cap, sizeof(*s->spans));
	}
	s->spans[s->n++] = span;
}

void
scanner_add(struct scanner *s, enum privacy_type type, size_t start, size_t end,
    const char *kind)
{
	add(s, (struct span){
		   start, end, (unsigned)s->matcher->of_type[type], kind });
}

static void
find_words(struct scanner *s, const struct text *t)
{
	struct words_search search = { .text = t->p, .n = t->n };
	struct words_hit hit;

	while (s->n <= PRIVACY_SPANS_MAX &&
	       words_next(s->matcher->words, &search, &hit))
		add(s, (struct span){ hit.start, hit.end, hit.owner,
			   s->matcher->rules[hit.owner].name });
}

static int
find_pattern(struct scanner *s, const struct text *t, unsigned rule,
    bool is_valid, struct error *e)
{
	const struct privacy_rule *r = &s->matcher->rules[rule];
	size_t at = 0, start, end;
	int found;

	while (s->n <= PRIVACY_SPANS_MAX &&
	       (found = pattern_find(r->pattern, s->work, t->p, t->n, at,
		    is_valid || at > 0, &start, &end, e)) != 0) {
		if (found < 0)
			return error_prefix(e, "detector '%s'", r->name);
		add(s, (struct span){ start, end, rule, r->name });
		at = end;
	}
	return 0;
}

/* By rule and place, the longer first. */
static int
compare(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

/* One rule's finds that overlap are one. */
static void
merge(struct scanner *s)
{
	size_t last[PRIVACY_DETECTORS_MAX], n = 0;

	memset(last, 0xff, sizeof(last));
	for (size_t i = 0; i < s->n; i++) {
		struct span *span = &s->spans[i];
		size_t *of_rule = &last[span->rule];

		if (*of_rule != SIZE_MAX &&
		    span->start < s->spans[*of_rule].end) {
			if (span->end > s->spans[*of_rule].end)
				s->spans[*of_rule].end = span->end;
			continue;
		}
		*of_rule = n;
		s->spans[n++] = *span;
	}
	s->n = n;
}

int
scanner_run(
    struct scanner *s, const struct text *t, bool is_valid, struct error *e)
{
	s->n = 0;
	builtin_run(s, t);
	if (s->matcher->words != NULL)
		find_words(s, t);
	for (unsigned i = 0; i < s->matcher->n; i++)
		if (s->matcher->rules[i].pattern != NULL &&
		    find_pattern(s, t, i, is_valid, e) < 0)
			return -1;
	if (s->n > PRIVACY_SPANS_MAX)
		return error_set(e, ERR_LIMIT,
		    "there is more to find in one text than %d places",
		    PRIVACY_SPANS_MAX);
	if (s->n > 1) {
		qsort(s->spans, s->n, sizeof(*s->spans), compare);
		merge(s);
	}
	return 0;
}
