/* SPDX-License-Identifier: Apache-2.0 */
/* command.c - see command.h. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "common/cleanup.h"
#include "common/xalloc.h"

#define HELP_COLUMN 30

static const struct command_group groups[] = {
	{ "sandbox", "sb", "SANDBOX COMMANDS", "make and use sandboxes" },
	{ "policy", "pol", "SANDBOX COMMANDS", "what a sandbox may do" },
	{ "provider", NULL, "MODELS AND CREDENTIALS",
	    "credentials that agents use and never hold" },
	{ "inference", NULL, "MODELS AND CREDENTIALS",
	    "which model answers at https://inference.local" },
	{ "provider refresh", NULL, NULL,
	    "credentials that are fetched anew before they expire" },
	{ "sandbox provider", NULL, NULL, "which providers it may use" },
	{ "provider profile", NULL, NULL, "the files that describe types" },
	{ "gateway", "gw", "GATEWAY COMMANDS", "the background service" },
	{ NULL, NULL, NULL, NULL },
};

static const struct command *const tables[] = { sandbox_commands,
	attach_commands, policy_commands, provider_commands, profile_commands,
	refresh_commands, inference_commands, gateway_commands, log_commands,
	NULL };

static const struct option_row help_row = { "help", 'h', OPTION_FLAG, 0, NULL,
	"show this text" };

static bool
is_called(const char *word, const char *name, const char *alias)
{
	return strcmp(word, name) == 0 ||
	       (alias != NULL && strcmp(word, alias) == 0);
}

static const struct command_group *
find_group(const char *word)
{
	for (const struct command_group *g = groups; g->name != NULL; g++)
		if (is_called(word, g->name, g->alias))
			return g;
	return NULL;
}

/* The word behind a group's name; NULL if s isn't a group within g. */
static const char *
word_within(const struct command_group *g, const struct command_group *s)
{
	size_t n = strlen(g->name);

	return strncmp(s->name, g->name, n) == 0 && s->name[n] == ' '
		   ? s->name + n + 1
		   : NULL;
}

static const struct command_group *
find_subgroup(const struct command_group *within, const char *word)
{
	for (const struct command_group *g = groups; g->name != NULL; g++) {
		const char *name = word_within(within, g);

		if (name != NULL && strcmp(name, word) == 0)
			return g;
	}
	return NULL;
}

static const struct command *
find_command(const char *group, const char *word)
{
	for (size_t i = 0; tables[i] != NULL; i++) {
		for (const struct command *c = tables[i]; c->name != NULL;
		     c++) {
			bool same = group == NULL || c->group == NULL
					? group == c->group
					: strcmp(group, c->group) == 0;

			if (same && is_called(word, c->name, c->alias))
				return c;
		}
	}
	return NULL;
}

static void
print_row(const char *left, const char *right)
{
	printf("  %-*s %s\n", HELP_COLUMN, left, right);
}

static void
print_commands(const char *group)
{
	for (size_t i = 0; tables[i] != NULL; i++)
		for (const struct command *c = tables[i]; c->name != NULL; c++)
			if (group == NULL ? c->group == NULL
					  : c->group != NULL &&
						strcmp(group, c->group) == 0)
				print_row(c->name, c->summary);
}

static int
help_top(void)
{
	const char *heading = "";

	printf("openshell - run programs that nobody has read, safely\n\n"
	       "usage: openshell [FLAGS] COMMAND ...\n");
	for (const struct command_group *g = groups; g->name != NULL; g++) {
		if (g->heading == NULL)
			continue;
		if (strcmp(heading, g->heading) != 0)
			printf("\n%s\n", g->heading);
		heading = g->heading;
		print_row(g->name, g->summary);
	}
	printf("\nADDITIONAL COMMANDS\n");
	print_commands(NULL);
	printf("\nFLAGS\n");
	print_row("-v, -vv", "say more of what is done");
	print_row("-h, --help", "show this text, also behind any command");
	print_row("-V, --version", "show the version");
	printf("\nEXAMPLES\n"
	       "  openshell sandbox create --name demo -- sh -c 'echo hello'\n"
	       "  openshell policy set demo --policy policy.yaml --wait\n"
	       "  openshell logs demo --tail\n"
	       "\nLEARN MORE\n"
	       "  man openshell\n");
	return EXIT_DONE;
}

