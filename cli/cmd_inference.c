/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_inference.c - openshell inference: which model answers at
 * https://inference.local. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/inference_check.h"
#include "cli/output.h"
#include "common/cleanup.h"
#include "common/wire/inference.h"
#include "common/xalloc.h"

#define TIMEOUT_DEFAULT_S 60

struct set_options {
	const char *provider;
	const char *model;
	const char *sandbox;
	const char *name;
	bool system;
	bool no_verify;
	long timeout;
	struct list fallbacks;
	long requests;
	long tokens;
	long concurrent;
	const char *privacy;
	struct list clear;
	const char *output;
};

#define O(member) offsetof(struct set_options, member)
static const struct option_row set_rows[] = {
	{ "provider", 0, OPTION_STRING, O(provider), "NAME",
	    "whose credentials and endpoint" },
	{ "model", 0, OPTION_STRING, O(model), "ID",
	    "what the backend calls the model" },
	{ "sandbox", 0, OPTION_STRING, O(sandbox), "NAME",
	    "for this sandbox only" },
	{ "name", 0, OPTION_STRING, O(name), "ALIAS",
	    "one of several: asked for as model ALIAS, or at "
	    "inference.local/ALIAS/v1" },
	{ "system", 0, OPTION_FLAG, O(system), NULL,
	    "for the sandboxes' own calls, not their programs'" },
	{ "timeout", 0, OPTION_NUMBER, O(timeout), "SECONDS",
	    "for an answer that isn't streamed (60)" },
	{ "fallback", 0, OPTION_LIST, O(fallbacks), "ALIAS",
	    "asked when the backend fails before its first byte" },
	{ "requests-per-minute", 0, OPTION_NUMBER, O(requests), "N",
	    "a sandbox's budget" },
	{ "tokens-per-minute", 0, OPTION_NUMBER, O(tokens), "N",
	    "a sandbox's budget" },
	{ "concurrent", 0, OPTION_NUMBER, O(concurrent), "N",
	    "a sandbox's requests at a time" },
	{ "privacy", 0, OPTION_STRING, O(privacy), "FILE",
	    "what must not leave this machine (YAML)" },
	{ "clear", 0, OPTION_LIST, O(clear), "WHAT",
	    "take it away: timeout_s, fallbacks, requests_per_minute, "
	    "tokens_per_minute, concurrent, privacy" },
	{ "no-verify", 0, OPTION_FLAG, O(no_verify), NULL,
	    "don't try the endpoint first" },
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "table, json or yaml" },
	{ NULL },
};
#undef O

static cJSON *
tree_of(const struct gateway_inference_route *r)
{
	cJSON *tree = cJSON_CreateObject(), *list;

	cJSON_AddStringToObject(tree, "route", r->name);
	if (r->sandbox != NULL)
		cJSON_AddStringToObject(tree, "sandbox", r->sandbox);
	cJSON_AddStringToObject(tree, "provider", r->provider);
	if (r->type != NULL)
		cJSON_AddStringToObject(tree, "type", r->type);
	cJSON_AddStringToObject(tree, "model", r->model);
	if (r->endpoint != NULL)
		cJSON_AddStringToObject(tree, "endpoint", r->endpoint);
	cJSON_AddNumberToObject(tree, "version", (double)r->version);
	cJSON_AddNumberToObject(tree, "timeout_s",
	    (double)(r->timeout_s > 0 ? r->timeout_s : TIMEOUT_DEFAULT_S));
	list = cJSON_AddArrayToObject(tree, "fallbacks");
	for (size_t i = 0; i < r->fallbacks.n; i++)
		cJSON_AddItemToArray(
		    list, cJSON_CreateString(r->fallbacks.v[i]));
	cJSON_AddNumberToObject(
	    tree, "requests_per_minute", (double)r->requests_per_minute);
	cJSON_AddNumberToObject(
	    tree, "tokens_per_minute", (double)r->tokens_per_minute);
	cJSON_AddNumberToObject(tree, "concurrent", (double)r->concurrent);
	if (r->privacy != NULL)
		cJSON_AddItemToObject(tree, "privacy", cJSON_Parse(r->privacy));
	return tree;
}

