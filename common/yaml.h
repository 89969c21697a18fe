/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml.h - a YAML document as a tree, the only module that speaks libyaml.
 *
 * A small language on purpose: one document; no anchors, aliases or tags
 * (billion laughs, and types that change behind the author's back); string
 * keys, each once; YAML_DEPTH_MAX levels.  Input is hostile; its size is the
 * caller's to bound, the tree is linear in it.
 */
#ifndef COMMON_YAML_H
#define COMMON_YAML_H

#include <stdbool.h>
#include <stddef.h>

#define YAML_DEPTH_MAX 16
#define YAML_KEYS_MAX 1024 /* of one mapping: duplicates are sought */

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
	enum yaml_kind kind;
	unsigned line; /* from 1 */
	unsigned column;
	char *text; /* of a scalar: UTF-8, without NUL bytes inside */
	bool plain; /* a scalar without quotes: 80, true, null mean something */
	size_t n;
	char **keys;              /* of a mapping */
	struct yaml_node **items; /* of a sequence; a mapping's values */
};

struct yaml_error {
	unsigned line;
	unsigned column;
	char text[160];
};

/* -1 with the first error.  An empty document is a plain empty scalar. */
int yaml_read(
    const char *text, size_t len, struct yaml_node **ret, struct yaml_error *);
void yaml_node_free(struct yaml_node *);

/* Nothing was written: an empty plain scalar, ~ or null. */
bool yaml_node_is_null(const struct yaml_node *);

#endif