static int
help_group(const struct command_group *g)
{
	printf("openshell %s - %s\n\nusage: openshell %s COMMAND ...\n\n"
	       "COMMANDS\n",
	    g->name, g->summary, g->name);
	print_commands(g->name);
	for (const struct command_group *s = groups; s->name != NULL; s++)
		if (word_within(g, s) != NULL)
			print_row(word_within(g, s), s->summary);
	return EXIT_DONE;
}

static void
print_option(const struct option_row *o)
{
	char letter[8] = "    ";
	autofree char *left = NULL;

	if (o->letter != 0)
		(void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	left = xasprintf("%s--%s%s%s", letter, o->name,
	    o->metavar != NULL ? " " : "",
	    o->metavar != NULL ? o->metavar : "");
	print_row(left, o->help);
}

static int
help_command(const struct command *c)
{
	const char *group = c->group != NULL ? c->group : "";
	const char *space = c->group != NULL ? " " : "";

	printf(
	    "openshell %s%s%s - %s\n\nusage: openshell %s%s%s [FLAGS]%s%s\n\n"
	    "FLAGS\n",
	    group, space, c->name, c->summary, group, space, c->name,
	    c->usage[0] != '\0' ? " " : "", c->usage);
	for (const struct option_row *o = c->options;
	     o != NULL && o->name != NULL; o++)
		if (o->kind != OPTION_LATER)
			print_option(o);
	print_option(&help_row);
	return EXIT_DONE;
}

/* Every usage error ends here. */
__attribute__((format(printf, 2, 3))) static int
usage(const struct command *c, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "error: ");
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (c == NULL)
		fprintf(stderr, "\nhint: openshell --help\n");
	else
		fprintf(stderr, "\nhint: openshell %s%s%s --help\n",
		    c->group != NULL ? c->group : "",
		    c->group != NULL ? " " : "", c->name);
	return EXIT_USAGE;
}

static const struct option_row *
find_option(const struct command *c, const char *name, size_t n, char letter)
{
	for (const struct option_row *o = c->options;
	     o != NULL && o->name != NULL; o++)
		if (letter != 0 ? o->letter == letter
				: strlen(o->name) == n &&
				      strncmp(o->name, name, n) == 0)
			return o;
	return NULL;
}

static void
append(struct list *list, const char *value)
{
	list->v = xreallocarray(list->v, list->n + 1, sizeof(*list->v));
	list->v[list->n++] = value;
}

static int
set_option(const struct command *c, const struct option_row *o,
    const char *value, void *options)
{
	void *member = (char *)options + o->offset;
	char *rest;

	switch (o->kind) {
	case OPTION_FLAG:
		*(bool *)member = true;
		break;
	case OPTION_STRING:
		*(const char **)member = value;
		break;
	case OPTION_LIST:
		append(member, value);
		break;
	case OPTION_NUMBER:
		assert(value != NULL); /* its row has a metavar */
		errno = 0;
		*(long *)member = strtol(value, &rest, 10);
		if (value[0] < '0' || value[0] > '9' || *rest != '\0' ||
		    errno != 0)
			return usage(
			    c, "--%s needs a number, not '%s'", o->name, value);
		break;
	case OPTION_IGNORED:
		break;
	case OPTION_LATER:
		return usage(c, "--%s is not supported yet", o->name);
	}
	return EXIT_DONE;
}

struct parser {
	const struct command *command;
	int argc;
	char **argv;
	int at;
	void *options;
	struct arguments *arguments;
	bool help;
};