static void
print_bound(const char *what, int64_t n)
{
	if (n > 0)
		printf("  %s: %lld\n", what, (long long)n);
}

static void
print_route(const struct gateway_inference_route *r)
{
	bool is_default = r->timeout_s == 0;

	printf("  Route: %s\n", r->name);
	if (r->sandbox != NULL)
		printf("  Sandbox: %s\n", r->sandbox);
	printf("  Provider: %s%s\n  Model: ", r->provider,
	    r->type == NULL ? " (gone)" : "");
	print_text(stdout, PLAIN, r->model);
	printf("\n  Version: %lld\n  Timeout: %llds%s\n", (long long)r->version,
	    (long long)(is_default ? TIMEOUT_DEFAULT_S : r->timeout_s),
	    is_default ? " (default)" : "");
	if (r->endpoint != NULL)
		printf("  Endpoint: %s\n", r->endpoint);
	for (size_t i = 0; i < r->fallbacks.n; i++)
		printf("  Fallback: %s\n", r->fallbacks.v[i]);
	print_bound("Requests per minute", r->requests_per_minute);
	print_bound("Tokens per minute", r->tokens_per_minute);
	print_bound("Concurrent requests", r->concurrent);
	if (r->privacy != NULL)
		printf("  Privacy: on\n");
}

struct shown {
	enum format format;
	const char *verb; /* "configured", "updated" */
};

static void
show_set(void *arg, const void *reply)
{
	const struct gateway_inference_set *r = reply;
	const struct gateway_validated *v = r->validated.v;
	const struct shown *shown = arg;

	if (shown->format != FORMAT_TABLE) {
		print_tree(tree_of(r->route), shown->format);
		return;
	}
	printf("%s inference %s:\n",
	    strcmp(r->route->name, ROUTER_SYSTEM) == 0 ? "System" : "Gateway",
	    shown->verb);
	print_route(r->route);
	if (r->validated.n > 0)
		printf("  Validated Endpoints:\n");
	for (size_t i = 0; i < r->validated.n; i++)
		printf("    - %s (%s)\n", v[i].url, v[i].protocol);
}

static int
check_set(const struct set_options *o, bool update)
{
	bool has_any = o->provider != NULL || o->model != NULL ||
		       o->timeout > 0 || o->fallbacks.n > 0 ||
		       o->requests > 0 || o->tokens > 0 || o->concurrent > 0 ||
		       o->privacy != NULL || o->clear.n > 0;

	if (o->system && o->name != NULL)
		return complain("--system and --name exclude each other");
	if (update && !has_any)
		return complain("nothing to update is given");
	if (!update && (o->provider == NULL || o->model == NULL))
		return complain("--provider NAME and --model ID are needed");
	return EXIT_DONE;
}

static int
put(struct cli *cli, const struct set_options *o, bool update)
{
	autofree char *privacy = NULL;
	struct shown shown = { .verb = update ? "updated" : "configured" };
	struct gateway_set_inference params = {
		.sandbox = o->sandbox,
		.name = o->system ? ROUTER_SYSTEM : o->name,
		.provider = o->provider,
		.model = o->model,
		.timeout_s = o->timeout,
		.fallbacks = { o->fallbacks.v, o->fallbacks.n },
		.requests_per_minute = o->requests,
		.tokens_per_minute = o->tokens,
		.concurrent = o->concurrent,
		.update = update,
		.clear = { o->clear.v, o->clear.n },
		.no_verify = o->no_verify,
	};

	if (check_set(o, update) != EXIT_DONE ||
	    format_parse(o->output, &shown.format) < 0)
		return EXIT_USAGE;
	if (o->privacy != NULL) {
		privacy = read_file(o->privacy, ROUTER_PRIVACY_MAX);
		if (privacy == NULL)
			return EXIT_FAILED;
		params.privacy = privacy;
	}
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	return cli_call(
	    cli, &gateway_set_inference_method, &params, show_set, &shown);
}

