/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - from a YAML tree to a struct privacy, by tables.
 *
 * The operator's text, but it comes over a socket: everything has a limit, and
 * what isn't understood is refused by name, since a detector that is silently
 * dropped is a leak.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/privacy/model.h"
#include "common/privacy/national.h"
#include "common/privacy/pattern.h"
#include "common/utf8.h"
#include "common/xalloc.h"
#include "common/yaml.h"

static const char *const type_names[PRIVACY_TYPE_MAX_] = {
	[PRIVACY_CREDENTIAL] = "credential",
	[PRIVACY_PRIVATE_KEY] = "private-key",
	[PRIVACY_PAYMENT_CARD] = "payment-card",
	[PRIVACY_EMAIL] = "email",
	[PRIVACY_PHONE] = "phone",
	[PRIVACY_IBAN] = "iban",
	[PRIVACY_NATIONAL_ID] = "national-id",
	[PRIVACY_PATTERN] = "pattern",
	[PRIVACY_LITERAL] = "literal",
};

static const char *const action_names[PRIVACY_ACTION_MAX_] = {
	[PRIVACY_NONE] = "none",
	[PRIVACY_LOG] = "log",
	[PRIVACY_REDACT] = "redact",
	[PRIVACY_REROUTE] = "reroute",
	[PRIVACY_BLOCK] = "block",
};

const char *
privacy_type_name(enum privacy_type type)
{
	return type_names[type];
}

const char *
privacy_action_name(enum privacy_action action)
{
	return action_names[action];
}

/* A value, and how it is called in messages. */
struct place {
	const struct yaml_node *node;
	char path[96];
	struct error *e;
};

#define bad(at, ...) bad_code(at, ERR_INVALID, __VA_ARGS__)

#define bad_code(at, code, ...)                                                \
	__extension__({                                                        \
		(void)error_set((at)->e, code, __VA_ARGS__);                   \
		(void)error_prefix(                                            \
		    (at)->e, "line %u: %s", (at)->node->line, (at)->path);     \
		-1;                                                            \
	})

typedef int read_fn(const struct place *, void *member);

struct key {
	const char *name;
	read_fn *read;
	size_t offset;
	unsigned types; /* of detector, that may have it */
	unsigned needs; /* of detector, that must */
};

static int
read_text(const struct place *at, size_t max, char **ret)
{
	const struct yaml_node *node = at->node;

	if (node->kind != YAML_SCALAR || yaml_node_is_null(node) ||
	    node->text[0] == '\0')
		return bad(at, "must be a text that isn't empty");
	if (strlen(node->text) > max)
		return bad_code(at, ERR_LIMIT, "is longer than %zu bytes", max);
	for (const char *p = node->text; *p != '\0'; p += utf8_length(p))
		if (utf8_length(p) == 0 || utf8_is_control(p))
			return bad(at, "has a control character");
	free(*ret);
	*ret = xstrdup(node->text);
	return 0;
}

/* Stands in placeholders, so that it must be one word of few letters. */
static int
read_name(const struct place *at, void *member)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	char **name = member;

	if (read_text(at, PRIVACY_NAME_MAX, name) < 0)
		return -1;
	if (strchr(letters, **name) == NULL ||
	    strspn(*name, "abcdefghijklmnopqrstuvwxyz0123456789-") !=
		strlen(*name))
		return bad(at,
		    "'%s' must begin with a letter, and have only a-z, 0-9 "
		    "and '-'",
		    *name);
	return 0;
}

/* The name of a route, which is for others to resolve. */
static int
read_route(const struct place *at, void *member)
{
	return read_text(at, 253, member);
}

static int
read_regex(const struct place *at, void *member)
{
	_cleanup_(pattern_freep) struct pattern *p = NULL;
	char **regex = member;

	if (read_text(at, PRIVACY_REGEX_MAX, regex) < 0)
		return -1;
	if (pattern_new(*regex, &p, at->e) < 0)
		return error_prefix(
		    at->e, "line %u: %s", at->node->line, at->path);
	return 0;
}

static int
read_bool(const struct place *at, void *member)
{
	const struct yaml_node *node = at->node;
	bool is_true = node->kind == YAML_SCALAR && node->plain &&
		       strcmp(node->text, "true") == 0;

	if (!is_true && !(node->kind == YAML_SCALAR && node->plain &&
			    strcmp(node->text, "false") == 0))
		return bad(at, "must be true or false");
	*(bool *)member = is_true;
	return 0;
}

static int
read_word(const struct place *at, const char *const *names, int from, int to)
{
	char list[128] = "";
	const char *text =
	    at->node->kind == YAML_SCALAR ? at->node->text : "a collection";

	for (int i = from; i < to; i++) {
		size_t used = strlen(list);

		if (strcmp(names[i], text) == 0)
			return i;
		(void)snprintf(list + used, sizeof(list) - used, "%s%s",
		    used > 0 ? ", " : "", names[i]);
	}
	return bad(at, "must be one of %s, not '%.40s'", list, text);
}

