/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_profile.c - openshell provider list-profiles and profile: the types of
 * providers, each a file.
 */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/provider_type.h"
#include "common/cleanup.h"
#include "common/wire/profile.h"
#include "common/wire/provider.h"
#include "common/xalloc.h"
#include "common/yaml.h"

struct profile_options {
	const char *output;
	struct list files;
	const char *from;
};

#define O(member) offsetof(struct profile_options, member)
#define GLOBAL_ROW                                                             \
	{                                                                      \
		"global", 0, OPTION_IGNORED, 0, NULL,                          \
		    "accepted: profiles are always the whole gateway's"        \
	}
static const struct option_row list_rows[] = {
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "table, json or yaml" },
	GLOBAL_ROW,
	{ NULL },
};
static const struct option_row export_rows[] = {
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "yaml, as it was written, or json" },
	GLOBAL_ROW,
	{ NULL },
};
#define FILE_ROW                                                               \
	{                                                                      \
		"file", 'f', OPTION_LIST, O(files), "FILE",                    \
		    "the file, YAML or JSON"                                   \
	}
static const struct option_row files_rows[] = {
	FILE_ROW,
	{ "from", 0, OPTION_STRING, O(from), "DIR",
	    "every .yaml, .yml and .json file there" },
	GLOBAL_ROW,
	{ NULL },
};
static const struct option_row update_rows[] = {
	FILE_ROW,
	GLOBAL_ROW,
	{ NULL },
};
static const struct option_row delete_rows[] = {
	GLOBAL_ROW,
	{ NULL },
};
#undef O

/*
 * list-profiles
 */

static cJSON *
tree_of_profile(const struct gateway_profile *p)
{
	cJSON *tree = cJSON_CreateObject();

	cJSON_AddStringToObject(tree, "id", p->id);
	cJSON_AddItemToObject(tree, "aliases", tree_of_list(&p->aliases));
	cJSON_AddStringToObject(tree, "display_name", p->display_name);
	if (p->description != NULL)
		cJSON_AddStringToObject(tree, "description", p->description);
	cJSON_AddStringToObject(tree, "category", p->category);
	cJSON_AddBoolToObject(tree, "built_in", p->built_in);
	cJSON_AddBoolToObject(tree, "inference_capable", p->inference_capable);
	cJSON_AddItemToObject(tree, "env_vars", tree_of_list(&p->env_vars));
	cJSON_AddItemToObject(tree, "hosts", tree_of_list(&p->hosts));
	return tree;
}

static void
show_types(const struct provider_types *types)
{
	static const char *const headings[] = { "ID", "CATEGORY", "INFERENCE",
		"VARIABLES", "HOSTS" };
	struct table table = { .columns = 5 };

	for (size_t i = 0; i < table.columns; i++)
		table_add(&table, BOLD, headings[i]);
	for (size_t i = 0; i < types->n; i++) {
		const struct gateway_profile *p = &types->v[i];
		autofree char *variables = list_text(&p->env_vars);
		autofree char *hosts = list_text(&p->hosts);

		table_add(&table, PLAIN, p->id);
		table_add(&table, PLAIN, p->category);
		table_add(&table, PLAIN, p->inference_capable ? "yes" : "no");
		table_add(&table, PLAIN, variables);
		table_add(&table, PLAIN, hosts);
	}
	table_print(&table);
}

static int
run_list_profiles(
    struct cli *cli, const void *options, const struct arguments *a)
{
	const struct profile_options *o = options;
	struct provider_types types;
	enum format format;
	cJSON *tree;
	int r;

	(void)a;
	if (format_parse(o->output, &format) < 0)
		return EXIT_USAGE;
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	r = provider_types_get(cli, &types);
	if (r == EXIT_DONE && format == FORMAT_TABLE) {
		show_types(&types);
	} else if (r == EXIT_DONE) {
		tree = cJSON_CreateArray();
		for (size_t i = 0; i < types.n; i++)
			cJSON_AddItemToArray(
			    tree, tree_of_profile(&types.v[i]));
		print_tree(tree, format);
	}
	provider_types_clear(&types);
	return r;
}

/*
 * export
 */