static int
run_set(struct cli *cli, const void *options, const struct arguments *a)
{
	(void)a;
	return put(cli, options, false);
}

static int
run_update(struct cli *cli, const void *options, const struct arguments *a)
{
	(void)a;
	return put(cli, options, true);
}

/*
 * get
 */

static void
show_one(const char *heading, const struct gateway_inference_routes *all,
    const char *name)
{
	const struct gateway_inference_route *v = all->routes.v;

	printf("%s inference:\n", heading);
	for (size_t i = 0; i < all->routes.n; i++) {
		if (v[i].sandbox == NULL && strcmp(v[i].name, name) == 0) {
			print_route(&v[i]);
			return;
		}
	}
	printf("  Not configured\n");
}

static bool
is_other(const struct gateway_inference_route *r)
{
	return r->sandbox != NULL || (strcmp(r->name, ROUTER_DEFAULT) != 0 &&
					 strcmp(r->name, ROUTER_SYSTEM) != 0);
}

static void
show_routes(void *arg, const void *reply)
{
	const struct gateway_inference_routes *r = reply;
	const struct gateway_inference_route *v = r->routes.v;
	const struct set_options *o = ((void **)arg)[0];
	const enum format *format = ((void **)arg)[1];
	cJSON *tree;

	if (*format == FORMAT_TABLE) {
		if (!o->system)
			show_one("Gateway", r, ROUTER_DEFAULT);
		show_one("System", r, ROUTER_SYSTEM);
		for (size_t i = 0; i < r->routes.n && !o->system; i++) {
			if (!is_other(&v[i]))
				continue;
			printf("Route %s:\n", v[i].name);
			print_route(&v[i]);
		}
		return;
	}
	tree = cJSON_CreateArray();
	for (size_t i = 0; i < r->routes.n; i++)
		cJSON_AddItemToArray(tree, tree_of(&v[i]));
	print_tree(tree, *format);
}

#define O(member) offsetof(struct set_options, member)
static const struct option_row get_rows[] = {
	{ "system", 0, OPTION_FLAG, O(system), NULL,
	    "the one for the sandboxes' own calls" },
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "table, json or yaml" },
	{ NULL },
};
static const struct option_row delete_rows[] = {
	{ "sandbox", 0, OPTION_STRING, O(sandbox), "NAME",
	    "the one for this sandbox" },
	{ "name", 0, OPTION_STRING, O(name), "ALIAS", "the one of this name" },
	{ "system", 0, OPTION_FLAG, O(system), NULL,
	    "the one for the sandboxes' own calls" },
	{ NULL },
};
static const struct option_row usage_rows[] = {
	{ "sandbox", 0, OPTION_STRING, O(sandbox), "NAME", "of this sandbox" },
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "table, json or yaml" },
	{ NULL },
};
#undef O

static int
run_get(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct set_options *o = options;
	enum format format;
	const void *arg[2] = { o, &format };

	(void)a;
	if (format_parse(o->output, &format) < 0)
		return EXIT_USAGE;
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	return cli_call(
	    cli, &gateway_list_inference_method, NULL, show_routes, arg);
}

static void
keep_deleted(void *arg, const void *reply)
{
	*(bool *)arg =
	    ((const struct gateway_inference_deleted *)reply)->deleted;
}

static int
run_delete(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct set_options *o = options;
	const char *name = o->system ? ROUTER_SYSTEM : o->name;
	bool deleted = false;
	int r;

	(void)a;
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	r = cli_call(cli, &gateway_delete_inference_method,
	    &(struct gateway_inference_name){ o->sandbox, name }, keep_deleted,
	    &deleted);
	if (r != EXIT_DONE)
		return r;
	if (deleted)
		say(MARK_DONE, "Deleted inference route %s",
		    name != NULL ? name : ROUTER_DEFAULT);
	else
		say(MARK_NOTICE, "Inference route %s not found",
		    name != NULL ? name : ROUTER_DEFAULT);
	return EXIT_DONE;
}

