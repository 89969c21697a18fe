/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.c - from a YAML tree to a struct policy, by tables.
 *
 * One table per mapping of the language: a row is a key and how its value is
 * read.  Keys that the language has and this version doesn't are refused by
 * name, never ignored: a restriction that is silently dropped is a hole.  What
 * single keys can't say is checked in validate.c and ambiguity.c.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/policy/model.h"
#include "common/utf8.h"
#include "common/xalloc.h"
#include "common/yaml.h"

#define PORT_MAX 65535
#define TEXT_BYTES_MAX                                                         \
	8192 /* of one string; paths have a limit of their own                 \
	      */

struct key;
typedef void read_fn(struct report *, const struct yaml_node *, void *object,
    const struct key *);

struct word {
	const char *text;
	int value;
	const char *warning; /* accepted, but say this */
};

struct key {
	const char *name;
	read_fn *read; /* NULL: not supported yet */
	size_t offset; /* of the member */
	const struct word *words;
	size_t has_offset; /* of a bool that notes the key's presence */
};

static struct place
place_of(const struct yaml_node *node)
{
	return (struct place){ node->line, node->column };
}

static void *
member(void *object, const struct key *key)
{
	return (char *)object + key->offset;
}

/* Is it a mapping or sequence?  Nothing written is an empty one. */
static bool
check_kind(struct report *r, const struct yaml_node *node, enum yaml_kind kind)
{
	if (node->kind == kind || yaml_node_is_null(node))
		return true;
	report_bad(r, place_of(node), "must be a %s",
	    kind == YAML_MAPPING ? "mapping" : "list");
	return false;
}

static bool
check_size(struct report *r, const struct yaml_node *node, size_t max)
{
	if (node->n <= max)
		return true;
	report_bad(r, place_of(node),
	    "has %zu entries; at most %zu are allowed", node->n, max);
	return false;
}

/* Control characters would make one thing look like another. */
static bool
is_clean(const char *s)
{
	while (*s != '\0') {
		size_t n = utf8_length(s);

		if (n == 0 || utf8_is_control(s) ||
		    strncmp(s, "\xef\xbb\xbf", 3) == 0 ||
		    strncmp(s, "\xef\xbf\xbe", 3) == 0 ||
		    strncmp(s, "\xef\xbf\xbf", 3) == 0)
			return false;
		s += n;
	}
	return true;
}

/* The text of a scalar, or NULL and a violation. */
static const char *
read_text(struct report *r, const struct yaml_node *node)
{
	if (node->kind != YAML_SCALAR || yaml_node_is_null(node)) {
		report_bad(r, place_of(node), "must be a string");
		return NULL;
	}
	if (strlen(node->text) > TEXT_BYTES_MAX) {
		report_bad(r, place_of(node), "is longer than %d bytes",
		    TEXT_BYTES_MAX);
		return NULL;
	}
	if (!is_clean(node->text)) {
		report_bad(r, place_of(node), "has a control character");
		return NULL;
	}
	return node->text;
}

static void
read_string(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	const char *text = read_text(r, node);

	if (text != NULL) {
		free(*(char **)member(object, key));
		*(char **)member(object, key) = xstrdup(text);
	}
}

static void
fold_case(char *s, char from, char to)
{
	for (; *s != '\0'; s++)
		if (*s >= from && *s <= to)
			*s = (char)(*s ^ 0x20);
}

/* Host names: case doesn't count, one dot at the end neither. */
static void
read_host(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	char **host = member(object, key);

	read_string(r, node, object, key);
	if (*host != NULL)
		fold_case(*host, 'A', 'Z');
}

static void
read_method(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	char **method = member(object, key);

	read_string(r, node, object, key);
	if (*method != NULL)
		fold_case(*method, 'a', 'z');
}

static void
read_bool(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	bool *out = member(object, key);

	if (node->kind == YAML_SCALAR && node->plain &&
	    strcasecmp(node->text, "true") == 0)
		*out = true;
	else if (node->kind == YAML_SCALAR && node->plain &&
		 strcasecmp(node->text, "false") == 0)
		*out = false;
	else
		report_bad(r, place_of(node), "must be true or false");
}