/* As the gateway reads it: what is plain and means something is no string. */
static cJSON *
tree_of_scalar(const struct yaml_node *node)
{
	char *rest;
	double number;

	if (yaml_node_is_null(node))
		return cJSON_CreateNull();
	if (node->plain && strcmp(node->text, "true") == 0)
		return cJSON_CreateTrue();
	if (node->plain && strcmp(node->text, "false") == 0)
		return cJSON_CreateFalse();
	number = strtod(node->text, &rest);
	if (node->plain && *rest == '\0' &&
	    node->text[strspn(node->text, "0123456789")] == '\0')
		return cJSON_CreateNumber(number);
	return cJSON_CreateString(node->text);
}

static cJSON *
tree_of_node(const struct yaml_node *node)
{
	cJSON *tree;

	if (node->kind == YAML_SCALAR)
		return tree_of_scalar(node);
	tree = node->kind == YAML_MAPPING ? cJSON_CreateObject()
					  : cJSON_CreateArray();
	for (size_t i = 0; i < node->n; i++) {
		cJSON *item = tree_of_node(node->items[i]);

		if (node->kind == YAML_MAPPING)
			cJSON_AddItemToObject(tree, node->keys[i], item);
		else
			cJSON_AddItemToArray(tree, item);
	}
	return tree;
}

static void
show_file(void *arg, const void *reply)
{
	const enum format *format = arg;
	const char *text = ((const struct gateway_profile_file *)reply)->text;
	struct yaml_node *root = NULL;
	struct yaml_error bad;

	if (*format != FORMAT_JSON) {
		(void)fputs(text, stdout);
		return;
	}
	if (yaml_read(text, strlen(text), &root, &bad) < 0) {
		(void)complain("the gateway's file: %s", bad.text);
		return;
	}
	print_tree(tree_of_node(root), FORMAT_JSON);
	yaml_node_free(root);
}

static const char *
name_of(const struct arguments *a)
{
	if (a->names.n > 0)
		return a->names.v[0];
	(void)complain("the profile's ID is missing");
	return NULL;
}

static int
run_export(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct profile_options *o = options;
	const char *id = name_of(a);
	enum format format = FORMAT_YAML;

	if (id == NULL)
		return EXIT_USAGE;
	if (o->output != NULL &&
	    (format_parse(o->output, &format) < 0 || format == FORMAT_TABLE)) {
		(void)complain("a profile is exported as yaml or json");
		return EXIT_USAGE;
	}
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	return cli_call(cli, &gateway_export_profile_method,
	    &(struct gateway_profile_id){ id }, show_file, &format);
}

/*
 * Files.
 */

struct texts {
	struct gateway_profile_text v[PROFILE_TEXTS_MAX];
	size_t n;
};

static void
texts_clear(struct texts *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free((void *)(uintptr_t)t->v[i].file);
		free((void *)(uintptr_t)t->v[i].text);
	}
}

static int
add_file(struct texts *t, const char *path)
{
	char *text;

	if (t->n == PROFILE_TEXTS_MAX)
		return complain(
		    "at most %d files at a time", PROFILE_TEXTS_MAX);
	text = read_file(path, PROFILE_TEXT_MAX);
	if (text == NULL)
		return EXIT_FAILED;
	t->v[t->n++] = (struct gateway_profile_text){ xstrdup(path), text };
	return EXIT_DONE;
}

static int
is_profile(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return d->d_name[0] != '.' && dot != NULL &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 ||
		   strcmp(dot, ".json") == 0);
}

static int
add_directory(struct texts *t, const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_profile, alphasort);
	int r = EXIT_DONE;

	if (n < 0)
		return complain("cannot read '%s': %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		autofree char *path = xasprintf("%s/%s", dir, names[i]->d_name);

		if (r == EXIT_DONE)
			r = add_file(t, path);
		free(names[i]);
	}
	free(names);
	return n > 0 ? r : complain("'%s' has no profile in it", dir);
}

/* An exit code; EXIT_USAGE if there is nothing to read. */
static int
gather(const struct profile_options *o, struct texts *ret)
{
	int r = EXIT_DONE;

	if ((o->files.n > 0) == (o->from != NULL)) {
		(void)complain("either -f FILE or --from DIR is needed");
		return EXIT_USAGE;
	}
	if (o->from != NULL)
		return add_directory(ret, o->from);
	for (size_t i = 0; i < o->files.n && r == EXIT_DONE; i++)
		r = add_file(ret, o->files.v[i]);
	return r;
}

