/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body.c - a request's JSON body: which of it is text, what is found there,
 * and the body without it.
 *
 * Every string is text, every member's name that no protocol has, and every
 * number that is long enough to be somebody's; keys.h has the exceptions.  A
 * string with escapes is decoded, and looked into if it is JSON again.  The
 * new body is the old one but for the bytes that were found, so that what is
 * looked at and what is sent can't differ.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json/scan.h"
#include "common/privacy/keys.h"
#include "common/privacy/map.h"
#include "common/privacy/matcher.h"
#include "common/privacy/nest.h"
#include "common/privacy/text.h"
#include "common/xalloc.h"

#define NESTED_MAX (NEST_MAX - 1) /* the innermost string is text */
#define NUMBER_MIN 9              /* digits; shorter ones identify nobody */
#define NAME_MAX_LEN 128 /* of a member's name, for each text that is in it */

/* A text and where it was written: the body itself, or what a string with
 * escapes in the level above means. */
struct level {
	const char *text;
	struct level *above; /* NULL: the body */
	const char *raw;     /* in above's text: behind `decoded` bytes */
	const char *raw_end;
	size_t decoded;
	unsigned depth;
};

/* A member or an element on the way to what is looked at. */
struct step {
	const struct step *above;
	const struct json_span *name; /* NULL: an element */
	size_t index;
};

struct walk {
	struct scanner scanner;
	struct privacy_result *result;
	struct privacy_map *map; /* NULL: nothing is changed */
	const char *body;
	size_t n;
	size_t copied; /* bytes of body that are in the result's */
	const struct step *step;
	struct error *e;
};

/* Sought at most once, however many strings ask. */
struct object {
	const struct json_span *span;
	enum { NOT_SOUGHT, HAS_ROLE, HAS_NO_ROLE } role;
};

/* Later is stricter: whose names those are that a value's members have. */
enum owner {
	PROTOCOLS,
	STRANGERS, /* below a name that no protocol has: media is media */
	SOMEBODYS, /* nothing is what its name says */
};

/* What a value is in. */
struct place {
	const char *name; /* of the member, as it is written, its end; "" */
	size_t name_len;
	enum key_kind kind;
	enum owner owner; /* of its name */
	bool is_element;
	struct object *in; /* elements of an array share their array's */
};

static int walk_value(struct walk *, struct level *, const struct json_span *,
    const struct place *);

/* A name that no protocol has may be what nobody is to see. */
static size_t
put_step(const struct step *s, char *to, size_t n)
{
	const char *dot = s->above != NULL ? "." : "";
	int len;

	if (s->name == NULL)
		len = snprintf(to, n, "[%zu]", s->index);
	else if (key_kind(s->name->p + 1, s->name->n - 2) == KEY_UNKNOWN)
		len = snprintf(to, n, "%s*", dot);
	else
		len = snprintf(
		    to, n, "%s%.*s", dot, (int)s->name->n - 2, s->name->p + 1);
	return (size_t)len < n ? (size_t)len : n - 1;
}

/* From the top, as much as there is room for; returns its length. */
static size_t
put_path(const struct step *s, char *to, size_t n)
{
	size_t used;

	*to = '\0';
	if (s == NULL)
		return 0;
	used = put_path(s->above, to, n);
	return used + put_step(s, to + used, n - used);
}

/* Where in the body is this place of the level's text?  Places are asked for
 * from first to last.  One inside a character is where it starts, or behind
 * it. */
static size_t
in_body(const struct walk *w, struct level *l, size_t at, bool is_end)
{
	if (l->above == NULL)
		return (size_t)(l->text + at - w->body);
	while (l->decoded < at) {
		char one[4];
		size_t n, skip = json_step(l->raw, l->raw_end, one, &n);

		if (l->decoded + n > at && !is_end)
			break;
		l->decoded += n;
		l->raw += skip;
	}
	return in_body(w, l->above, (size_t)(l->raw - l->above->text), is_end);
}

/* A string's quotes, in a string of so many levels: escaped as often. */
static void
put_quote(struct buf *b, unsigned depth)
{
	for (unsigned i = 1; i < 1u << depth; i++)
		(void)buf_puts(b, "\\");
	(void)buf_puts(b, "\"");
}

