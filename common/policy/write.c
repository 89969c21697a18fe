/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.c - a policy as canonical JSON, as YAML for people, and its hash.
 *
 * Both forms come from one tree, so that neither can leave out what the other
 * has.  Defaults are left out; JSON sorts the keys, YAML keeps the order in
 * which people write them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/policy/model.h"
#include "common/xalloc.h"
#include "common/yaml.h"

static struct yaml_node *
node_new(enum yaml_kind kind)
{
	struct yaml_node *node = xcalloc(1, sizeof(*node));

	node->kind = kind;
	return node;
}

static struct yaml_node *
new_text(const char *text, bool plain)
{
	struct yaml_node *node = node_new(YAML_SCALAR);

	node->text = xstrdup(text);
	node->plain = plain;
	return node;
}

static struct yaml_node *
new_string(const char *text)
{
	return new_text(text, false);
}

static struct yaml_node *
new_bool(bool value)
{
	return new_text(value ? "true" : "false", true);
}

static struct yaml_node *
new_number(unsigned value)
{
	autofree char *text = xasprintf("%u", value);

	return new_text(text, true);
}

static struct yaml_node *
add_item(struct yaml_node *list, struct yaml_node *item)
{
	list->items =
	    xreallocarray(list->items, list->n + 1, sizeof(*list->items));
	list->items[list->n++] = item;
	return item;
}

static struct yaml_node *
add(struct yaml_node *map, const char *key, struct yaml_node *value)
{
	map->keys = xreallocarray(map->keys, map->n + 1, sizeof(*map->keys));
	map->keys[map->n] = xstrdup(key);
	return add_item(map, value);
}

static void
add_string(struct yaml_node *map, const char *key, const char *value)
{
	if (value != NULL && value[0] != '\0')
		(void)add(map, key, new_string(value));
}

static struct yaml_node *
new_list(const struct string_list *list)
{
	struct yaml_node *node = node_new(YAML_SEQUENCE);

	for (size_t i = 0; i < list->n; i++)
		(void)add_item(node, new_string(list->v[i]));
	return node;
}

static void
add_list(struct yaml_node *map, const char *key, const struct string_list *list)
{
	if (list->n > 0)
		(void)add(map, key, new_list(list));
}

static struct yaml_node *
new_rule(const struct rule *rule)
{
	struct yaml_node *map = node_new(YAML_MAPPING);
	struct yaml_node *query;

	add_string(map, "method", rule->method);
	add_string(map, "path", rule->path);
	if (rule->n_query == 0)
		return map;
	query = add(map, "query", node_new(YAML_MAPPING));
	for (size_t i = 0; i < rule->n_query; i++) {
		const struct query_rule *q = &rule->query[i];

		if (!q->any) {
			(void)add(query, q->name, new_string(q->globs.v[0]));
			continue;
		}
		add_list(add(query, q->name, node_new(YAML_MAPPING)), "any",
		    &q->globs);
	}
	return map;
}

static void
add_rules(struct yaml_node *map, const struct endpoint *ep)
{
	struct yaml_node *list;

	if (ep->has_rules) {
		list = add(map, "rules", node_new(YAML_SEQUENCE));
		for (size_t i = 0; i < ep->rules.n; i++)
			(void)add(add_item(list, node_new(YAML_MAPPING)),
			    "allow", new_rule(&ep->rules.v[i]));
	}
	if (ep->has_deny_rules) {
		list = add(map, "deny_rules", node_new(YAML_SEQUENCE));
		for (size_t i = 0; i < ep->deny_rules.n; i++)
			(void)add_item(list, new_rule(&ep->deny_rules.v[i]));
	}
}

static void
add_ports(struct yaml_node *map, const struct endpoint *ep)
{
	struct yaml_node *list;

	if (ep->n_ports == 1) {
		(void)add(map, "port", new_number(ep->ports[0]));
		return;
	}
	list = add(map, "ports", node_new(YAML_SEQUENCE));
	for (size_t i = 0; i < ep->n_ports; i++)
		(void)add_item(list, new_number(ep->ports[i]));
}