/* One word that starts with a hyphen. */
static int
parse_option(struct parser *p)
{
	const char *word = p->argv[p->at];
	bool is_long = word[1] == '-';
	const char *name = is_long ? word + 2 : word + 1;
	const char *equals = is_long ? strchr(name, '=') : NULL;
	size_t n = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct option_row *o;
	const char *value = equals != NULL ? equals + 1 : NULL;

	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		p->help = true;
		return EXIT_DONE;
	}
	o = find_option(p->command, name, n, is_long ? 0 : name[0]);
	if (o == NULL)
		return usage(p->command, "unknown flag '%s'", word);
	if (!is_long && name[1] != '\0')
		value = name + 1; /* -n5 */
	if (o->metavar == NULL && value != NULL)
		return usage(p->command, "--%s takes no value", o->name);
	if (o->metavar != NULL && value == NULL) {
		if (p->at + 1 >= p->argc && o->kind != OPTION_LATER)
			return usage(p->command, "--%s needs a value: %s",
			    o->name, o->metavar);
		if (o->kind != OPTION_LATER)
			value = p->argv[++p->at];
	}
	return set_option(p->command, o, value, p->options);
}

static int
parse(struct parser *p)
{
	const struct command *c = p->command;
	struct arguments *a = p->arguments;

	for (; p->at < p->argc; p->at++) {
		const char *word = p->argv[p->at];
		int r = EXIT_DONE;

		if (strcmp(word, "--") == 0) {
			p->at++;
			break;
		}
		if (word[0] == '-' && word[1] != '\0')
			r = parse_option(p);
		else if (c->names_are_command)
			break;
		else if (a->names.n == c->names_max)
			r = usage(c, "unexpected argument '%s'", word);
		else
			append(&a->names, word);
		if (r != EXIT_DONE || p->help)
			return r;
	}
	for (; p->at < p->argc; p->at++)
		append(&a->command, p->argv[p->at]);
	if (a->command.n > 0 && !c->takes_command)
		return usage(c, "unexpected argument '%s'", a->command.v[0]);
	return EXIT_DONE;
}

static int
run(struct cli *cli, const struct command *c, int argc, char **argv)
{
	autofree void *options = xcalloc(1, c->size);
	struct arguments arguments = { 0 };
	struct parser p = { c, argc, argv, 0, options, &arguments, false };
	int r = parse(&p);

	if (r == EXIT_DONE)
		r = p.help ? help_command(c) : c->run(cli, options, &arguments);
	free(arguments.names.v);
	free(arguments.command.v);
	return r;
}

/* Flags that stand before the command; how many words they take, or -1. */
static int
parse_global(struct cli *cli, int argc, char **argv, int *ret_exit)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		const char *word = argv[i];

		if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
			*ret_exit = help_top();
			return -1;
		}
		if (strcmp(word, "-V") == 0 || strcmp(word, "--version") == 0) {
			printf("openshell %s\n", OPENSHELL_VERSION);
			*ret_exit = EXIT_DONE;
			return -1;
		}
		if (word[1] != 'v' || word[1 + strspn(word + 1, "v")] != '\0') {
			*ret_exit = usage(NULL, "unknown flag '%s'", word);
			return -1;
		}
		cli->verbosity += (int)strlen(word + 1);
	}
	return i;
}

int
command_main(struct cli *cli, int argc, char **argv)
{
	const struct command_group *g;
	const struct command *c;
	int exit_code = EXIT_DONE;
	int i = parse_global(cli, argc, argv, &exit_code);

	if (i < 0)
		return exit_code;
	if (i == argc || strcmp(argv[i], "help") == 0)
		return help_top();
	g = find_group(argv[i]);
	if (g == NULL) {
		c = find_command(NULL, argv[i]);
		if (c == NULL)
			return usage(NULL, "unknown command '%s'", argv[i]);
		return run(cli, c, argc - i - 1, argv + i + 1);
	}
	i++;
	if (i < argc && find_subgroup(g, argv[i]) != NULL)
		g = find_subgroup(g, argv[i++]);

	if (i == argc || strcmp(argv[i], "--help") == 0 ||
	    strcmp(argv[i], "-h") == 0)
		return help_group(g);
	c = find_command(g->name, argv[i]);
	if (c == NULL)
		return usage(NULL, "unknown command '%s %s'", g->name, argv[i]);
	return run(cli, c, argc - i - 1, argv + i + 1);
}
