/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_policy.c - openshell policy: set and see what a sandbox may do. */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/policy_check.h"
#include "common/cleanup.h"
#include "common/wire/gateway.h"
#include "common/xalloc.h"

#define WAIT_DEFAULT_S 60
#define HASH_SHOWN 12
#define ERROR_SHOWN 40
#define LIST_DEFAULT 20

static char *
capitalised(const char *status)
{
	char *text = xstrdup(status);

	text[0] = (char)toupper((unsigned char)text[0]);
	return text;
}

static cJSON *
tree_of(const struct gateway_revision *r)
{
	cJSON *tree = cJSON_CreateObject();

	cJSON_AddNumberToObject(tree, "version", (double)r->version);
	cJSON_AddNumberToObject(
	    tree, "active_version", (double)r->active_version);
	cJSON_AddStringToObject(tree, "hash", r->hash);
	cJSON_AddStringToObject(tree, "status", r->status);
	cJSON_AddNumberToObject(
	    tree, "created_at_ms", (double)r->created_at_ms);
	if (r->loaded_at_ms > 0)
		cJSON_AddNumberToObject(
		    tree, "loaded_at_ms", (double)r->loaded_at_ms);
	if (r->error != NULL)
		cJSON_AddStringToObject(tree, "load_error", r->error);
	if (r->policy != NULL)
		cJSON_AddItemToObject(tree, "policy", cJSON_Parse(r->policy));
	return tree;
}

/*
 * set
 */

struct set_options {
	const char *policy;
	bool wait;
	long timeout;
};

#define O(member) offsetof(struct set_options, member)
static const struct option_row set_rows[] = {
	{ "policy", 0, OPTION_STRING, O(policy), "FILE", "the policy (YAML)" },
	{ "wait", 'w', OPTION_FLAG, O(wait), NULL,
	    "return when it is in force" },
	{ "timeout", 0, OPTION_NUMBER, O(timeout), "SECONDS",
	    "wait at most so long, else exit 124 (60)" },
	{ "global", 0, OPTION_LATER, 0, NULL, NULL },
	{ "yes", 'y', OPTION_IGNORED, 0, NULL, "ask nothing (nothing is)" },
	{ NULL },
};
#undef O

struct submitted {
	int64_t version;
	char hash[HASH_SHOWN + 1];
	bool unchanged;
};

static void
keep_submitted(void *arg, const void *reply)
{
	const struct gateway_policy_set *r = reply;
	struct submitted *s = arg;

	s->version = r->version;
	(void)snprintf(s->hash, sizeof(s->hash), "%s", r->hash);
	s->unchanged = r->unchanged;
}

static void
tell_outcome(void *arg, const void *reply)
{
	const struct gateway_revision *r = reply;
	long long version = (long long)r->version;
	long long active = (long long)r->active_version;

	*(int *)arg = EXIT_DONE;
	if (strcmp(r->status, "loaded") == 0) {
		say(MARK_DONE,
		    "Policy version %lld loaded (active version: %lld)",
		    version, active);
	} else if (strcmp(r->status, "superseded") == 0) {
		say(MARK_SUPERSEDED,
		    "Policy version %lld was superseded (active version: "
		    "%lld)",
		    version, active);
	} else {
		say(MARK_FAILED, "Policy version %lld failed to load: %s",
		    version, r->error != NULL ? r->error : "no reason given");
		*(int *)arg = EXIT_FAILED;
	}
}

static int
wait_for(struct cli *cli, const char *name, int64_t version, long timeout_s)
{
	struct gateway_wait_policy params = { name, version,
		(timeout_s > 0 ? timeout_s : WAIT_DEFAULT_S) * 1000 };
	int outcome = EXIT_FAILED;
	int r = cli_call_quiet(cli, &gateway_wait_policy_method, &params,
	    tell_outcome, &outcome, ERR_TIMEOUT);

	if (r == EXIT_DONE)
		return outcome;
	if (cli->code != ERR_TIMEOUT)
		return r;
	say(MARK_FAILED, "Timeout waiting for policy version %lld to load",
	    (long long)version);
	return EXIT_TIMEOUT;
}

static int
run_set(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct set_options *o = options;
	autofree char *name = NULL, *policy = NULL;
	struct gateway_set_policy params;
	struct submitted submitted = { 0 };
	int r;

	if (o->policy == NULL) {
		(void)complain("--policy FILE is missing");
		return EXIT_USAGE;
	}
	policy = read_file(o->policy, GATEWAY_POLICY_MAX);
	if (policy == NULL)
		return EXIT_FAILED;
	name = cli_sandbox_name(cli, a->names.n > 0 ? a->names.v[0] : NULL);
	if (name == NULL || cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	cli->policy_file = o->policy;
	params.name = name;
	params.policy = policy;
	r = cli_call(cli, &gateway_set_policy_method, &params, keep_submitted,
	    &submitted);
	if (r != EXIT_DONE)
		return r;
	if (submitted.unchanged)
		say(MARK_NOOP, "Policy unchanged (version %lld, hash: %s)",
		    (long long)submitted.version, submitted.hash);
	else
		say(MARK_DONE, "Policy version %lld submitted (hash: %s)",
		    (long long)submitted.version, submitted.hash);
	return o->wait ? wait_for(cli, name, submitted.version, o->timeout)
		       : EXIT_DONE;
}

/*
 * get
 */

struct get_options {
	long rev;
	bool full;
	bool base;
	const char *output;
};

#define O(member) offsetof(struct get_options, member)
static const struct option_row get_rows[] = {
	{ "rev", 0, OPTION_NUMBER, O(rev), "N",
	    "this revision (0: the newest)" },
	{ "full", 0, OPTION_FLAG, O(full), NULL,
	    "the policy too, with the rules of providers, behind a line ---" },
	{ "base", 0, OPTION_FLAG, O(base), NULL,
	    "the same without the rules of providers, to edit and set" },
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "table, json or yaml" },
	{ "global", 0, OPTION_LATER, 0, NULL, NULL },
	{ NULL },
};
#undef O

