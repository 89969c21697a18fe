/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_logs.c - openshell logs: what was allowed, what was denied, and why. */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/output.h"
#include "common/cleanup.h"
#include "common/when.h"
#include "common/wire/gateway.h"
#include "common/xalloc.h"

#define LIMIT_DEFAULT 200

struct logs_options {
	long limit;
	bool tail;
	const char *since;
	struct list source;
	const char *level;
	const char *output;
};

#define O(member) offsetof(struct logs_options, member)
static const struct option_row logs_rows[] = {
	{ "lines", 'n', OPTION_NUMBER, O(limit), "N",
	    "the last N lines (200)" },
	{ "tail", 'f', OPTION_FLAG, O(tail), NULL, "go on with new lines" },
	{ "since", 0, OPTION_STRING, O(since), "30s|5m|1h",
	    "lines that are no older" },
	{ "source", 0, OPTION_LIST, O(source), "SOURCE",
	    "all, gateway or sandbox (all)" },
	{ "level", 0, OPTION_STRING, O(level), "LEVEL",
	    "error, warn, info, debug or trace, and what is worse (info)" },
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "table, or json: an object a line" },
	{ NULL },
};
#undef O

static bool
is_one_of(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

/* "5m" ago as a time; -1 and an error said. */
static int64_t
parse_since(const char *text)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	size_t digits = strspn(text, "0123456789");

	for (size_t i = 0; digits > 0 && digits < 10 && i < 3; i++)
		if (strcmp(text + digits, units[i].unit) == 0)
			return when_now_ms() -
			       strtol(text, NULL, 10) * units[i].ms;
	(void)complain("--since '%s': a number with s, m or h (seconds, "
		       "minutes, hours)",
	    text);
	return -1;
}

static enum colour
colour_of(const char *level)
{
	return strcmp(level, "error") == 0  ? RED
	       : strcmp(level, "warn") == 0 ? YELLOW
	       : strcmp(level, "info") == 0 ? GREEN
					    : DIM;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(
	    ((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

/* Quoted where a reader could not tell where it ends. */
static void
print_value(const struct pair *p)
{
	bool quoted = p->value[0] == '\0' || strpbrk(p->value, " \"=") != NULL;
	enum colour colour = PLAIN;

	if (strcmp(p->value, "deny") == 0)
		colour = RED;
	else if (strcmp(p->value, "allow") == 0)
		colour = GREEN;
	if (quoted)
		(void)putchar('"');
	for (const char *s = p->value; quoted && *s != '\0';) {
		size_t n = strcspn(s, "\"\\");
		autofree char *piece = xstrndup(s, n);

		print_text(stdout, colour, piece);
		s += n;
		if (*s != '\0')
			printf("\\%c", *s++);
	}
	if (quoted)
		(void)putchar('"');
	else
		print_text(stdout, colour, p->value);
}

static void
print_line(const struct log_event *e)
{
	autofree struct pair *fields =
	    xcalloc(e->fields.n + 1, sizeof(*fields));
	char level[6];
	size_t n = 0;

	if (e->fields.n > 0)
		memcpy(fields, e->fields.v, e->fields.n * sizeof(*fields));
	qsort(fields, e->fields.n, sizeof(*fields), by_name);
	for (; n < 5 && e->level[n] != '\0'; n++)
		level[n] = (char)toupper((unsigned char)e->level[n]);
	for (; n < 5; n++)
		level[n] = ' ';
	level[5] = '\0';
	printf("[%lld.%03lld] [%-7s] [", (long long)(e->time_ms / 1000),
	    (long long)(e->time_ms % 1000),
	    e->source != NULL && e->source[0] != '\0' ? e->source : "gateway");
	print_text(stdout, colour_of(e->level), level);
	printf("] [%s] ", e->target != NULL ? e->target : "-");
	print_text(stdout, BOLD, e->message);
	for (size_t i = 0; i < e->fields.n; i++) {
		(void)putchar(' ');
		print_text(stdout, DIM, fields[i].name);
		(void)putchar('=');
		print_value(&fields[i]);
	}
	(void)putchar('\n');
}

static void
print_json_line(const struct log_event *e)
{
	cJSON *tree = cJSON_CreateObject();
	cJSON *fields;
	char *text;

	cJSON_AddNumberToObject(tree, "time_ms", (double)e->time_ms);
	cJSON_AddStringToObject(tree, "source", e->source);
	cJSON_AddStringToObject(tree, "level", e->level);
	cJSON_AddStringToObject(
	    tree, "target", e->target != NULL ? e->target : "");
	cJSON_AddStringToObject(tree, "message", e->message);
	fields = cJSON_AddObjectToObject(tree, "fields");
	for (size_t i = 0; i < e->fields.n; i++)
		cJSON_AddStringToObject(
		    fields, e->fields.v[i].name, e->fields.v[i].value);
	text = cJSON_PrintUnformatted(tree);
	puts(text);
	free(text);
	cJSON_Delete(tree);
}

static void
print_events(void *arg, const void *reply)
{
	const struct gateway_log_events *r = reply;
	const struct log_event *e = r->events.v;
	const enum format *format = arg;

	for (size_t i = 0; i < r->events.n; i++) {
		if (*format == FORMAT_JSON)
			print_json_line(&e[i]);
		else
			print_line(&e[i]);
	}
	/* A reader at the other end of a pipe waits for them. */
	if (fflush(stdout) != 0)
		exit(EXIT_DONE);
}

static int
fill(const struct logs_options *o, struct gateway_logs *ret)
{
	static const char *const sources[] = { "all", "gateway", "sandbox",
		NULL };
	static const char *const levels[] = { "error", "warn", "info", "debug",
		"trace", NULL };
	bool all = false;

	ret->limit = o->limit > 0 ? o->limit : LIMIT_DEFAULT;
	ret->level = o->level;
	ret->follow = o->tail;
	if (o->level != NULL && !is_one_of(o->level, levels))
		return complain("--level '%s': error, warn, info, debug or "
				"trace",
		    o->level);
	for (size_t i = 0; i < o->source.n; i++) {
		const char *source = o->source.v[i];

		if (!is_one_of(source, sources))
			return complain("--source '%s': all, gateway or "
					"sandbox",
			    source);
		all = all || strcmp(source, "all") == 0 ||
		      (ret->source != NULL && strcmp(ret->source, source) != 0);
		ret->source = source;
	}
	if (all)
		ret->source = NULL;
	if (o->since != NULL) {
		ret->since_ms = parse_since(o->since);
		if (ret->since_ms < 0)
			return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static int
run_logs(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct logs_options *o = options;
	struct gateway_logs params = { 0 };
	autofree char *name = NULL;
	enum format format;

	if (format_parse(o->output, &format) < 0 ||
	    fill(o, &params) != EXIT_DONE)
		return EXIT_USAGE;
	name = cli_sandbox_name(cli, a->names.n > 0 ? a->names.v[0] : NULL);
	if (name == NULL || cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	params.name = name;
	return cli_call(
	    cli, &gateway_logs_method, &params, print_events, &format);
}

const struct command log_commands[] = {
	{ NULL, "logs", "lg", "[NAME]", "what was allowed and denied, and why",
	    logs_rows, sizeof(struct logs_options), 1, false, false, run_logs },
	{ NULL },
};