static void
replace(struct walk *w, struct level *l, size_t start, size_t end,
    const char *placeholder, bool is_number)
{
	struct buf *to = &w->result->body;
	size_t from = in_body(w, l, start, false);
	size_t behind = in_body(w, l, end, true);

	/* At once, so that no copy is left behind where it grew. */
	if (to->len == 0)
		(void)buf_room(to, w->n + w->n / 8);
	(void)buf_append(to, w->body + w->copied, from - w->copied);
	if (is_number)
		put_quote(to, l->depth);
	(void)buf_puts(to, placeholder);
	if (is_number)
		put_quote(to, l->depth);
	w->copied = behind;
	w->result->is_changed = true;
}

static void
tell(struct walk *w, const struct span *s)
{
	struct privacy_result *r = w->result;
	const struct privacy_rule *rule = &w->scanner.matcher->rules[s->rule];
	struct privacy_finding *f;

	if (rule->action > r->action)
		r->action = rule->action;
	if (r->n_findings == PRIVACY_FINDINGS_MAX) {
		r->has_more = true;
		return;
	}
	/* By powers of two. */
	if ((r->n_findings & (r->n_findings - 1)) == 0)
		r->findings = xreallocarray(r->findings,
		    r->n_findings > 0 ? 2 * r->n_findings : 1,
		    sizeof(*r->findings));
	f = &r->findings[r->n_findings++];
	*f = (struct privacy_finding){ .type = rule->type,
		.action = rule->action,
		.name = s->kind,
		.offset = s->start,
		.length = s->end - s->start };
	(void)put_path(w->step, f->path, sizeof(f->path));
}

/* Redacts what the scanner found; finds that overlap are one. */
static int
redact(struct walk *w, struct level *l, size_t base, const struct text *t,
    bool is_number)
{
	const struct scanner *s = &w->scanner;

	for (size_t i = 0; i < s->n;) {
		const struct privacy_rule *rule =
		    &s->matcher->rules[s->spans[i].rule];
		size_t start = s->spans[i].start, end = s->spans[i].end;
		bool restore = rule->restore;
		const char *placeholder;

		if (rule->action != PRIVACY_REDACT) {
			i++;
			continue;
		}
		/* What is left of a number would be no JSON. */
		if (is_number) {
			start = 0;
			end = t->n;
		}
		for (i++; i < s->n && s->spans[i].start < end; i++) {
			const struct privacy_rule *other =
			    &s->matcher->rules[s->spans[i].rule];

			if (other->action != PRIVACY_REDACT)
				continue;
			restore = restore && other->restore;
			if (s->spans[i].end > end)
				end = s->spans[i].end;
		}
		placeholder = privacy_map_add(
		    w->map, rule->label, t->p + start, end - start, restore);
		if (placeholder == NULL)
			return error_set(w->e, ERR_LIMIT,
			    "there is more to redact than %d texts",
			    PRIVACY_VALUES_MAX);
		replace(w, l, base + start, base + end, placeholder, is_number);
	}
	return 0;
}

/* A text that stands at base in the level's. */
static int
look(struct walk *w, struct level *l, size_t base, const struct text *t,
    bool is_number)
{
	if (scanner_run(&w->scanner, t, true, w->e) < 0)
		return -1;
	for (size_t i = 0; i < w->scanner.n; i++)
		tell(w, &w->scanner.spans[i]);
	return w->map != NULL ? redact(w, l, base, t, is_number) : 0;
}

/* Something with a role, whose name is a person's? */
static bool
is_message(struct object *o)
{
	struct json_span role;

	if (o == NULL)
		return false;
	if (o->role == NOT_SOUGHT)
		o->role = json_find(o->span, "role", &role) > 0 ? HAS_ROLE
								: HAS_NO_ROLE;
	return o->role == HAS_ROLE;
}

