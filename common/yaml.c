/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml.c - see yaml.h.
 *
 * libyaml's events become nodes; the recursion is as deep as the document,
 * which YAML_DEPTH_MAX bounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/xalloc.h"
#include "common/yaml.h"

struct reader {
	yaml_parser_t parser;
	struct yaml_error *error;
	unsigned depth;
};

static int
fail(struct reader *r, const yaml_mark_t *mark, const char *text)
{
	r->error->line = (unsigned)mark->line + 1;
	r->error->column = (unsigned)mark->column + 1;
	(void)snprintf(r->error->text, sizeof(r->error->text), "%s", text);
	return -1;
}

static int
fail_parser(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	char text[sizeof(r->error->text)];

	(void)snprintf(text, sizeof(text), "%s%s%s",
	    p->context != NULL ? p->context : "",
	    p->context != NULL ? ": " : "",
	    p->problem != NULL ? p->problem : "not YAML");
	return fail(r, &p->problem_mark, text);
}

static int
next(struct reader *r, yaml_event_t *event)
{
	return yaml_parser_parse(&r->parser, event) ? 0 : fail_parser(r);
}

static struct yaml_node *
node_new(const yaml_event_t *event, enum yaml_kind kind)
{
	struct yaml_node *node = xcalloc(1, sizeof(*node));

	node->kind = kind;
	node->line = (unsigned)event->start_mark.line + 1;
	node->column = (unsigned)event->start_mark.column + 1;
	return node;
}

static int read_node(
    struct reader *, const yaml_event_t *, struct yaml_node **ret);

static int
read_scalar(struct reader *r, const yaml_event_t *event, struct yaml_node **ret)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;

	if (event->data.scalar.anchor != NULL)
		return fail(r, &event->start_mark, "anchors are not allowed");
	if (event->data.scalar.tag != NULL)
		return fail(r, &event->start_mark, "tags are not allowed");
	if (memchr(value, '\0', length) != NULL)
		return fail(r, &event->start_mark, "NUL bytes are not allowed");
	*ret = node_new(event, YAML_SCALAR);
	(*ret)->text = xstrndup(value, length);
	(*ret)->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return 0;
}

static void
append(struct yaml_node *node, char *key, struct yaml_node *item)
{
	/* Powers of two: the array grows when n is one. */
	if ((node->n & (node->n - 1)) == 0) {
		size_t cap = node->n == 0 ? 1 : node->n * 2;

		node->items =
		    xreallocarray(node->items, cap, sizeof(*node->items));
		if (node->kind == YAML_MAPPING)
			node->keys =
			    xreallocarray(node->keys, cap, sizeof(*node->keys));
	}
	if (node->kind == YAML_MAPPING)
		node->keys[node->n] = key;
	node->items[node->n++] = item;
}

static bool
has_key(const struct yaml_node *node, const char *key)
{
	for (size_t i = 0; i < node->n; i++)
		if (strcmp(node->keys[i], key) == 0)
			return true;
	return false;
}

static int
read_key(struct reader *r, const struct yaml_node *node,
    const yaml_event_t *event, char **ret)
{
	const char *key;
	char text[128];

	if (event->type == YAML_ALIAS_EVENT)
		return fail(r, &event->start_mark, "aliases are not allowed");
	if (event->type != YAML_SCALAR_EVENT)
		return fail(r, &event->start_mark, "a key must be a string");
	key = (const char *)event->data.scalar.value;
	if (memchr(key, '\0', event->data.scalar.length) != NULL)
		return fail(r, &event->start_mark, "NUL bytes are not allowed");
	if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL)
		return fail(
		    r, &event->start_mark, "anchors and tags are not allowed");
	if (node->n >= YAML_KEYS_MAX)
		return fail(r, &event->start_mark, "too many keys");
	if (has_key(node, key)) {
		(void)snprintf(
		    text, sizeof(text), "duplicate key '%.80s'", key);
		return fail(r, &event->start_mark, text);
	}
	*ret = xstrdup(key);
	return 0;
}

