/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h - tables for people, JSON and YAML for programs, of the same tree.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cJSON;
struct strings;

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_YAML };

/* NULL is a table.  -1 and an error said if there is no such format. */
int format_parse(const char *name, enum format *ret);

/* Pretty JSON with two spaces, or YAML; frees the tree. */
void print_tree(struct cJSON *, enum format);
/* The same tree as YAML, each line indented; the tree stays. */
void print_yaml(const struct cJSON *, int indent, FILE *);

enum colour { PLAIN, BOLD, DIM, RED, GREEN, YELLOW, CYAN };
bool has_colour(FILE *);
/* The text in a colour where there are colours; control characters escaped. */
void print_text(FILE *, enum colour, const char *text);

/* Rows of cells; the first is the heading.  Widths fit what is in them. */
struct table {
	size_t columns;
	size_t rows;
	char **cells; /* owned */
	enum colour *colours;
};
void table_add(struct table *, enum colour, const char *text);
/* Prints with two spaces between columns, and frees. */
void table_print(struct table *);

struct cJSON *tree_of_list(const struct strings *);
/* "a, b, c"; owned. */
char *list_text(const struct strings *);

/* "2026-03-24 10:15:02", UTC. */
const char *format_time(int64_t ms, char ret[32]);

#endif