static void
print_revision(const struct gateway_revision *r, bool full)
{
	autofree char *status = capitalised(r->status);
	cJSON *policy;

	printf("Version: %lld\nHash: %s\nStatus: %s\nActive: %lld\n"
	       "Created: %lld ms\n",
	    (long long)r->version, r->hash, status,
	    (long long)r->active_version, (long long)r->created_at_ms);
	if (r->loaded_at_ms > 0)
		printf("Loaded: %lld ms\n", (long long)r->loaded_at_ms);
	if (r->error != NULL) {
		printf("Error: ");
		print_text(stdout, RED, r->error);
		puts("");
	}
	if (!full || r->policy == NULL)
		return;
	puts("---");
	policy = cJSON_Parse(r->policy);
	print_yaml(policy, 0, stdout);
	cJSON_Delete(policy);
}

struct showing {
	const struct get_options *options;
	enum format format;
};

static void
show_revision(void *arg, const void *reply)
{
	const struct showing *s = arg;

	if (s->format == FORMAT_TABLE)
		print_revision(reply, s->options->full || s->options->base);
	else
		print_tree(tree_of(reply), s->format);
}

static int
run_get(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct get_options *o = options;
	struct showing showing = { .options = o };
	autofree char *name = NULL;
	struct gateway_get_policy params;

	if (format_parse(o->output, &showing.format) < 0)
		return EXIT_USAGE;
	name = cli_sandbox_name(cli, a->names.n > 0 ? a->names.v[0] : NULL);
	if (name == NULL || cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	params = (struct gateway_get_policy){
		.name = name,
		.version = o->rev,
		.effective = !o->base && o->rev == 0,
	};
	return cli_call(
	    cli, &gateway_get_policy_method, &params, show_revision, &showing);
}

/*
 * list
 */

struct list_options {
	long limit;
	const char *output;
};

#define O(member) offsetof(struct list_options, member)
static const struct option_row list_rows[] = {
	{ "limit", 0, OPTION_NUMBER, O(limit), "N", "at most so many (20)" },
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "table, json or yaml" },
	{ "global", 0, OPTION_LATER, 0, NULL, NULL },
	{ NULL },
};
#undef O

struct listing {
	const char *name;
	enum format format;
};

static void
add_row(struct table *table, const struct gateway_revision *r)
{
	const char *error = r->error != NULL ? r->error : "";
	autofree char *version = xasprintf("%lld", (long long)r->version);
	autofree char *hash = xasprintf("%.*s", HASH_SHOWN, r->hash);
	autofree char *status = capitalised(r->status);
	autofree char *created = xasprintf("%lld", (long long)r->created_at_ms);
	autofree char *shown = xasprintf("%.*s%s", ERROR_SHOWN, error,
	    strlen(error) > ERROR_SHOWN ? "…" : "");

	table_add(table, PLAIN, version);
	table_add(table, PLAIN, hash);
	table_add(table,
	    strcmp(r->status, "failed") == 0   ? RED
	    : strcmp(r->status, "loaded") == 0 ? GREEN
					       : PLAIN,
	    status);
	table_add(table, PLAIN, created);
	table_add(table, PLAIN, shown);
}

static void
show_revisions(void *arg, const void *reply)
{
	static const char *const headings[] = { "VERSION", "HASH", "STATUS",
		"CREATED", "ERROR" };
	const struct gateway_revisions *r = reply;
	const struct gateway_revision *v = r->revisions.v;
	const struct listing *l = arg;
	struct table table = { .columns = 5 };

	if (l->format != FORMAT_TABLE) {
		cJSON *tree = cJSON_CreateArray();

		for (size_t i = 0; i < r->revisions.n; i++)
			cJSON_AddItemToArray(tree, tree_of(&v[i]));
		print_tree(tree, l->format);
		return;
	}
	if (r->revisions.n == 0) {
		fprintf(stderr, "No policy history found for sandbox '%s'\n",
		    l->name);
		return;
	}
	for (size_t i = 0; i < 5; i++)
		table_add(&table, BOLD, headings[i]);
	for (size_t i = 0; i < r->revisions.n; i++)
		add_row(&table, &v[i]);
	table_print(&table);
}

static int
run_list(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct list_options *o = options;
	autofree char *name = NULL;
	struct gateway_list_policies params;
	struct listing listing = { 0 };

	if (format_parse(o->output, &listing.format) < 0)
		return EXIT_USAGE;
	name = cli_sandbox_name(cli, a->names.n > 0 ? a->names.v[0] : NULL);
	if (name == NULL || cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	listing.name = params.name = name;
	params.limit = o->limit > 0 ? o->limit : LIST_DEFAULT;
	return cli_call(cli, &gateway_list_policies_method, &params,
	    show_revisions, &listing);
}

const struct command policy_commands[] = {
	{ "policy", "set", NULL, "[NAME] --policy FILE",
	    "put another policy in force, live", set_rows,
	    sizeof(struct set_options), 1, false, false, run_set },
	{ "policy", "get", NULL, "[NAME]", "a revision and its state", get_rows,
	    sizeof(struct get_options), 1, false, false, run_get },
	{ "policy", "list", "ls", "[NAME]", "the revisions, newest first",
	    list_rows, sizeof(struct list_options), 1, false, false, run_list },
	{ "policy", "check", NULL, "--policy FILE [URL]",
	    "test a policy file, without a sandbox", policy_check_rows,
	    POLICY_CHECK_SIZE, 1, false, false, policy_check_run },
	{ NULL },
};