static void
read_word(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	const char *text = read_text(r, node);
	char list[256] = "";

	if (text == NULL)
		return;
	for (const struct word *w = key->words; w->text != NULL; w++) {
		size_t used = strlen(list);

		if (strcasecmp(w->text, text) == 0) {
			*(int *)member(object, key) = w->value;
			if (w->value < 0)
				report_bad(r, place_of(node),
				    "'%s' is not supported yet", w->text);
			else if (w->warning != NULL)
				report_warn(
				    r, place_of(node), "%s", w->warning);
			return;
		}
		if (w->value >= 0 && w->warning == NULL)
			(void)snprintf(list + used, sizeof(list) - used,
			    "%s'%s'", used == 0 ? "" : ", ", w->text);
	}
	report_bad(
	    r, place_of(node), "must be one of %s, not '%.80s'", list, text);
}

static bool
read_port(struct report *r, const struct yaml_node *node, uint16_t *ret)
{
	size_t digits;
	unsigned long port = 0;

	if (node->kind == YAML_SCALAR && node->plain) {
		digits = strspn(node->text, "0123456789");
		if (digits > 0 && digits <= 6 && node->text[digits] == '\0')
			port = strtoul(node->text, NULL, 10);
		if (port >= 1 && port <= PORT_MAX) {
			*ret = (uint16_t)port;
			return true;
		}
	}
	report_bad(r, place_of(node), "must be a number in 1..%d, not '%.80s'",
	    PORT_MAX, node->kind == YAML_SCALAR ? node->text : "a collection");
	return false;
}

static void
add_port(struct endpoint *ep, uint16_t port)
{
	ep->ports =
	    xreallocarray(ep->ports, ep->n_ports + 1, sizeof(*ep->ports));
	ep->ports[ep->n_ports++] = port;
}

static void
read_single_port(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	struct endpoint *ep = object;
	uint16_t port;

	(void)key;
	if (ep->n_ports > 0)
		report_bad(
		    r, place_of(node), "port and ports are mutually exclusive");
	else if (read_port(r, node, &port))
		add_port(ep, port);
}

static void
read_ports(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	struct endpoint *ep = object;

	(void)key;
	if (ep->n_ports > 0) {
		report_bad(
		    r, place_of(node), "port and ports are mutually exclusive");
		return;
	}
	if (!check_kind(r, node, YAML_SEQUENCE) ||
	    !check_size(r, node, POLICY_LIST_MAX))
		return;
	for (size_t i = 0; i < node->n; i++) {
		size_t before = report_enter_index(r, i);
		uint16_t port;

		if (read_port(r, node->items[i], &port))
			add_port(ep, port);
		report_leave(r, before);
	}
}

static void
read_string_list(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	struct string_list *list = member(object, key);

	if (!check_kind(r, node, YAML_SEQUENCE) ||
	    !check_size(r, node, POLICY_LIST_MAX))
		return;
	list->v = xcalloc(node->n, sizeof(*list->v));
	list->at = xcalloc(node->n, sizeof(*list->at));
	for (size_t i = 0; i < node->n; i++) {
		size_t before = report_enter_index(r, i);
		const char *text = read_text(r, node->items[i]);

		list->at[list->n] = place_of(node->items[i]);
		if (text != NULL)
			list->v[list->n++] = xstrdup(text);
		report_leave(r, before);
	}
}

static void
read_ignored(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	(void)object;
	report_warn(r, place_of(node), "'%s' is deprecated and has no effect",
	    key->name);
}

static const struct key *
find_key(const struct key *keys, const char *name)
{
	for (; keys->name != NULL; keys++)
		if (strcmp(keys->name, name) == 0)
			return keys;
	return NULL;
}

/* One mapping by its table; false if it isn't a mapping. */
static bool
read_map(struct report *r, const struct yaml_node *node, const struct key *keys,
    void *object)
{
	if (!check_kind(r, node, YAML_MAPPING))
		return false;
	for (size_t i = 0; i < node->n; i++) {
		size_t before = report_enter(r, node->keys[i]);
		const struct key *key = find_key(keys, node->keys[i]);

		if (key == NULL)
			report_bad(r, place_of(node->items[i]), "unknown key");
		else if (key->read == NULL)
			report_bad(r, place_of(node->items[i]),
			    "is not supported yet");
		else
			key->read(r, node->items[i], object, key);
		if (key != NULL && key->has_offset != 0)
			*(bool *)((char *)object + key->has_offset) = true;
		report_leave(r, before);
	}
	return true;
}