static int
read_type(const struct place *at, void *member)
{
	int type = read_word(at, type_names, 0, PRIVACY_TYPE_MAX_);

	if (type < 0)
		return -1;
	*(enum privacy_type *)member = (enum privacy_type)type;
	return 0;
}

static int
read_action(const struct place *at, void *member)
{
	int action =
	    read_word(at, action_names, PRIVACY_LOG, PRIVACY_ACTION_MAX_);

	if (action < 0)
		return -1;
	*(enum privacy_action *)member = (enum privacy_action)action;
	return 0;
}

static int
check_list(const struct place *at, size_t max)
{
	if (at->node->kind != YAML_SEQUENCE || at->node->n == 0)
		return bad(at, "must be a list that isn't empty");
	if (at->node->n > max)
		return bad_code(at, ERR_LIMIT,
		    "has %zu entries; at most %zu are allowed", at->node->n,
		    max);
	return 0;
}

static struct place
element(const struct place *list, size_t i)
{
	struct place at = { .node = list->node->items[i], .e = list->e };

	(void)snprintf(at.path, sizeof(at.path), "%.70s[%zu]", list->path, i);
	return at;
}

static int
read_countries(const struct place *at, void *member)
{
	uint64_t *countries = member;

	if (check_list(at, 64) < 0)
		return -1;
	*countries = 0;
	for (size_t i = 0; i < at->node->n; i++) {
		struct place one = element(at, i);
		const char *text = one.node->kind == YAML_SCALAR
				       ? one.node->text
				       : "a collection";
		int country = national_country(text);

		if (country < 0)
			return bad(
			    &one, "no identifiers of '%.40s' are known", text);
		*countries |= UINT64_C(1) << country;
	}
	return 0;
}

static int
read_words(const struct place *at, void *member)
{
	struct privacy_detector *d =
	    (void *)((char *)member - offsetof(struct privacy_detector, words));

	if (check_list(at, PRIVACY_WORDS_MAX) < 0)
		return -1;
	d->words = xcalloc(at->node->n, sizeof(*d->words));
	for (size_t i = 0; i < at->node->n; i++) {
		struct place one = element(at, i);

		d->n_words = i + 1;
		if (read_text(&one, PRIVACY_WORD_MAX, &d->words[i]) < 0)
			return -1;
	}
	return 0;
}

#define D(member) offsetof(struct privacy_detector, member)
#define T(type) (1u << PRIVACY_##type)
#define ALL (T(TYPE_MAX_) - 1)

static const struct key detector_keys[] = {
	{ "type", read_type, D(type), ALL, ALL },
	{ "action", read_action, D(action), ALL, ALL },
	{ "restore", read_bool, D(restore), ALL },
	{ "name", read_name, D(name), T(PATTERN) | T(LITERAL),
	    T(PATTERN) | T(LITERAL) },
	{ "regex", read_regex, D(regex), T(PATTERN), T(PATTERN) },
	{ "words", read_words, D(words), T(LITERAL), T(LITERAL) },
	{ "ignore_case", read_bool, D(ignore_case), T(LITERAL) },
	{ "countries", read_countries, D(countries), T(NATIONAL_ID) },
	{ 0 },
};

static const struct yaml_node *
find(const struct yaml_node *map, const char *name)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->keys[i], name) == 0)
			return map->items[i];
	return NULL;
}