static void
add_credentials(struct yaml_node *map, const struct endpoint *ep)
{
	static const char *const signings[] = { NULL, "sigv4", "sigv4:body",
		"sigv4:no_body" };

	add_string(map, "credential_signing", signings[ep->signing]);
	add_string(map, "signing_service", ep->signing_service);
	add_string(map, "signing_region", ep->signing_region);
	if (ep->provider != NULL)
		add_string(
		    add(map, "credential_binding", node_new(YAML_MAPPING)),
		    "provider", ep->provider);
	if (ep->rewrite_body)
		(void)add(
		    map, "request_body_credential_rewrite", new_bool(true));
	if (ep->allow_uninspected)
		(void)add(map, "allow_uninspected_credentials", new_bool(true));
}

static struct yaml_node *
new_endpoint(const struct endpoint *ep)
{
	static const char *const protocols[] = { NULL, "tcp", "rest" };
	static const char *const accesses[] = { NULL, "read-only", "read-write",
		"full" };
	struct yaml_node *map = node_new(YAML_MAPPING);

	add_string(map, "host", ep->host);
	add_ports(map, ep);
	add_string(map, "path", ep->path);
	add_string(map, "protocol", protocols[ep->protocol]);
	add_string(map, "tls", ep->tls == TLS_SKIP ? "skip" : NULL);
	add_string(map, "enforcement",
	    ep->enforcement == ENFORCEMENT_ENFORCE ? "enforce" : NULL);
	add_string(map, "access", accesses[ep->access]);
	add_rules(map, ep);
	add_list(map, "allowed_ips", &ep->allowed_ips);
	if (ep->allow_encoded_slash)
		(void)add(map, "allow_encoded_slash", new_bool(true));
	add_credentials(map, ep);
	return map;
}

static struct yaml_node *
new_block(const struct block *block)
{
	struct yaml_node *map = node_new(YAML_MAPPING);
	struct yaml_node *list;

	if (block->name != NULL && strcmp(block->name, block->key) != 0)
		(void)add(map, "name", new_string(block->name));
	list = add(map, "endpoints", node_new(YAML_SEQUENCE));
	for (size_t i = 0; i < block->n_endpoints; i++)
		(void)add_item(list, new_endpoint(&block->endpoints[i]));
	list = add(map, "binaries", node_new(YAML_SEQUENCE));
	for (size_t i = 0; i < block->n_binaries; i++) {
		struct yaml_node *b = add_item(list, node_new(YAML_MAPPING));

		add_string(b, "path", block->binaries[i].path);
		if (!block->binaries[i].ancestors)
			(void)add(b, "ancestors", new_bool(false));
	}
	return map;
}

static void
add_static(struct yaml_node *root, const struct policy *p)
{
	struct yaml_node *map;

	if (p->has_filesystem) {
		map = add(root, "filesystem_policy", node_new(YAML_MAPPING));
		if (p->include_workdir)
			(void)add(map, "include_workdir", new_bool(true));
		add_list(map, "read_only", &p->read_only);
		add_list(map, "read_write", &p->read_write);
	}
	if (p->landlock == POLICY_HARD_REQUIREMENT)
		add_string(add(root, "landlock", node_new(YAML_MAPPING)),
		    "compatibility", "hard_requirement");
	if (p->run_as_user != NULL || p->run_as_group != NULL) {
		map = add(root, "process", node_new(YAML_MAPPING));
		add_string(map, "run_as_user", p->run_as_user);
		add_string(map, "run_as_group", p->run_as_group);
	}
}

static struct yaml_node *
policy_tree(const struct policy *p)
{
	struct yaml_node *root = node_new(YAML_MAPPING);
	struct yaml_node *blocks;

	(void)add(root, "version", new_number(1));
	add_static(root, p);
	if (p->n_blocks == 0)
		return root;
	blocks = add(root, "network_policies", node_new(YAML_MAPPING));
	for (size_t i = 0; i < p->n_blocks; i++)
		(void)add(blocks, p->blocks[i].key, new_block(&p->blocks[i]));
	return root;
}

/* Texts hold no control characters: the reader refused them. */
static void
put_quoted(struct buf *out, const char *text)
{
	(void)buf_puts(out, "\"");
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			(void)buf_append(out, "\\", 1);
		(void)buf_append(out, text, 1);
	}
	(void)buf_puts(out, "\"");
}