#define K(type, key, reader)                                                   \
	{                                                                      \
#key, reader, offsetof(struct type, key)                       \
	}
#define WORDS(type, key, words_)                                               \
	{                                                                      \
#key, read_word, offsetof(struct type, key), words_            \
	}
#define LATER(key)                                                             \
	{                                                                      \
#key, NULL                                                     \
	}

static void
read_query_value(
    struct report *r, const struct yaml_node *node, struct query_rule *q)
{
	static const struct key any_keys[] = {
		{ "any", read_string_list, offsetof(struct query_rule, globs) },
		{ 0 },
	};
	const char *text;

	if (node->kind == YAML_MAPPING && node->n == 1 &&
	    strcmp(node->keys[0], "glob") == 0)
		node = node->items[0];
	if (node->kind == YAML_MAPPING) {
		if (node->n != 1 || find_key(any_keys, node->keys[0]) == NULL) {
			report_bad(r, place_of(node),
			    "must be a glob, {glob: G} or {any: [G, ..]}");
			return;
		}
		q->any = true;
		(void)read_map(r, node, any_keys, q);
		if (q->globs.n == 0)
			report_bad(r, place_of(node), "any is empty");
		return;
	}
	text = read_text(r, node);
	if (text != NULL) {
		q->globs.v = xcalloc(1, sizeof(*q->globs.v));
		q->globs.v[q->globs.n++] = xstrdup(text);
	}
}

static void
read_query(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	struct rule *rule = object;

	(void)key;
	if (!check_kind(r, node, YAML_MAPPING) ||
	    !check_size(r, node, POLICY_LIST_MAX))
		return;
	rule->query = xcalloc(node->n, sizeof(*rule->query));
	for (size_t i = 0; i < node->n; i++) {
		size_t before = report_enter(r, node->keys[i]);
		struct query_rule *q = &rule->query[rule->n_query++];

		q->name = xstrdup(node->keys[i]);
		if (!is_clean(q->name) || strlen(q->name) > POLICY_NAME_MAX)
			report_bad(r, place_of(node->items[i]),
			    "is no usable parameter name");
		read_query_value(r, node->items[i], q);
		report_leave(r, before);
	}
}

static const struct key rule_keys[] = {
	K(rule, method, read_method),
	K(rule, path, read_string),
	K(rule, query, read_query),
	LATER(operation_type),
	LATER(operation_name),
	LATER(fields),
	LATER(params),
	LATER(tool),
	{ 0 },
};

static void
read_rule(
    struct report *r, const struct yaml_node *node, struct rule_list *list)
{
	struct rule *rule = &list->v[list->n++];

	bool is_map;

	rule->place = place_of(node);
	is_map = read_map(r, node, rule_keys, rule);
	if (is_map && rule->method == NULL)
		report_bad(r, rule->place, "method is missing");
	if (is_map && rule->path == NULL)
		report_bad(r, rule->place,
		    "path is missing (write '**' for every path)");
	if (rule->method == NULL)
		rule->method = xstrdup("");
	if (rule->path == NULL)
		rule->path = xstrdup("");
}

static void
read_deny_rules(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	struct rule_list *list = member(object, key);

	if (!check_kind(r, node, YAML_SEQUENCE) ||
	    !check_size(r, node, POLICY_LIST_MAX))
		return;
	list->v = xcalloc(node->n, sizeof(*list->v));
	for (size_t i = 0; i < node->n; i++) {
		size_t before = report_enter_index(r, i);

		read_rule(r, node->items[i], list);
		report_leave(r, before);
	}
	if (node->n == 0)
		report_bad(r, place_of(node), "is empty");
}

static void
read_rules(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	struct rule_list *list = member(object, key);

	if (!check_kind(r, node, YAML_SEQUENCE) ||
	    !check_size(r, node, POLICY_LIST_MAX))
		return;
	list->v = xcalloc(node->n, sizeof(*list->v));
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_node *item = node->items[i];
		size_t before = report_enter_index(r, i);

		if (item->kind != YAML_MAPPING || item->n != 1 ||
		    strcmp(item->keys[0], "allow") != 0) {
			report_bad(r, place_of(item), "must be {allow: {..}}");
		} else {
			size_t inner = report_enter(r, "allow");

			read_rule(r, item->items[0], list);
			report_leave(r, inner);
		}
		report_leave(r, before);
	}
	if (node->n == 0)
		report_bad(
		    r, place_of(node), "is empty: it would deny all traffic");
}