/*
 * usage
 */

static cJSON *
usage_tree(const struct gateway_usage *u)
{
	cJSON *tree = cJSON_CreateObject();

	cJSON_AddStringToObject(tree, "sandbox", u->sandbox);
	cJSON_AddStringToObject(tree, "route", u->route);
	cJSON_AddStringToObject(tree, "provider", u->provider);
	cJSON_AddStringToObject(tree, "model", u->model);
	cJSON_AddNumberToObject(tree, "requests", (double)u->requests);
	cJSON_AddNumberToObject(tree, "failures", (double)u->failures);
	cJSON_AddNumberToObject(tree, "input_tokens", (double)u->input_tokens);
	cJSON_AddNumberToObject(
	    tree, "output_tokens", (double)u->output_tokens);
	return tree;
}

static void
add_number(struct table *table, int64_t n)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)n);
	table_add(table, PLAIN, text);
}

static void
show_usage(void *arg, const void *reply)
{
	static const char *const headings[] = { "SANDBOX", "ROUTE", "PROVIDER",
		"MODEL", "REQUESTS", "FAILURES", "INPUT", "OUTPUT" };
	const struct gateway_usages *r = reply;
	const struct gateway_usage *v = r->usage.v;
	const enum format *format = arg;
	struct table table = { .columns = 8 };
	cJSON *tree = cJSON_CreateArray();

	for (size_t i = 0; i < r->usage.n; i++)
		cJSON_AddItemToArray(tree, usage_tree(&v[i]));
	if (*format != FORMAT_TABLE) {
		print_tree(tree, *format);
		return;
	}
	cJSON_Delete(tree);
	if (r->usage.n == 0) {
		fprintf(stderr, "Nothing was asked of models yet\n");
		return;
	}
	for (size_t i = 0; i < 8; i++)
		table_add(&table, BOLD, headings[i]);
	for (size_t i = 0; i < r->usage.n; i++) {
		table_add(&table, PLAIN, v[i].sandbox);
		table_add(&table, PLAIN, v[i].route);
		table_add(&table, PLAIN, v[i].provider);
		table_add(&table, PLAIN, v[i].model);
		add_number(&table, v[i].requests);
		add_number(&table, v[i].failures);
		add_number(&table, v[i].input_tokens);
		add_number(&table, v[i].output_tokens);
	}
	table_print(&table);
}

static int
run_usage(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct set_options *o = options;
	enum format format;

	(void)a;
	if (format_parse(o->output, &format) < 0)
		return EXIT_USAGE;
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	return cli_call(cli, &gateway_inference_usage_method,
	    &(struct gateway_usage_of){ o->sandbox }, show_usage, &format);
}

#define SIZE sizeof(struct set_options)
const struct command inference_commands[] = {
	{ "inference", "set", NULL, "--provider NAME --model ID",
	    "say which model answers at https://inference.local", set_rows,
	    SIZE, 0, false, false, run_set },
	{ "inference", "update", NULL, "[--model ID] ...",
	    "change a part of it; the rest stays", set_rows, SIZE, 0, false,
	    false, run_update },
	{ "inference", "get", NULL, "", "the routes", get_rows, SIZE, 0, false,
	    false, run_get },
	{ "inference", "delete", "rm", "[--sandbox NAME] [--name ALIAS]",
	    "forget a route", delete_rows, SIZE, 0, false, false, run_delete },
	{ "inference", "check", NULL,
	    "--file FILE [--privacy FILE | --name ALIAS --sandbox NAME]",
	    "what privacy would do with a request; nothing is sent",
	    inference_check_rows, INFERENCE_CHECK_SIZE, 0, false, false,
	    inference_check_run },
	{ "inference", "usage", NULL, "[--sandbox NAME]", "requests and tokens",
	    usage_rows, SIZE, 0, false, false, run_usage },
	{ NULL },
};