static int
read_items(struct reader *r, struct yaml_node *node, yaml_event_type_t end)
{
	for (;;) {
		yaml_event_t event;
		struct yaml_node *item = NULL;
		char *key = NULL;
		int result = 0;

		if (next(r, &event) < 0)
			return -1;
		if (event.type == end) {
			yaml_event_delete(&event);
			return 0;
		}
		if (node->kind == YAML_MAPPING) {
			result = read_key(r, node, &event, &key);
			yaml_event_delete(&event);
			if (result == 0 && next(r, &event) < 0)
				result = -1;
			if (result < 0) {
				free(key);
				return -1;
			}
		}
		result = read_node(r, &event, &item);
		yaml_event_delete(&event);
		if (result < 0) {
			free(key);
			return -1;
		}
		append(node, key, item);
	}
}

static int
read_collection(struct reader *r, const yaml_event_t *event,
    enum yaml_kind kind, struct yaml_node **ret)
{
	bool is_map = kind == YAML_MAPPING;
	const yaml_char_t *anchor = is_map ? event->data.mapping_start.anchor
					   : event->data.sequence_start.anchor;
	const yaml_char_t *tag = is_map ? event->data.mapping_start.tag
					: event->data.sequence_start.tag;
	struct yaml_node *node;
	int result;

	if (anchor != NULL)
		return fail(r, &event->start_mark, "anchors are not allowed");
	if (tag != NULL)
		return fail(r, &event->start_mark, "tags are not allowed");
	if (r->depth == YAML_DEPTH_MAX)
		return fail(r, &event->start_mark, "nested too deep");
	node = node_new(event, kind);
	r->depth++;
	result = read_items(
	    r, node, is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT);
	r->depth--;
	if (result < 0) {
		yaml_node_free(node);
		return -1;
	}
	*ret = node;
	return 0;
}

static int
read_node(struct reader *r, const yaml_event_t *event, struct yaml_node **ret)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(r, event, ret);
	case YAML_SEQUENCE_START_EVENT:
		return read_collection(r, event, YAML_SEQUENCE, ret);
	case YAML_MAPPING_START_EVENT:
		return read_collection(r, event, YAML_MAPPING, ret);
	case YAML_ALIAS_EVENT:
		return fail(r, &event->start_mark, "aliases are not allowed");
	default:
		return fail(r, &event->start_mark, "not YAML");
	}
}

/* What must come next in the stream around the one document. */
static int
expect(struct reader *r, yaml_event_type_t type, const char *otherwise)
{
	yaml_event_t event;
	int result = 0;

	if (next(r, &event) < 0)
		return -1;
	if (event.type != type)
		result = fail(r, &event.start_mark, otherwise);
	yaml_event_delete(&event);
	return result;
}

static int
read_document(struct reader *r, struct yaml_node **ret)
{
	yaml_event_t event;
	int result;

	if (next(r, &event) < 0)
		return -1;
	if (event.type == YAML_STREAM_END_EVENT) {
		*ret = node_new(&event, YAML_SCALAR);
		(*ret)->text = xstrdup("");
		(*ret)->plain = true;
		yaml_event_delete(&event);
		return 0;
	}
	yaml_event_delete(&event);

	if (next(r, &event) < 0)
		return -1;
	result = read_node(r, &event, ret);
	yaml_event_delete(&event);
	if (result < 0)
		return -1;
	if (expect(r, YAML_DOCUMENT_END_EVENT, "not YAML") == 0 &&
	    expect(r, YAML_STREAM_END_EVENT, "only one document is allowed") ==
		0)
		return 0;
	yaml_node_free(*ret);
	*ret = NULL;
	return -1;
}

int
yaml_read(const char *text, size_t len, struct yaml_node **ret,
    struct yaml_error *error)
{
	struct reader r = { .error = error };
	struct yaml_node *node = NULL;
	int result;

	if (!yaml_parser_initialize(&r.parser))
		abort(); /* out of memory */
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
	    &r.parser, (const unsigned char *)text, len);
	result = expect(&r, YAML_STREAM_START_EVENT, "not YAML");
	if (result == 0)
		result = read_document(&r, &node);
	yaml_parser_delete(&r.parser);
	if (result == 0)
		*ret = node;
	return result;
}

void
yaml_node_free(struct yaml_node *node)
{
	if (node == NULL)
		return;
	for (size_t i = 0; i < node->n; i++) {
		if (node->keys != NULL)
			free(node->keys[i]);
		yaml_node_free(node->items[i]);
	}
	free(node->keys);
	free(node->items);
	free(node->text);
	free(node);
}

bool
yaml_node_is_null(const struct yaml_node *node)
{
	return node->kind == YAML_SCALAR && node->plain &&
	       (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
		   strcmp(node->text, "null") == 0);
}
