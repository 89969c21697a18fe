/* SPDX-License-Identifier: Apache-2.0 */
/* output.c - see output.h. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "common/cleanup.h"
#include "common/field.h"
#include "common/utf8.h"
#include "common/xalloc.h"

static const char *const escapes[] = {
	[PLAIN] = "",
	[BOLD] = "\033[1m",
	[DIM] = "\033[2m",
	[RED] = "\033[31m",
	[GREEN] = "\033[32m",
	[YELLOW] = "\033[33m",
	[CYAN] = "\033[36m",
};

int
format_parse(const char *name, enum format *ret)
{
	static const char *const names[] = { "table", "json", "yaml" };

	*ret = FORMAT_TABLE;
	if (name == NULL)
		return 0;
	for (int i = 0; i < 3; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = (enum format)i;
			return 0;
		}
	}
	(void)complain("-o takes table, json or yaml, not '%s'", name);
	return -1;
}

bool
has_colour(FILE *f)
{
	const char *no = getenv("NO_COLOR");

	return isatty(fileno(f)) && (no == NULL || no[0] == '\0');
}

/* What came from a sandbox must not move our cursor. */
static void
put_escaped(FILE *f, const char *s)
{
	while (*s != '\0') {
		size_t n = utf8_length(s);

		if (n == 0 || utf8_is_control(s)) {
			n = n == 0 ? 1 : n;
			for (size_t i = 0; i < n; i++)
				fprintf(f, "\\x%02x", (unsigned char)s[i]);
		} else {
			(void)fwrite(s, 1, n, f);
		}
		s += n;
	}
}

void
print_text(FILE *f, enum colour colour, const char *text)
{
	bool coloured = colour != PLAIN && has_colour(f);

	if (coloured)
		(void)fputs(escapes[colour], f);
	put_escaped(f, text);
	if (coloured)
		(void)fputs("\033[0m", f);
}

/* Pretty JSON as people and programs expect it: cJSON's has tabs. */
static void
put_json(const cJSON *node, int indent)
{
	bool is_map = cJSON_IsObject(node);
	const cJSON *child;

	if (!is_map && !cJSON_IsArray(node)) {
		char *text = cJSON_PrintUnformatted(node);

		(void)fputs(text, stdout);
		free(text);
		return;
	}
	if (node->child == NULL) {
		(void)fputs(is_map ? "{}" : "[]", stdout);
		return;
	}
	(void)fputs(is_map ? "{\n" : "[\n", stdout);
	cJSON_ArrayForEach(child, node)
	{
		printf("%*s", indent + 2, "");
		if (is_map) {
			cJSON *key = cJSON_CreateString(child->string);

			put_json(key, 0);
			cJSON_Delete(key);
			(void)fputs(": ", stdout);
		}
		put_json(child, indent + 2);
		(void)fputs(child->next != NULL ? ",\n" : "\n", stdout);
	}
	printf("%*s%s", indent, "", is_map ? "}" : "]");
}

static bool
is_plain_yaml(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ/_";
	static const char *const words[] = { "true", "false", "null", "yes",
		"no", "on", "off", "y", "n", NULL };

	for (size_t i = 0; words[i] != NULL; i++)
		if (strcasecmp(words[i], s) == 0)
			return false;
	return s[0] != '\0' && strchr(letters, s[0]) != NULL &&
	       s[strspn(s, "abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_.+-")] ==
		   '\0';
}

static void
put_yaml_scalar(const cJSON *node, FILE *f)
{
	char *text;

	if (cJSON_IsString(node) && is_plain_yaml(node->valuestring)) {
		(void)fputs(node->valuestring, f);
		return;
	}
	/* A JSON scalar is a YAML scalar. */
	text = cJSON_PrintUnformatted(node);
	(void)fputs(text, f);
	free(text);
}

static bool
is_collection(const cJSON *node)
{
	return (cJSON_IsObject(node) || cJSON_IsArray(node)) &&
	       node->child != NULL;
}

static void
put_yaml_value(const cJSON *node, int indent, FILE *f)
{
	if (is_collection(node)) {
		(void)fputs("\n", f);
		print_yaml(node, indent, f);
		return;
	}
	(void)fputs(" ", f);
	put_yaml_scalar(node, f);
	(void)fputs("\n", f);
}

void
print_yaml(const cJSON *node, int indent, FILE *f)
{
	const cJSON *child;

	if (!is_collection(node)) {
		fprintf(f, "%*s", indent, "");
		put_yaml_scalar(node, f);
		(void)fputs("\n", f);
		return;
	}
	cJSON_ArrayForEach(child, node)
	{
		fprintf(f, "%*s", indent, "");
		if (cJSON_IsArray(node)) {
			(void)fputs("-", f);
		} else {
			cJSON *key = cJSON_CreateString(child->string);

			put_yaml_scalar(key, f);
			cJSON_Delete(key);
			(void)fputs(":", f);
		}
		put_yaml_value(child, indent + 2, f);
	}
}

void
print_tree(cJSON *tree, enum format format)
{
	if (format == FORMAT_YAML) {
		print_yaml(tree, 0, stdout);
	} else {
		put_json(tree, 0);
		(void)fputs("\n", stdout);
	}
	cJSON_Delete(tree);
}

void
table_add(struct table *t, enum colour colour, const char *text)
{
	size_t n = t->columns * t->rows;
	size_t at = n;

	/* The cells of the row that is being filled stand behind. */
	while (t->cells != NULL && t->cells[at] != NULL)
		at++;
	t->cells = xreallocarray(t->cells, at + 2, sizeof(*t->cells));
	t->colours = xreallocarray(t->colours, at + 2, sizeof(*t->colours));
	t->cells[at] = xstrdup(text);
	t->colours[at] = colour;
	t->cells[at + 1] = NULL;
	if (at + 1 == n + t->columns)
		t->rows++;
}

void
table_print(struct table *t)
{
	for (size_t row = 0; row < t->rows; row++) {
		for (size_t col = 0; col < t->columns; col++) {
			size_t at = row * t->columns + col;
			size_t width = 0;

			for (size_t i = 0; i < t->rows; i++) {
				size_t n =
				    strlen(t->cells[i * t->columns + col]);

				width = n > width ? n : width;
			}
			print_text(stdout, row == 0 ? BOLD : t->colours[at],
			    t->cells[at]);
			if (col + 1 < t->columns)
				printf("%*s",
				    (int)(width - strlen(t->cells[at])) + 2,
				    "");
		}
		(void)fputs("\n", stdout);
	}
	for (size_t i = 0; i < t->rows * t->columns; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t->colours);
}

cJSON *
tree_of_list(const struct strings *list)
{
	cJSON *tree = cJSON_CreateArray();

	for (size_t i = 0; i < list->n; i++)
		cJSON_AddItemToArray(tree, cJSON_CreateString(list->v[i]));
	return tree;
}

char *
list_text(const struct strings *list)
{
	size_t size = 1, n = 0;
	char *text;

	for (size_t i = 0; i < list->n; i++)
		size += strlen(list->v[i]) + 2;
	text = xcalloc(1, size);
	for (size_t i = 0; i < list->n; i++)
		n += (size_t)snprintf(
		    text + n, size - n, "%s%s", i > 0 ? ", " : "", list->v[i]);
	return text;
}

const char *
format_time(int64_t ms, char ret[32])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	(void)gmtime_r(&seconds, &tm);
	(void)strftime(ret, 32, "%Y-%m-%d %H:%M:%S", &tm);
	return ret;
}
