/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_sandbox.c - openshell sandbox: make, see, use and end sandboxes. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/auto_provider.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/package.h"
#include "cli/pairs.h"
#include "cli/session.h"
#include "common/cleanup.h"
#include "common/wire/gateway.h"
#include "common/wire/supervisor.h"
#include "common/xalloc.h"

#define DELETE_ALL_MAX 1000
#define LIST_DEFAULT 100

static enum colour
colour_of(const char *phase)
{
	static const struct {
		const char *phase;
		enum colour colour;
	} rows[] = {
		{ "Ready", GREEN },
		{ "Error", RED },
		{ "Provisioning", YELLOW },
		{ "Deleting", DIM },
		{ "Stopped", DIM },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].phase, phase) == 0)
			return rows[i].colour;
	return PLAIN;
}

static cJSON *
tree_of(const struct gateway_sandbox *s)
{
	cJSON *tree = cJSON_CreateObject();
	const struct supervisor_fact *facts = s->facts.v;
	char text[32];

	cJSON_AddStringToObject(tree, "id", s->id);
	cJSON_AddStringToObject(tree, "name", s->name);
	cJSON_AddItemToObject(tree, "labels", pairs_to_json(&s->labels));
	cJSON_AddStringToObject(
	    tree, "created_at", format_time(s->created_at_ms, text));
	cJSON_AddStringToObject(tree, "phase", s->phase);
	if (s->reason != NULL)
		cJSON_AddStringToObject(tree, "reason", s->reason);
	cJSON_AddNumberToObject(
	    tree, "current_policy_version", (double)s->policy_version);
	if (s->providers.n > 0)
		cJSON_AddItemToObject(
		    tree, "providers", tree_of_list(&s->providers));
	if (s->facts.n > 0) {
		cJSON *layers = cJSON_AddObjectToObject(tree, "isolation");

		for (size_t i = 0; i < s->facts.n; i++)
			cJSON_AddStringToObject(
			    layers, facts[i].layer, facts[i].level);
	}
	return tree;
}

/*
 * create
 */

struct create_options {
	const char *name;
	const char *policy;
	const char *from;
	const char *memory;
	struct list env;
	struct list labels;
	struct list providers;
	bool auto_providers;
	bool no_auto_providers;
	bool no_keep;
	bool tty;
	bool no_tty;
	bool detach;
	bool no_bootstrap;
	const char *output;
};

#define O(member) offsetof(struct create_options, member)
static const struct option_row create_rows[] = {
	{ "name", 0, OPTION_STRING, O(name), "NAME",
	    "its name (default: the gateway makes one up)" },
	{ "policy", 0, OPTION_STRING, O(policy), "FILE",
	    "its policy (default: $OPENSHELL_SANDBOX_POLICY, else deny all)" },
	{ "env", 0, OPTION_LIST, O(env), "KEY=VALUE",
	    "set for every command in it; may be repeated" },
	{ "label", 0, OPTION_LIST, O(labels), "KEY=VALUE",
	    "a label to select it by; may be repeated" },
	{ "memory", 0, OPTION_STRING, O(memory), "QUANTITY",
	    "at most this much memory: 512Mi, 2Gi, 4G" },
	{ "from", 0, OPTION_STRING, O(from), "IMAGE",
	    "what it is made from: host, this machine's programs" },
	{ "provider", 0, OPTION_LIST, O(providers), "NAME",
	    "credentials it may use, by provider or type; may be repeated" },
	{ "auto-providers", 0, OPTION_FLAG, O(auto_providers), NULL,
	    "make missing providers from the environment without asking" },
	{ "no-auto-providers", 0, OPTION_FLAG, O(no_auto_providers), NULL,
	    "make no missing providers" },
	{ "no-keep", 0, OPTION_FLAG, O(no_keep), NULL,
	    "delete it when the command has ended" },
	{ "detach", 'd', OPTION_FLAG, O(detach), NULL,
	    "make it and return, without a shell" },
	{ "tty", 't', OPTION_FLAG, O(tty), NULL,
	    "give the command a terminal (default: if we have one)" },
	{ "no-tty", 'T', OPTION_FLAG, O(no_tty), NULL, "give it pipes" },
	{ "no-bootstrap", 0, OPTION_FLAG, O(no_bootstrap), NULL,
	    "fail rather than start a gateway" },
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "show the sandbox as table, json or yaml" },
	{ "keep", 0, OPTION_IGNORED, 0, NULL,
	    "keep it when the command has ended (the default)" },
	{ "bootstrap", 0, OPTION_IGNORED, 0, NULL,
	    "start a gateway if there is none (the default)" },
	{ "upload", 0, OPTION_LATER, 0, "PATH", NULL },
	{ "no-git-ignore", 0, OPTION_LATER, 0, NULL, NULL },
	{ "editor", 0, OPTION_LATER, 0, "EDITOR", NULL },
	{ "gpu", 0, OPTION_LATER, 0, NULL, NULL },
	{ "cpu", 0, OPTION_LATER, 0, "QUANTITY", NULL },
	{ "forward", 0, OPTION_LATER, 0, "PORT", NULL },
	{ "remote", 0, OPTION_LATER, 0, "USER@HOST", NULL },
	{ "ssh-key", 0, OPTION_LATER, 0, "PATH", NULL },
	{ "approval-mode", 0, OPTION_LATER, 0, "MODE", NULL },
	{ "driver-config-json", 0, OPTION_LATER, 0, "JSON", NULL },
	{ NULL },
};
#undef O