static const struct word protocol_words[] = {
	{ "tcp", PROTOCOL_TCP },
	{ "rest", PROTOCOL_REST },
	{ "websocket", -1 },
	{ "graphql", -1 },
	{ "sql", -1 },
	{ "json-rpc", -1 },
	{ "mcp", -1 },
	{ 0 },
};

static const struct word tls_words[] = {
	{ "auto", TLS_AUTO },
	{ "skip", TLS_SKIP },
	{ "terminate", TLS_AUTO, "'terminate' is deprecated: it means auto" },
	{ "passthrough", TLS_AUTO,
	    "'passthrough' is deprecated and means auto; did you mean skip?" },
	{ 0 },
};

static const struct word enforcement_words[] = {
	{ "enforce", ENFORCEMENT_ENFORCE },
	{ "audit", ENFORCEMENT_AUDIT },
	{ 0 },
};

static const struct word access_words[] = {
	{ "read-only", ACCESS_READ_ONLY },
	{ "read-write", ACCESS_READ_WRITE },
	{ "full", ACCESS_FULL },
	{ 0 },
};

static const struct word signing_words[] = {
	{ "sigv4", POLICY_SIGV4 },
	{ "sigv4:body", POLICY_SIGV4_BODY },
	{ "sigv4:no_body", POLICY_SIGV4_NO_BODY },
	{ 0 },
};

static const struct key binding_keys[] = {
	K(endpoint, provider, read_string),
	{ 0 },
};

static void
read_binding(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	const struct endpoint *ep = object;

	(void)key;
	if (read_map(r, node, binding_keys, object) &&
	    (ep->provider == NULL || ep->provider[0] == '\0'))
		report_bad(r, place_of(node), "provider is missing");
}

static const struct key endpoint_keys[] = {
	K(endpoint, host, read_host),
	{ "port", read_single_port, 0 },
	{ "ports", read_ports, 0 },
	K(endpoint, path, read_string),
	WORDS(endpoint, protocol, protocol_words),
	WORDS(endpoint, tls, tls_words),
	{ "enforcement", read_word, offsetof(struct endpoint, enforcement),
	    enforcement_words, offsetof(struct endpoint, has_enforcement) },
	WORDS(endpoint, access, access_words),
	{ "rules", read_rules, offsetof(struct endpoint, rules), NULL,
	    offsetof(struct endpoint, has_rules) },
	{ "deny_rules", read_deny_rules, offsetof(struct endpoint, deny_rules),
	    NULL, offsetof(struct endpoint, has_deny_rules) },
	K(endpoint, allowed_ips, read_string_list),
	K(endpoint, allow_encoded_slash, read_bool),
	LATER(websocket_credential_rewrite),
	{ "request_body_credential_rewrite", read_bool,
	    offsetof(struct endpoint, rewrite_body) },
	{ "allow_uninspected_credentials", read_bool,
	    offsetof(struct endpoint, allow_uninspected) },
	LATER(persisted_queries),
	LATER(graphql_persisted_queries),
	LATER(graphql_max_body_bytes),
	LATER(json_rpc),
	LATER(mcp),
	{ "credential_signing", read_word, offsetof(struct endpoint, signing),
	    signing_words },
	K(endpoint, signing_service, read_string),
	K(endpoint, signing_region, read_string),
	{ "credential_binding", read_binding, 0 },
	{ 0 },
};

static void
read_endpoints(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	struct block *block = object;

	(void)key;
	if (!check_kind(r, node, YAML_SEQUENCE) ||
	    !check_size(r, node, POLICY_ENDPOINTS_MAX))
		return;
	block->endpoints = xcalloc(node->n, sizeof(*block->endpoints));
	for (size_t i = 0; i < node->n; i++) {
		struct endpoint *ep = &block->endpoints[block->n_endpoints++];
		size_t before = report_enter_index(r, i);

		ep->place = place_of(node->items[i]);
		(void)read_map(r, node->items[i], endpoint_keys, ep);
		if (ep->host == NULL)
			ep->host = xstrdup("");
		if (ep->path == NULL)
			ep->path = xstrdup("");
		report_leave(r, before);
	}
}