/* Is it what the protocol keeps there for machines? */
static bool
is_excepted(const struct place *at, const char *value, size_t n)
{
	switch (at->kind) {
	case KEY_CODE:
		return at->owner == PROTOCOLS && key_is_code(value, n);
	case KEY_TOOL:
		return at->owner == PROTOCOLS && key_is_tool(value, n) &&
		       !is_message(at->in);
	case KEY_MEDIA:
		return at->owner < SOMEBODYS && key_is_media(value, n);
	case KEY_URL:
		return at->owner < SOMEBODYS && key_is_media_url(value, n);
	default:
		return false;
	}
}

/* Of the members of an object at this place. */
static enum owner
owner_below(const struct place *at)
{
	static const enum owner owners[] = {
		[KEY_UNKNOWN] = STRANGERS,
		[KEY_TEXT] = PROTOCOLS,
		[KEY_CODE] = PROTOCOLS,
		[KEY_TOOL] = PROTOCOLS,
		[KEY_MEDIA] = PROTOCOLS,
		[KEY_URL] = PROTOCOLS,
		[KEY_FREE] = SOMEBODYS,
		[KEY_INPUT] = SOMEBODYS,
		[KEY_PARTS] = STRANGERS,
	};

	return owners[at->kind] > at->owner ? owners[at->kind] : at->owner;
}

static bool
is_json(const char *p, size_t n, struct json_span *ret)
{
	struct error ignored;
	size_t i = 0;

	while (i < n && is(p[i], IS_SPACE))
		i++;
	if (i == n || (p[i] != '{' && p[i] != '['))
		return false;
	return json_parse(p, n, ret, &ignored) == 0;
}

static int
walk_escaped(struct walk *w, struct level *l, const struct json_span *s,
    const struct place *at)
{
	char *meant = xmalloc(s->n);
	size_t n = json_unescape(s, meant);
	struct level inner = { .text = meant,
		.above = l,
		.raw = s->p + 1,
		.raw_end = s->p + s->n - 1,
		.depth = l->depth + 1 };
	struct place inside = { .name = at->name,
		.name_len = at->name_len,
		.kind = KEY_TEXT,
		.owner = SOMEBODYS };
	struct text t = { meant, n, at->name, at->name_len };
	struct json_span top;
	int r = 0;

	if (l->depth < NESTED_MAX && is_json(meant, n, &top))
		r = walk_value(w, &inner, &top, &inside);
	else if (!is_excepted(at, meant, n))
		r = look(w, &inner, 0, &t, false);
	explicit_bzero(meant, s->n);
	free(meant);
	return r;
}

static int
walk_string(struct walk *w, struct level *l, const struct json_span *s,
    const struct place *at)
{
	struct text t = { s->p + 1, s->n - 2, at->name, at->name_len };

	if (memchr(t.p, '\\', t.n) != NULL)
		return walk_escaped(w, l, s, at);
	if (is_excepted(at, t.p, t.n))
		return 0;
	return look(w, l, (size_t)(t.p - l->text), &t, false);
}

static int
walk_number(struct walk *w, struct level *l, const struct json_span *s,
    const struct place *at)
{
	struct text t = { s->p, s->n, at->name, at->name_len };

	if (s->n < NUMBER_MIN || owner_below(at) == PROTOCOLS)
		return 0;
	return look(w, l, (size_t)(s->p - l->text), &t, true);
}

/* One that no protocol has. */
static int
walk_name(struct walk *w, struct level *l, const struct json_span *key)
{
	struct place at = { .name = "", .kind = KEY_TEXT };

	return walk_string(w, l, key, &at);
}

static int
walk_object(struct walk *w, struct level *l, const struct json_span *s,
    const struct place *at)
{
	struct json_iter it = json_iter(s);
	struct object object = { .span = s };
	struct json_span key, value;

	while (json_next(&it, &key, &value)) {
		size_t n = key.n - 2 < NAME_MAX_LEN ? key.n - 2 : NAME_MAX_LEN;
		struct place inside = { .name = key.p + key.n - 1 - n,
			.name_len = n,
			.kind = key_kind(key.p + 1, key.n - 2),
			.owner = owner_below(at),
			.in = &object };
		struct step step = { .above = w->step, .name = &key };
		int r = 0;

		w->step = &step;
		if (inside.kind == KEY_UNKNOWN)
			r = walk_name(w, l, &key);
		if (r == 0)
			r = walk_value(w, l, &value, &inside);
		w->step = step.above;
		if (r < 0)
			return -1;
	}
	return 0;
}