/* Digits and a unit, as Kubernetes writes quantities; -1 if it isn't one. */
static int64_t
parse_quantity(const char *text)
{
	static const struct {
		const char *unit;
		int64_t factor;
	} units[] = {
		{ "", 1 },
		{ "K", 1000 },
		{ "M", 1000000 },
		{ "G", 1000000000 },
		{ "T", 1000000000000 },
		{ "Ki", 1LL << 10 },
		{ "Mi", 1LL << 20 },
		{ "Gi", 1LL << 30 },
		{ "Ti", 1LL << 40 },
	};
	char *unit;
	long n;

	if (text[0] < '0' || text[0] > '9' || strlen(text) > 9)
		return -1;
	n = strtol(text, &unit, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (n > 0 && strcmp(unit, units[i].unit) == 0)
			return n > INT64_MAX / 1024 / units[i].factor
				   ? -1
				   : n * units[i].factor;
	return -1;
}

struct created {
	char *name;
	cJSON *tree;
};

static void
keep_created(void *arg, const void *reply)
{
	const struct gateway_sandbox_reply *r = reply;
	struct created *c = arg;

	c->name = xstrdup(r->sandbox->name);
	c->tree = tree_of(r->sandbox);
}

static int
delete_one(struct cli *cli, const char *name)
{
	struct gateway_name params = { name };
	int r = cli_call_quiet(cli, &gateway_delete_sandbox_method, &params,
	    NULL, NULL, ERR_NOT_FOUND);

	if (r == EXIT_DONE)
		say(MARK_DONE, "Deleted sandbox %s", name);
	else if (cli->code == ERR_NOT_FOUND)
		say(MARK_NOTICE, "Sandbox %s not found", name);
	return cli->code == ERR_NOT_FOUND ? EXIT_DONE : r;
}

static bool
wants_tty(bool tty, bool no_tty)
{
	if (tty || no_tty)
		return tty;
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static int
run_in(struct cli *cli, const char *name, const struct list *command, bool tty)
{
	struct gateway_exec params = {
		.name = name,
		.argv = { command->v, command->n },
		.tty = tty,
		.term = tty ? getenv("TERM") : NULL,
	};

	return session_run(cli, &params);
}

static int
check_create(const struct create_options *o, const struct arguments *a,
    enum format *ret_format)
{
	if (o->tty && o->no_tty)
		return complain("--tty and --no-tty exclude each other");
	if (o->auto_providers && o->no_auto_providers)
		return complain("--auto-providers and --no-auto-providers "
				"exclude each other");
	if (o->detach && (o->no_keep || a->command.n > 0))
		return complain("--detach goes with neither --no-keep nor a "
				"command");
	if (o->output != NULL && (o->no_keep || a->command.n > 0))
		return complain(
		    "--output goes with neither --no-keep nor a command");
	if (o->from != NULL && strcmp(o->from, "host") != 0)
		return complain("--from '%s' is not supported yet: only host "
				"is",
		    o->from);
	return format_parse(o->output, ret_format) < 0 ? EXIT_FAILED
						       : EXIT_DONE;
}

static int
after_create(struct cli *cli, const struct create_options *o,
    const struct arguments *a, struct created *c, enum format format)
{
	bool tty = wants_tty(o->tty, o->no_tty);
	int r = EXIT_DONE, deleted;

	if (!o->no_keep)
		cli_remember_sandbox(c->name);
	if (o->output != NULL && format != FORMAT_TABLE) {
		print_tree(steal_ptr(&c->tree), format);
		return EXIT_DONE;
	}
	fprintf(stderr, "Created sandbox: %s\n", c->name);
	if (a->command.n > 0 || (tty && !o->detach && o->output == NULL))
		r = run_in(cli, c->name, &a->command, tty);
	else if (!o->no_keep)
		hint("openshell sandbox connect %s", c->name);
	if (!o->no_keep)
		return r;
	deleted = delete_one(cli, c->name);
	return r != EXIT_DONE ? r : deleted;
}

static int
choose_providers(struct cli *cli, const struct create_options *o,
    const struct arguments *a, struct strings *ret)
{
	enum consent consent = o->auto_providers      ? CONSENT_YES
			       : o->no_auto_providers ? CONSENT_NO
						      : CONSENT_ASK;

	return auto_providers(cli, &o->providers,
	    a->command.n > 0 ? a->command.v[0] : NULL, consent, ret);
}

/* The command may be one that only its caller has. */
static void
show_package(const struct arguments *a, struct package *package,
    struct gateway_create_sandbox *params, struct pairs *env)
{
	const char *path = getenv("PATH");

	if (a->command.n > 0 && path != NULL)
		package_find(a->command.v[0], path, package);
	if (package->search != NULL)
		pairs_add(env, "PATH", package->search);
	params->shown = package->paths;
}

static int
run_create(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct create_options *o = options;
	struct gateway_create_sandbox params = { .name = o->name };
	_cleanup_(pairs_clear) struct pairs env = { 0 }, labels = { 0 };
	_cleanup_(package_clear) struct package package = { 0 };
	autofree char *policy = NULL;
	struct created created = { 0 };
	enum format format = FORMAT_TABLE;
	int r;

	if (check_create(o, a, &format) != EXIT_DONE ||
	    pairs_parse("--env", &o->env, &env) < 0 ||
	    pairs_parse("--label", &o->labels, &labels) < 0)
		return EXIT_USAGE;
	if (o->memory != NULL) {
		params.memory_max = parse_quantity(o->memory);
		if (params.memory_max < 0) {
			(void)complain("--memory '%s' is no quantity: 512Mi, "
				       "2Gi, 4G",
			    o->memory);
			return EXIT_USAGE;
		}
	}
	cli->policy_file =
	    o->policy != NULL ? o->policy : getenv("OPENSHELL_SANDBOX_POLICY");
	if (cli->policy_file != NULL) {
		policy = read_file(cli->policy_file, GATEWAY_POLICY_MAX);
		if (policy == NULL)
			return EXIT_FAILED;
	}
	if (cli_connect(cli, o->no_bootstrap ? START_NEVER : START_IF_NEEDED) <
	    0)
		return EXIT_FAILED;
	show_package(a, &package, &params, &env);
	params.policy = policy;
	params.env = env;
	params.labels = labels;
	r = choose_providers(cli, o, a, &params.providers);
	if (r == EXIT_DONE)
		r = cli_call(cli, &gateway_create_sandbox_method, &params,
		    keep_created, &created);
	if (r == EXIT_DONE)
		r = after_create(cli, o, a, &created, format);
	else if (cli->code == ERR_EXISTS)
		hint("openshell sandbox delete %s, or use another --name",
		    o->name);
	cJSON_Delete(created.tree);
	free(created.name);
	auto_providers_clear(&params.providers);
	return r;
}

/*
 * list
 */

struct list_options {
	long limit;
	long offset;
	bool ids;
	bool names;
	const char *selector;
	const char *output;
};

#define O(member) offsetof(struct list_options, member)
static const struct option_row list_rows[] = {
	{ "limit", 0, OPTION_NUMBER, O(limit), "N", "at most so many (100)" },
	{ "offset", 0, OPTION_NUMBER, O(offset), "N", "skip so many (0)" },
	{ "ids", 0, OPTION_FLAG, O(ids), NULL, "their ids alone" },
	{ "names", 0, OPTION_FLAG, O(names), NULL, "their names alone" },
	{ "selector", 'l', OPTION_STRING, O(selector), "KEY=VALUE,...",
	    "those with these labels" },
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "table, json or yaml" },
	{ NULL },
};
#undef O

struct listing {
	const struct list_options *options;
	enum format format;
};

static void
print_list(void *arg, const void *reply)
{
	const struct gateway_sandboxes *r = reply;
	const struct gateway_sandbox *s = r->sandboxes.v;
	const struct listing *l = arg;
	struct table table = { .columns = 3 };
	cJSON *tree = NULL;
	char text[32];

	if (l->options->ids || l->options->names) {
		for (size_t i = 0; i < r->sandboxes.n; i++)
			puts(l->options->ids ? s[i].id : s[i].name);
		return;
	}
	if (l->format != FORMAT_TABLE) {
		tree = cJSON_CreateArray();
		for (size_t i = 0; i < r->sandboxes.n; i++)
			cJSON_AddItemToArray(tree, tree_of(&s[i]));
		print_tree(tree, l->format);
		return;
	}
	if (r->sandboxes.n == 0) {
		puts("No sandboxes found.");
		return;
	}
	table_add(&table, BOLD, "NAME");
	table_add(&table, BOLD, "CREATED");
	table_add(&table, BOLD, "PHASE");
	for (size_t i = 0; i < r->sandboxes.n; i++) {
		table_add(&table, PLAIN, s[i].name);
		table_add(&table, PLAIN, format_time(s[i].created_at_ms, text));
		table_add(&table, colour_of(s[i].phase), s[i].phase);
	}
	table_print(&table);
}

static int
run_list(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct list_options *o = options;
	struct gateway_list_sandboxes params = {
		.limit = o->limit > 0 ? o->limit : LIST_DEFAULT,
		.offset = o->offset,
	};
	_cleanup_(pairs_clear) struct pairs selector = { 0 };
	struct listing listing = { .options = o };

	(void)a;
	if (o->ids && o->names) {
		(void)complain("--ids and --names exclude each other");
		return EXIT_USAGE;
	}
	if (format_parse(o->output, &listing.format) < 0 ||
	    (o->selector != NULL &&
		pairs_parse_selector(o->selector, &selector) < 0))
		return EXIT_USAGE;
	params.selector = selector;
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	return cli_call(
	    cli, &gateway_list_sandboxes_method, &params, print_list, &listing);
}

/*
 * get
 */

struct get_options {
	bool policy_only;
	const char *output;
};

#define O(member) offsetof(struct get_options, member)
static const struct option_row get_rows[] = {
	{ "policy-only", 0, OPTION_FLAG, O(policy_only), NULL,
	    "its policy in force alone, as a file for --policy" },
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "table, json or yaml" },
	{ NULL },
};
#undef O