static const struct key binary_keys[] = {
	K(binary, path, read_string),
	K(binary, ancestors, read_bool),
	{ "harness", read_ignored, 0 },
	{ 0 },
};

static void
read_binaries(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	struct block *block = object;

	(void)key;
	if (!check_kind(r, node, YAML_SEQUENCE) ||
	    !check_size(r, node, POLICY_LIST_MAX))
		return;
	block->binaries = xcalloc(node->n, sizeof(*block->binaries));
	for (size_t i = 0; i < node->n; i++) {
		struct binary *b = &block->binaries[block->n_binaries++];
		size_t before = report_enter_index(r, i);

		b->ancestors = true;
		b->place = place_of(node->items[i]);
		(void)read_map(r, node->items[i], binary_keys, b);
		if (b->path == NULL) {
			report_bad(r, b->place, "path is missing");
			b->path = xstrdup("");
		}
		report_leave(r, before);
	}
}

static const struct key block_keys[] = {
	K(block, name, read_string),
	{ "endpoints", read_endpoints, 0 },
	{ "binaries", read_binaries, 0 },
	{ 0 },
};

static int
compare_blocks(const void *a, const void *b)
{
	return strcmp(
	    ((const struct block *)a)->key, ((const struct block *)b)->key);
}

static void
read_blocks(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	struct policy *p = object;

	(void)key;
	if (!check_kind(r, node, YAML_MAPPING) ||
	    !check_size(r, node, POLICY_BLOCKS_MAX))
		return;
	p->blocks = xcalloc(node->n, sizeof(*p->blocks));
	for (size_t i = 0; i < node->n; i++) {
		struct block *block = &p->blocks[p->n_blocks++];
		size_t before = report_enter(r, node->keys[i]);

		block->key = xstrdup(node->keys[i]);
		block->place = place_of(node->items[i]);
		if (!is_clean(block->key) || block->key[0] == '\0' ||
		    strlen(block->key) > POLICY_NAME_MAX)
			report_bad(r, block->place, "is no usable name");
		(void)read_map(r, node->items[i], block_keys, block);
		report_leave(r, before);
	}
	qsort(p->blocks, p->n_blocks, sizeof(*p->blocks), compare_blocks);
}

static const struct key filesystem_keys[] = {
	K(policy, include_workdir, read_bool),
	K(policy, read_only, read_string_list),
	K(policy, read_write, read_string_list),
	{ 0 },
};

static void
read_filesystem(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	struct policy *p = object;

	(void)key;
	p->has_filesystem = true;
	p->filesystem_at = place_of(node);
	p->include_workdir = false;
	(void)read_map(r, node, filesystem_keys, object);
}

static const struct word landlock_words[] = {
	{ "best_effort", POLICY_BEST_EFFORT },
	{ "hard_requirement", POLICY_HARD_REQUIREMENT },
	{ 0 },
};

static const struct key landlock_keys[] = {
	{ "compatibility", read_word, offsetof(struct policy, landlock),
	    landlock_words },
	{ 0 },
};

static const struct key process_keys[] = {
	K(policy, run_as_user, read_string),
	K(policy, run_as_group, read_string),
	{ 0 },
};

static void
read_landlock(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	(void)key;
	(void)read_map(r, node, landlock_keys, object);
}

static void
read_process(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	struct policy *p = object;

	(void)key;
	p->process_at = place_of(node);
	(void)read_map(r, node, process_keys, object);
}

static void
read_version(struct report *r, const struct yaml_node *node, void *object,
    const struct key *key)
{
	(void)object;
	(void)key;
	if (node->kind != YAML_SCALAR || !node->plain ||
	    strcmp(node->text, "1") != 0)
		report_bad(r, place_of(node), "must be 1");
}

static const struct key policy_keys[] = {
	{ "version", read_version, 0 },
	{ "filesystem_policy", read_filesystem, 0 },
	{ "landlock", read_landlock, 0 },
	{ "process", read_process, 0 },
	{ "network_policies", read_blocks, 0 },
	LATER(network_middlewares),
	{ 0 },
};

