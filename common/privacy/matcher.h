/* SPDX-License-Identifier: Apache-2.0 */
/*
 * matcher.h - a compiled configuration, and what it finds in one text; inside
 * common/privacy/.
 */
#ifndef COMMON_PRIVACY_MATCHER_H
#define COMMON_PRIVACY_MATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/privacy/privacy.h"

struct pattern;
struct pattern_work;
struct text;
struct words;

struct privacy_rule {
	enum privacy_type type;
	enum privacy_action action;
	bool restore;
	char *name;                       /* of pattern and literal */
	char label[PRIVACY_NAME_MAX + 1]; /* of its placeholders */
	struct pattern *pattern;
	uint64_t countries;
};

struct privacy_matcher {
	struct privacy_rule *rules;
	size_t n;
	int of_type[PRIVACY_TYPE_MAX_]; /* of a built-in its rule, or -1 */
	struct words *words;            /* NULL: none */
};

/* A rule's find. */
struct span {
	size_t start;
	size_t end;
	unsigned rule;
	const char *kind; /* the matcher's, or const static */
};

struct scanner {
	const struct privacy_matcher *matcher;
	struct pattern_work *work;
	struct span *spans; /* by start; those of one rule don't overlap */
	size_t n;
	size_t cap;
};

/* bytes: of all texts together. */
void scanner_init(
    struct scanner *, const struct privacy_matcher *, size_t bytes);
void scanner_clear(struct scanner *);
/* Fills spans, anew.  is_valid: the text is known to be UTF-8. */
int scanner_run(
    struct scanner *, const struct text *, bool is_valid, struct error *);
/* For the passes over a text; beyond PRIVACY_SPANS_MAX only counted. */
void scanner_add(struct scanner *, enum privacy_type, size_t start, size_t end,
    const char *kind);

/* The built-in detectors, in one pass. */
void builtin_run(struct scanner *, const struct text *);

#endif