static void
keep_tree(void *arg, const void *reply)
{
	const struct gateway_sandbox_reply *r = reply;

	*(cJSON **)arg = tree_of(r->sandbox);
}

static void
add_policy(void *arg, const void *reply)
{
	const struct gateway_revision *r = reply;
	cJSON *tree = arg;

	cJSON_AddStringToObject(tree, "policy_source", "sandbox");
	cJSON_AddNumberToObject(tree, "revision", (double)r->version);
	if (r->policy != NULL)
		cJSON_AddItemToObject(tree, "policy", cJSON_Parse(r->policy));
}

static void
print_sandbox(const cJSON *tree)
{
	static const struct {
		const char *heading;
		const char *key;
	} rows[] = {
		{ "Id", "id" },
		{ "Name", "name" },
		{ "Phase", "phase" },
		{ "Reason", "reason" },
		{ "Created", "created_at" },
		{ "Revision", "revision" },
	};
	static const struct {
		const char *heading;
		const char *key;
	} trees[] = {
		{ "Labels:", "labels" },
		{ "Providers:", "providers" },
		{ "Isolation:", "isolation" },
		{ "Policy:", "policy" },
	};

	print_text(stdout, BOLD, "Sandbox:");
	puts("");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const cJSON *v = cJSON_GetObjectItem(tree, rows[i].key);

		if (v == NULL)
			continue;
		printf("  %s: ", rows[i].heading);
		if (cJSON_IsString(v))
			print_text(stdout,
			    i == 2 ? colour_of(v->valuestring) : PLAIN,
			    v->valuestring);
		else
			printf("%.0f", v->valuedouble);
		puts("");
	}
	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		const cJSON *v = cJSON_GetObjectItem(tree, trees[i].key);

		if (v == NULL || v->child == NULL)
			continue;
		puts("");
		print_text(stdout, BOLD, trees[i].heading);
		puts("");
		print_yaml(v, 2, stdout);
	}
}