/* What was done to each: "Imported" profile ID. */
static void
show_taken(void *arg, const void *reply)
{
	const struct gateway_profiles_taken *r = reply;
	const struct gateway_profile_violation *w = r->warnings.v;

	for (size_t i = 0; i < r->warnings.n; i++)
		fprintf(stderr, "%s:%lld:%lld: warning: %s: %s\n", w[i].file,
		    (long long)w[i].line, (long long)w[i].column, w[i].path,
		    w[i].message);
	for (size_t i = 0; i < r->ids.n; i++)
		say(MARK_DONE, "%s profile %s", (const char *)arg, r->ids.v[i]);
}

static int
put_files(struct cli *cli, const struct profile_options *o,
    const struct method *method, const char *done)
{
	_cleanup_(texts_clear) struct texts texts = { .n = 0 };
	int r = gather(o, &texts);

	if (r == EXIT_DONE && cli_connect(cli, START_IF_NEEDED) < 0)
		r = EXIT_FAILED;
	if (r == EXIT_DONE)
		r = cli_call(cli, method,
		    &(struct gateway_profile_texts){ { texts.v, texts.n } },
		    show_taken, (void *)(uintptr_t)done);
	return r;
}

static int
run_import(struct cli *cli, const void *options, const struct arguments *a)
{
	(void)a;
	return put_files(
	    cli, options, &gateway_import_profiles_method, "Imported");
}

static int
run_lint(struct cli *cli, const void *options, const struct arguments *a)
{
	(void)a;
	return put_files(cli, options, &gateway_check_profiles_method, "Valid");
}

static int
run_update(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct profile_options *o = options;
	struct gateway_update_profile params = { .id = name_of(a) };
	autofree char *text = NULL;

	if (params.id == NULL)
		return EXIT_USAGE;
	if (o->files.n != 1) {
		(void)complain("-f FILE is needed, once");
		return EXIT_USAGE;
	}
	text = read_file(o->files.v[0], PROFILE_TEXT_MAX);
	if (text == NULL || cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	params.file = o->files.v[0];
	params.text = text;
	return cli_call(cli, &gateway_update_profile_method, &params,
	    show_taken, (void *)(uintptr_t) "Updated");
}

static int
run_delete(struct cli *cli, const void *options, const struct arguments *a)
{
	const char *id = name_of(a);
	int r;

	(void)options;
	if (id == NULL)
		return EXIT_USAGE;
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	r = cli_call_quiet(cli, &gateway_delete_profile_method,
	    &(struct gateway_profile_id){ id }, NULL, NULL, ERR_NOT_FOUND);
	if (r == EXIT_DONE)
		say(MARK_DONE, "Deleted profile %s", id);
	else if (cli->code == ERR_NOT_FOUND)
		say(MARK_NOTICE, "Profile %s not found", id);
	return cli->code == ERR_NOT_FOUND ? EXIT_DONE : r;
}

const struct command profile_commands[] = {
	{ "provider", "list-profiles", NULL, "",
	    "the types of providers there are", list_rows,
	    sizeof(struct profile_options), 0, false, false,
	    run_list_profiles },
	{ "provider profile", "export", NULL, "ID",
	    "the file that describes a type", export_rows,
	    sizeof(struct profile_options), 1, false, false, run_export },
	{ "provider profile", "import", NULL, "-f FILE | --from DIR",
	    "add types, all of them or none", files_rows,
	    sizeof(struct profile_options), 0, false, false, run_import },
	{ "provider profile", "update", NULL, "ID -f FILE",
	    "replace the file of a type that isn't built in", update_rows,
	    sizeof(struct profile_options), 1, false, false, run_update },
	{ "provider profile", "lint", NULL, "-f FILE | --from DIR",
	    "say what is wrong with files, and change nothing", files_rows,
	    sizeof(struct profile_options), 0, false, false, run_lint },
	{ "provider profile", "delete", "rm", "ID",
	    "forget a type that isn't built in and that no provider has",
	    delete_rows, sizeof(struct profile_options), 1, false, false,
	    run_delete },
	{ NULL },
};