static bool
has_key(const struct yaml_node *node, const char *name)
{
	for (size_t i = 0; i < node->n; i++)
		if (strcmp(node->keys[i], name) == 0)
			return true;
	return false;
}

/* Once everything has been read. */
static void
validate(struct report *r, const struct policy *p)
{
	r->misread = r->bad->n;
	policy_validate(p, r);
	if (r->bad->n == 0)
		policy_check_ambiguity(p, r);
}

static void
read_policy(struct report *r, const struct yaml_node *root, struct policy *p)
{
	if (root->kind != YAML_MAPPING) {
		report_bad(r, place_of(root),
		    "a policy must be a mapping with 'version: 1'");
		return;
	}
	(void)read_map(r, root, policy_keys, p);
	if (!has_key(root, "version"))
		report_bad(r, place_of(root), "version is missing (must be 1)");
	validate(r, p);
}

static struct report
report_start(struct violations *bad, struct violations *warnings)
{
	bad->n = 0;
	bad->more = false;
	if (warnings != NULL) {
		warnings->n = 0;
		warnings->more = false;
	}
	return (struct report){ .bad = bad, .warnings = warnings };
}

static struct policy *
policy_new(void)
{
	struct policy *p = xcalloc(1, sizeof(*p));

	p->references = 1;
	p->include_workdir = true;
	return p;
}

/* The policy is handed over if nothing is wrong with it. */
static int
finish(struct policy *p, const struct violations *bad, struct policy **ret)
{
	if (bad->n > 0) {
		policy_free(p);
		return -1;
	}
	*ret = p;
	return 0;
}

static int
parse(const char *text, size_t len, bool is_effective, struct policy **ret,
    struct violations *bad, struct violations *warnings)
{
	struct report r = report_start(bad, warnings);
	struct yaml_node *root = NULL;
	struct yaml_error error;
	struct policy *p;

	r.is_effective = is_effective;
	if (len > POLICY_TEXT_MAX) {
		report_bad(&r, (struct place){ 0, 0 },
		    "the policy has %zu bytes; at most %d are allowed", len,
		    POLICY_TEXT_MAX);
		return -1;
	}
	if (yaml_read(text, len, &root, &error) < 0) {
		report_bad(&r, (struct place){ error.line, error.column }, "%s",
		    error.text);
		return -1;
	}
	p = policy_new();
	read_policy(&r, root, p);
	yaml_node_free(root);
	return finish(p, bad, ret);
}

int
policy_parse(const char *text, size_t len, struct policy **ret,
    struct violations *bad, struct violations *warnings)
{
	return parse(text, len, false, ret, bad, warnings);
}

int
policy_parse_effective(
    const char *text, size_t len, struct policy **ret, struct violations *bad)
{
	return parse(text, len, true, ret, bad, NULL);
}

static void
read_part(struct report *r, const char *name, const struct yaml_node *node,
    struct block *block)
{
	const struct key *key = find_key(block_keys, name);
	size_t before = report_enter(r, name);

	key->read(r, node, block, key);
	report_leave(r, before);
}

static void
allow_every_program(struct block *block)
{
	block->binaries = xcalloc(1, sizeof(*block->binaries));
	block->binaries[block->n_binaries++] =
	    (struct binary){ xstrdup("/**"), true, block->place };
}

int
policy_parse_block(const char *name, const struct yaml_node *endpoints,
    const struct yaml_node *binaries, struct policy **ret,
    struct violations *bad, struct violations *warnings)
{
	struct report r = report_start(bad, warnings);
	struct policy *p = policy_new();
	size_t section = report_enter(&r, "network_policies");
	size_t before = report_enter(&r, name);

	p->blocks = xcalloc(1, sizeof(*p->blocks));
	p->n_blocks = 1;
	p->blocks[0].key = xstrdup(name);
	p->blocks[0].place = place_of(endpoints);
	read_part(&r, "endpoints", endpoints, &p->blocks[0]);
	if (binaries != NULL)
		read_part(&r, "binaries", binaries, &p->blocks[0]);
	else
		allow_every_program(&p->blocks[0]);
	report_leave(&r, before);
	report_leave(&r, section);
	validate(&r, p);
	return finish(p, bad, ret);
}