static int
run_get(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct get_options *o = options;
	autofree char *name = NULL;
	struct gateway_get_policy policy = { 0 };
	struct gateway_name params;
	cJSON *tree = NULL;
	enum format format;
	int r;

	if (format_parse(o->output, &format) < 0)
		return EXIT_USAGE;
	name = cli_sandbox_name(cli, a->names.n > 0 ? a->names.v[0] : NULL);
	if (name == NULL || cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	params.name = name;
	r = cli_call(
	    cli, &gateway_get_sandbox_method, &params, keep_tree, &tree);
	if (r != EXIT_DONE)
		return r;
	policy.name = name;
	/* The one in force; the newest if none is yet. */
	policy.version = (int64_t)cJSON_GetNumberValue(
	    cJSON_GetObjectItem(tree, "current_policy_version"));
	r = cli_call(
	    cli, &gateway_get_policy_method, &policy, add_policy, tree);
	if (r == EXIT_DONE && o->policy_only)
		print_yaml(cJSON_GetObjectItem(tree, "policy"), 0, stdout);
	else if (r == EXIT_DONE && format != FORMAT_TABLE)
		print_tree(steal_ptr(&tree), format);
	else if (r == EXIT_DONE)
		print_sandbox(tree);
	cJSON_Delete(tree);
	return r;
}

/*
 * delete, start, stop
 */

struct delete_options {
	bool all;
};

static const struct option_row delete_rows[] = {
	{ "all", 0, OPTION_FLAG, offsetof(struct delete_options, all), NULL,
	    "every sandbox of yours" },
	{ NULL },
};

static void
keep_names(void *arg, const void *reply)
{
	const struct gateway_sandboxes *r = reply;
	const struct gateway_sandbox *s = r->sandboxes.v;
	struct list *names = arg;

	names->v = xcalloc(r->sandboxes.n + 1, sizeof(*names->v));
	for (size_t i = 0; i < r->sandboxes.n; i++)
		names->v[names->n++] = xstrdup(s[i].name);
}

static int
delete_all(struct cli *cli)
{
	struct gateway_list_sandboxes params = { .limit = DELETE_ALL_MAX };
	struct list names = { 0 };
	int r = cli_call(
	    cli, &gateway_list_sandboxes_method, &params, keep_names, &names);

	if (r == EXIT_DONE && names.n == 0)
		puts("No sandboxes to delete.");
	for (size_t i = 0; i < names.n; i++) {
		int one = delete_one(cli, names.v[i]);

		r = r != EXIT_DONE ? r : one;
	}
	for (size_t i = 0; i < names.n; i++)
		free((void *)(uintptr_t)names.v[i]);
	free(names.v);
	return r;
}

static int
run_delete(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct delete_options *o = options;
	int r = EXIT_DONE;

	if (o->all == (a->names.n > 0)) {
		(void)complain("give names of sandboxes, or --all");
		return EXIT_USAGE;
	}
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	if (o->all)
		return delete_all(cli);
	for (size_t i = 0; i < a->names.n; i++) {
		int one = delete_one(cli, a->names.v[i]);

		r = r != EXIT_DONE ? r : one;
	}
	return r;
}

static int
start_or_stop(struct cli *cli, const struct arguments *a,
    const struct method *method, const char *done)
{
	autofree char *name =
	    cli_sandbox_name(cli, a->names.n > 0 ? a->names.v[0] : NULL);
	struct gateway_name params = { name };
	int r;

	if (name == NULL || cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	r = cli_call(cli, method, &params, NULL, NULL);
	if (r == EXIT_DONE)
		say(MARK_DONE, "%s sandbox %s", done, name);
	return r;
}

static int
run_start(struct cli *cli, const void *options, const struct arguments *a)
{
	(void)options;
	return start_or_stop(cli, a, &gateway_start_sandbox_method, "Started");
}

static int
run_stop(struct cli *cli, const void *options, const struct arguments *a)
{
	(void)options;
	return start_or_stop(cli, a, &gateway_stop_sandbox_method, "Stopped");
}

/*
 * connect, exec
 */

static const struct option_row connect_rows[] = {
	{ "editor", 0, OPTION_LATER, 0, "EDITOR", NULL },
	{ NULL },
};

static int
run_connect(struct cli *cli, const void *options, const struct arguments *a)
{
	autofree char *name =
	    cli_sandbox_name(cli, a->names.n > 0 ? a->names.v[0] : NULL);
	struct list shell = { 0 };

	(void)options;
	if (name == NULL || cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	cli_remember_sandbox(name);
	return run_in(cli, name, &shell, isatty(STDIN_FILENO));
}

struct exec_options {
	const char *name;
	const char *workdir;
	long timeout;
	struct list env;
	bool tty;
	bool no_tty;
};

#define O(member) offsetof(struct exec_options, member)
static const struct option_row exec_rows[] = {
	{ "name", 'n', OPTION_STRING, O(name), "NAME",
	    "the sandbox (default: the last one used)" },
	{ "workdir", 'w', OPTION_STRING, O(workdir), "DIR",
	    "where it starts (/sandbox)" },
	{ "timeout", 0, OPTION_NUMBER, O(timeout), "SECONDS",
	    "kill it after, with exit code 124 (0: never)" },
	{ "env", 'e', OPTION_LIST, O(env), "KEY=VALUE",
	    "set for this command; may be repeated" },
	{ "tty", 't', OPTION_FLAG, O(tty), NULL,
	    "give it a terminal (default: if we have one)" },
	{ "no-tty", 'T', OPTION_FLAG, O(no_tty), NULL, "give it pipes" },
	{ NULL },
};
#undef O

static int
run_exec(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct exec_options *o = options;
	_cleanup_(pairs_clear) struct pairs env = { 0 };
	autofree char *name = NULL;
	struct gateway_exec params = {
		.argv = { a->command.v, a->command.n },
		.workdir = o->workdir,
		.timeout_s = o->timeout,
		.tty = wants_tty(o->tty, o->no_tty),
	};

	if (a->command.n == 0) {
		(void)complain("a command is missing");
		hint("openshell sandbox exec -n NAME -- COMMAND...; for a "
		     "shell, openshell sandbox connect NAME");
		return EXIT_USAGE;
	}
	if ((o->tty && o->no_tty) || pairs_parse("--env", &o->env, &env) < 0) {
		if (o->tty && o->no_tty)
			(void)complain("--tty and --no-tty exclude each other");
		return EXIT_USAGE;
	}
	name = cli_sandbox_name(cli, o->name);
	if (name == NULL || cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	params.name = name;
	params.env = env;
	params.term = params.tty ? getenv("TERM") : NULL;
	return session_run(cli, &params);
}

const struct command sandbox_commands[] = {
	{ "sandbox", "create", NULL, "[-- COMMAND...]",
	    "make one, then run the command or a shell in it", create_rows,
	    sizeof(struct create_options), 0, true, false, run_create },
	{ "sandbox", "list", "ls", "", "the sandboxes that are yours",
	    list_rows, sizeof(struct list_options), 0, false, false, run_list },
	{ "sandbox", "get", NULL, "[NAME]", "one sandbox and its policy",
	    get_rows, sizeof(struct get_options), 1, false, false, run_get },
	{ "sandbox", "connect", NULL, "[NAME]", "a shell in it", connect_rows,
	    0, 1, false, false, run_connect },
	{ "sandbox", "exec", NULL, "[--] COMMAND...", "run a command in it",
	    exec_rows, sizeof(struct exec_options), 0, true, true, run_exec },
	{ "sandbox", "stop", NULL, "[NAME]",
	    "end its processes, keep its files", NULL, 0, 1, false, false,
	    run_stop },
	{ "sandbox", "start", NULL, "[NAME]", "bring a stopped one back", NULL,
	    0, 1, false, false, run_start },
	{ "sandbox", "delete", "rm", "NAME... | --all",
	    "end it, with its files", delete_rows,
	    sizeof(struct delete_options), DELETE_ALL_MAX, false, false,
	    run_delete },
	{ NULL },
};