static int
compare_keys(const void *a, const void *b, void *arg)
{
	const struct yaml_node *map = arg;

	return strcmp(
	    map->keys[*(const size_t *)a], map->keys[*(const size_t *)b]);
}

static void put_json(struct buf *, const struct yaml_node *);

static void
put_json_map(struct buf *out, const struct yaml_node *map)
{
	autofree size_t *order = xcalloc(map->n, sizeof(*order));

	for (size_t i = 0; i < map->n; i++)
		order[i] = i;
	qsort_r(order, map->n, sizeof(*order), compare_keys,
	    (void *)(uintptr_t)map);
	(void)buf_puts(out, "{");
	for (size_t i = 0; i < map->n; i++) {
		if (i > 0)
			(void)buf_puts(out, ",");
		put_quoted(out, map->keys[order[i]]);
		(void)buf_puts(out, ":");
		put_json(out, map->items[order[i]]);
	}
	(void)buf_puts(out, "}");
}

static void
put_json(struct buf *out, const struct yaml_node *node)
{
	if (node->kind == YAML_MAPPING) {
		put_json_map(out, node);
	} else if (node->kind == YAML_SEQUENCE) {
		(void)buf_puts(out, "[");
		for (size_t i = 0; i < node->n; i++) {
			if (i > 0)
				(void)buf_puts(out, ",");
			put_json(out, node->items[i]);
		}
		(void)buf_puts(out, "]");
	} else if (node->plain) {
		(void)buf_puts(out, node->text);
	} else {
		put_quoted(out, node->text);
	}
}

/* Would YAML read it back as the same string without quotes? */
static bool
needs_no_quotes(const char *s)
{
	static const char *const words[] = { "true", "false", "null", "yes",
		"no", "on", "off", "y", "n", NULL };
	bool letter = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
			     "WXYZ/_",
			  *s) != NULL;

	for (size_t i = 0; words[i] != NULL; i++)
		if (strcasecmp(words[i], s) == 0)
			return false;
	return *s != '\0' && letter &&
	       s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
			   "WXYZ0123456789/_-.+")] == '\0';
}

static void
put_yaml_text(struct buf *out, const char *text, bool plain)
{
	if (plain || needs_no_quotes(text))
		(void)buf_puts(out, text);
	else
		put_quoted(out, text);
}

static void put_yaml(struct buf *, const struct yaml_node *, int indent);

/* What stands behind "key:" or "-". */
static void
put_yaml_value(struct buf *out, const struct yaml_node *node, int indent)
{
	if (node->kind == YAML_SCALAR) {
		(void)buf_puts(out, " ");
		put_yaml_text(out, node->text, node->plain);
		(void)buf_puts(out, "\n");
	} else if (node->n == 0) {
		(void)buf_puts(
		    out, node->kind == YAML_MAPPING ? " {}\n" : " []\n");
	} else {
		(void)buf_puts(out, "\n");
		put_yaml(out, node, indent);
	}
}

static void
put_yaml(struct buf *out, const struct yaml_node *node, int indent)
{
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_node *item = node->items[i];

		(void)buf_printf(out, "%*s", indent, "");
		if (node->kind == YAML_MAPPING) {
			put_yaml_text(out, node->keys[i], false);
			(void)buf_puts(out, ":");
			put_yaml_value(out, item, indent + 2);
		} else if (item->kind == YAML_MAPPING && item->n > 0) {
			size_t start = out->len;

			/* The first key stands behind the dash. */
			put_yaml(out, item, indent + 2);
			buf_data(out)[start + (size_t)indent] = '-';
			memmove(buf_data(out) + start - indent,
			    buf_data(out) + start, out->len - start);
			out->len -= (size_t)indent;
		} else {
			(void)buf_puts(out, "-");
			put_yaml_value(out, item, indent + 2);
		}
	}
}

char *
policy_to_json(const struct policy *p)
{
	struct yaml_node *tree = policy_tree(p);
	struct buf out = BUF_INIT;

	put_json(&out, tree);
	yaml_node_free(tree);
	return buf_take_str(&out);
}

char *
policy_to_yaml(const struct policy *p)
{
	struct yaml_node *tree = policy_tree(p);
	struct buf out = BUF_INIT;

	put_yaml(&out, tree, 0);
	yaml_node_free(tree);
	return buf_take_str(&out);
}