/* No protocol has arrays in arrays. */
static struct place
element_of(const struct walk *w, const struct place *array)
{
	struct place at = *array;

	if (at.is_element && at.owner < STRANGERS)
		at.owner = STRANGERS;
	/* The items of OpenAI's `input` are messages again. */
	if (at.kind == KEY_PARTS ||
	    (at.kind == KEY_INPUT && w->step->above == NULL))
		at.kind = KEY_TEXT;
	at.is_element = true;
	return at;
}

static int
walk_array(struct walk *w, struct level *l, const struct json_span *s,
    const struct place *at)
{
	struct json_iter it = json_iter(s);
	struct json_span value;
	struct place inside = element_of(w, at);

	for (size_t i = 0; json_next(&it, NULL, &value); i++) {
		struct step step = { .above = w->step, .index = i };
		int r;

		w->step = &step;
		r = walk_value(w, l, &value, &inside);
		w->step = step.above;
		if (r < 0)
			return -1;
	}
	return 0;
}

static int
walk_value(struct walk *w, struct level *l, const struct json_span *s,
    const struct place *at)
{
	switch (s->type) {
	case JSON_STRING:
		return walk_string(w, l, s, at);
	case JSON_NUMBER:
		return walk_number(w, l, s, at);
	case JSON_OBJECT:
		return walk_object(w, l, s, at);
	case JSON_ARRAY:
		return walk_array(w, l, s, at);
	default:
		return 0;
	}
}

static int
finish(struct walk *w)
{
	struct privacy_result *r = w->result;

	if (r->is_changed)
		(void)buf_append(
		    &r->body, w->body + w->copied, w->n - w->copied);
	if (w->map != NULL && privacy_map_seal(w->map))
		r->map = steal_ptr(&w->map);
	return 0;
}

static int
run(struct walk *w, const struct json_span *top)
{
	struct place at = { .name = "", .kind = KEY_TEXT };
	struct level body = { .text = w->body };
	int r = walk_value(w, &body, top, &at);

	if (r == 0)
		r = finish(w);
	scanner_clear(&w->scanner);
	privacy_map_free(w->map);
	if (r < 0)
		privacy_result_clear(w->result);
	return r;
}

int
privacy_apply(const struct privacy_matcher *m, const char *body, size_t n,
    const uint8_t key[PRIVACY_KEY_LEN], struct privacy_result *ret,
    struct error *e)
{
	struct walk w = { .result = ret, .body = body, .n = n, .e = e };
	struct json_span top;

	if (n > PRIVACY_BODY_MAX)
		return error_set(e, ERR_LIMIT,
		    "the request is longer than %u bytes", PRIVACY_BODY_MAX);
	if (json_parse(body, n, &top, e) < 0)
		return -1;
	scanner_init(&w.scanner, m, n);
	w.map = privacy_map_new(key);
	return run(&w, &top);
}

static int
check_text(struct walk *w, const char *text, size_t n)
{
	struct text t = { .p = text, .n = n, .name = "" };
	int r = scanner_run(&w->scanner, &t, false, w->e);

	for (size_t i = 0; r == 0 && i < w->scanner.n; i++)
		tell(w, &w->scanner.spans[i]);
	scanner_clear(&w->scanner);
	return r;
}

int
privacy_check(const struct privacy_matcher *m, const char *text, size_t n,
    struct privacy_result *ret, struct error *e)
{
	struct walk w = { .result = ret, .body = text, .n = n, .e = e };
	struct json_span top;

	if (n > PRIVACY_BODY_MAX)
		return error_set(e, ERR_LIMIT,
		    "the text is longer than %u bytes", PRIVACY_BODY_MAX);
	scanner_init(&w.scanner, m, n);
	if (is_json(text, n, &top))
		return run(&w, &top);
	return check_text(&w, text, n);
}

void
privacy_result_clear(struct privacy_result *r)
{
	free(r->findings);
	buf_wipe(&r->body);
	privacy_map_free(r->map);
	*r = (struct privacy_result){ 0 };
}