static const struct key *
find_key(const struct key *keys, const char *name)
{
	for (; keys->name != NULL; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}

static struct place
value_of(const struct place *map, const char *key, const struct yaml_node *v)
{
	struct place at = { .node = v, .e = map->e };

	(void)snprintf(at.path, sizeof(at.path), "%.60s%s%.32s", map->path,
	    map->path[0] != '\0' ? "." : "", key);
	return at;
}

/* What belongs to its type, all of it and no more. */
static int
check_keys(const struct place *map, enum privacy_type type)
{
	for (const struct key *k = detector_keys; k->name != NULL; k++) {
		bool is_there = find(map->node, k->name) != NULL;

		if (is_there && !(k->types & 1u << type))
			return bad(
			    map, "%s has no '%s'", type_names[type], k->name);
		if (!is_there && k->needs & 1u << type)
			return bad(
			    map, "%s needs '%s'", type_names[type], k->name);
	}
	return 0;
}

static int
read_detector(const struct place *map, struct privacy_detector *d)
{
	const struct yaml_node *type;
	struct place at;

	if (map->node->kind != YAML_MAPPING)
		return bad(map, "must be a mapping");
	for (size_t i = 0; i < map->node->n; i++) {
		const struct key *k =
		    find_key(detector_keys, map->node->keys[i]);

		at = value_of(map, map->node->keys[i], map->node->items[i]);
		if (k == NULL)
			return bad(&at, "unknown key");
	}
	type = find(map->node, "type");
	if (type == NULL)
		return bad(map, "needs 'type'");
	at = value_of(map, "type", type);
	if (read_type(&at, &d->type) < 0 || check_keys(map, d->type) < 0)
		return -1;
	if (d->type == PRIVACY_NATIONAL_ID)
		d->countries = national_all();
	for (size_t i = 0; i < map->node->n; i++) {
		const struct key *k =
		    find_key(detector_keys, map->node->keys[i]);

		at = value_of(map, k->name, map->node->items[i]);
		if (k->read(&at, (char *)d + k->offset) < 0)
			return -1;
	}
	if (d->restore && d->action != PRIVACY_REDACT)
		return bad(map, "'restore' is for action 'redact' only");
	return 0;
}

/* One of each built-in; and one of each name. */
static int
check_twice(const struct place *at, const struct privacy *p, size_t i)
{
	const struct privacy_detector *d = &p->detectors[i];

	for (size_t k = 0; k < i; k++) {
		const struct privacy_detector *other = &p->detectors[k];

		if (d->name == NULL && other->type == d->type)
			return bad(at, "type '%s' is there twice",
			    type_names[d->type]);
		if (d->name != NULL && other->name != NULL &&
		    strcmp(d->name, other->name) == 0)
			return bad(at, "name '%s' is there twice", d->name);
	}
	return 0;
}

static int
read_detectors(const struct place *at, void *member)
{
	struct privacy *p =
	    (void *)((char *)member - offsetof(struct privacy, detectors));
	size_t words = 0;

	if (check_list(at, PRIVACY_DETECTORS_MAX) < 0)
		return -1;
	p->detectors = xcalloc(at->node->n, sizeof(*p->detectors));
	for (size_t i = 0; i < at->node->n; i++) {
		struct place one = element(at, i);

		p->n = i + 1;
		if (read_detector(&one, &p->detectors[i]) < 0 ||
		    check_twice(&one, p, i) < 0)
			return -1;
		words += p->detectors[i].n_words;
		if (words > PRIVACY_WORDS_MAX)
			return bad_code(&one, ERR_LIMIT,
			    "there are more than %d words", PRIVACY_WORDS_MAX);
	}
	return 0;
}

static const struct key top_keys[] = {
	{ "detectors", read_detectors, offsetof(struct privacy, detectors) },
	{ "reroute", read_route, offsetof(struct privacy, reroute) },
	{ 0 },
};

static int
check_reroute(const struct place *at, const struct privacy *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->detectors[i].action == PRIVACY_REROUTE) {
			if (p->reroute == NULL)
				return bad(at,
				    "detectors[%zu] reroutes, but 'reroute' "
				    "names no route",
				    i);
			return 0;
		}
	if (p->reroute != NULL)
		return bad(at, "'reroute' is there, but no detector has that "
			       "action");
	return 0;
}

int
privacy_read(
    const struct yaml_node *node, struct privacy **ret, struct error *e)
{
	_cleanup_(privacy_freep) struct privacy *p = xcalloc(1, sizeof(*p));
	struct place top = { .node = node, .path = "privacy", .e = e }, at;

	if (node->kind != YAML_MAPPING)
		return bad(&top, "must be a mapping");
	top.path[0] = '\0';
	for (size_t i = 0; i < node->n; i++) {
		const struct key *k = find_key(top_keys, node->keys[i]);

		at = value_of(&top, node->keys[i], node->items[i]);
		if (k == NULL)
			return bad(&at, "unknown key");
		if (k->read(&at, (char *)p + k->offset) < 0)
			return -1;
	}
	(void)snprintf(top.path, sizeof(top.path), "privacy");
	if (p->n == 0)
		return bad(&top, "needs 'detectors'");
	if (check_reroute(&top, p) < 0)
		return -1;
	*ret = steal_ptr(&p);
	return 0;
}

int
privacy_parse(const char *text, size_t n, struct privacy **ret, struct error *e)
{
	struct yaml_node *tree = NULL;
	const struct yaml_node *section;
	struct yaml_error at;
	int r;

	if (n > PRIVACY_TEXT_MAX)
		return error_set(
		    e, ERR_LIMIT, "is longer than %d bytes", PRIVACY_TEXT_MAX);
	if (yaml_read(text, n, &tree, &at) < 0)
		return error_set(e, ERR_INVALID, "line %u, column %u: %s",
		    at.line, at.column, at.text);
	section = tree;
	if (tree->kind == YAML_MAPPING && tree->n == 1 &&
	    strcmp(tree->keys[0], "privacy") == 0)
		section = tree->items[0];
	r = privacy_read(section, ret, e);
	yaml_node_free(tree);
	return r;
}

void
privacy_free(struct privacy *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++) {
		struct privacy_detector *d = &p->detectors[i];

		for (size_t k = 0; k < d->n_words; k++)
			free(d->words[k]);
		free(d->words);
		free(d->name);
		free(d->regex);
	}
	free(p->detectors);
	free(p->reroute);
	free(p);
}

const char *
privacy_reroute(const struct privacy *p)
{
	return p->reroute;
}
