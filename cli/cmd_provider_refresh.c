/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_provider_refresh.c - openshell provider refresh: credentials that are
 * fetched anew before they expire. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/credentials.h"
#include "cli/output.h"
#include "cli/pairs.h"
#include "common/cleanup.h"
#include "common/when.h"
#include "common/wire/refresh.h"
#include "common/xalloc.h"

#define ERROR_SHOWN 72 /* characters of LAST_ERROR in a table */

struct refresh_options {
	const char *key;
	const char *strategy;
	const char *token_url;
	struct list material;
	struct list variables;
	struct list sources;
	const char *expires;
	const char *output;
};

#define O(member) offsetof(struct refresh_options, member)
#define KEY_ROW                                                                \
	{                                                                      \
		"credential-key", 0, OPTION_STRING, O(key), "KEY",             \
		    "the credential"                                           \
	}
static const struct option_row configure_rows[] = {
	KEY_ROW,
	{ "strategy", 0, OPTION_STRING, O(strategy), "STRATEGY",
	    "oauth2-refresh-token, oauth2-client-credentials, "
	    "google-service-account-jwt or aws-sts-assume-role; else what the "
	    "provider's type says" },
	{ "token-url", 0, OPTION_STRING, O(token_url), "URL",
	    "who is asked, https; else what the provider's type says" },
	{ "material", 0, OPTION_LIST, O(material), "KEY=VALUE",
	    "what the strategy needs and is no secret" },
	{ "secret-material-env", 0, OPTION_LIST, O(variables), "KEY[=VARIABLE]",
	    "a secret that it needs, from the environment" },
	{ "secret-material-key", 0, OPTION_LIST, O(sources), "KEY[=@FILE]",
	    "the same from standard input or a file" },
	{ "credential-expires-at", 0, OPTION_STRING, O(expires), "TIME",
	    "the present value works until then (ms since the epoch or "
	    "2026-03-24T10:15:02Z)" },
	{ NULL },
};
static const struct option_row status_rows[] = {
	KEY_ROW,
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "table, json or yaml" },
	{ NULL },
};
static const struct option_row key_rows[] = {
	KEY_ROW,
	{ NULL },
};
#undef O

/* The provider's name, and a key where one is needed. */
static int
check_names(
    const struct refresh_options *o, const struct arguments *a, bool needs_key)
{
	if (a->names.n == 0)
		(void)complain("the provider's NAME is missing");
	else if (needs_key && o->key == NULL)
		(void)complain("--credential-key KEY is needed");
	else
		return EXIT_DONE;
	return EXIT_USAGE;
}

/*
 * configure
 */

static int
parse_time(const char *text, int64_t *ret_ms)
{
	*ret_ms = 0;
	if (text == NULL || when_parse(text, ret_ms) == 0)
		return EXIT_DONE;
	return complain("--credential-expires-at needs milliseconds "
			"since the epoch or a time like "
			"2026-03-24T10:15:02Z, not '%s'",
	    text);
}

static int
gather(const struct refresh_options *o, struct credentials *secrets,
    struct gateway_configure_refresh *params)
{
	int r;

	if (pairs_parse("--material", &o->material, &params->material) < 0)
		return EXIT_FAILED;
	r = material_parse(&o->variables, &o->sources, secrets);
	return r == EXIT_DONE ? parse_time(o->expires, &params->expires_at_ms)
			      : r;
}

static int
run_configure(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct refresh_options *o = options;
	struct gateway_secret_material v[PROVIDER_CREDENTIALS_MAX];
	struct gateway_configure_refresh params = { .credential_key = o->key,
		.strategy = o->strategy,
		.token_url = o->token_url,
		.secret_material = { v, 0 } };
	struct credentials secrets = { 0 };
	int r = check_names(o, a, true);

	if (r != EXIT_DONE)
		return r;
	params.provider = a->names.v[0];
	r = gather(o, &secrets, &params);
	for (size_t i = 0; i < secrets.n; i++)
		v[params.secret_material.n++] =
		    (struct gateway_secret_material){ secrets.v[i].key,
			    secrets.v[i].value };
	if (r == EXIT_DONE && cli_connect(cli, START_IF_NEEDED) < 0)
		r = EXIT_FAILED;
	if (r == EXIT_DONE)
		r = cli_call(cli, &gateway_configure_refresh_method, &params,
		    NULL, NULL);
	if (r == EXIT_DONE)
		say(MARK_DONE, "Configured refresh of %s of provider %s",
		    o->key, params.provider);
	credentials_clear(&secrets);
	pairs_clear(&params.material);
	return r;
}

/*
 * status
 */

static cJSON *
tree_of(const struct gateway_refresh *r)
{
	cJSON *tree = cJSON_CreateObject();

	cJSON_AddStringToObject(tree, "provider", r->provider);
	cJSON_AddStringToObject(tree, "credential_key", r->credential_key);
	cJSON_AddStringToObject(tree, "strategy", r->strategy);
	cJSON_AddStringToObject(tree, "token_url", r->token_url);
	cJSON_AddStringToObject(tree, "status", r->status);
	cJSON_AddNumberToObject(
	    tree, "expires_at_ms", (double)r->expires_at_ms);
	cJSON_AddNumberToObject(
	    tree, "next_refresh_ms", (double)r->next_refresh_ms);
	cJSON_AddNumberToObject(
	    tree, "last_refresh_ms", (double)r->last_refresh_ms);
	cJSON_AddItemToObject(tree, "last_error",
	    r->last_error != NULL ? cJSON_CreateString(r->last_error)
				  : cJSON_CreateNull());
	return tree;
}

static void
add_time(struct table *table, int64_t ms)
{
	char text[32];

	table_add(table, PLAIN, ms > 0 ? format_time(ms, text) : "-");
}

static enum colour
colour_of(const char *status)
{
	if (strcmp(status, "error") == 0)
		return RED;
	return strcmp(status, "refreshed") == 0 ? GREEN : YELLOW;
}

static void
show_table(const struct gateway_refresh *v, size_t n)
{
	static const char *const headings[] = { "PROVIDER", "CREDENTIAL_KEY",
		"STRATEGY", "STATUS", "EXPIRES_AT", "NEXT_REFRESH",
		"LAST_REFRESH", "LAST_ERROR" };
	struct table table = { .columns = 8 };

	if (n == 0) {
		fprintf(stderr, "No refreshes found\n");
		return;
	}
	for (size_t i = 0; i < table.columns; i++)
		table_add(&table, BOLD, headings[i]);
	for (size_t i = 0; i < n; i++) {
		autofree char *error =
		    xstrndup(v[i].last_error != NULL ? v[i].last_error : "-",
			ERROR_SHOWN);

		table_add(&table, PLAIN, v[i].provider);
		table_add(&table, PLAIN, v[i].credential_key);
		table_add(&table, PLAIN, v[i].strategy);
		table_add(&table, colour_of(v[i].status), v[i].status);
		add_time(&table, v[i].expires_at_ms);
		add_time(&table, v[i].next_refresh_ms);
		add_time(&table, v[i].last_refresh_ms);
		table_add(&table, PLAIN, error);
	}
	table_print(&table);
}

static void
show_refreshes(void *arg, const void *reply)
{
	const enum format *format = arg;
	const struct gateway_refreshes *r = reply;
	const struct gateway_refresh *v = r->refreshes.v;
	cJSON *tree;

	if (*format == FORMAT_TABLE) {
		show_table(v, r->refreshes.n);
		return;
	}
	tree = cJSON_CreateArray();
	for (size_t i = 0; i < r->refreshes.n; i++)
		cJSON_AddItemToArray(tree, tree_of(&v[i]));
	print_tree(tree, *format);
}

static int
run_status(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct refresh_options *o = options;
	enum format format;
	int r = check_names(o, a, false);

	if (r != EXIT_DONE)
		return r;
	if (format_parse(o->output, &format) < 0)
		return EXIT_USAGE;
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	return cli_call(cli, &gateway_list_refreshes_method,
	    &(struct gateway_refresh_name){ a->names.v[0], o->key },
	    show_refreshes, &format);
}

/*
 * rotate and delete
 */

static int
run_rotate(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct refresh_options *o = options;
	int r = check_names(o, a, true);

	if (r != EXIT_DONE)
		return r;
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	r = cli_call(cli, &gateway_rotate_refresh_method,
	    &(struct gateway_refresh_name){ a->names.v[0], o->key }, NULL,
	    NULL);
	if (r == EXIT_DONE)
		say(MARK_DONE, "Rotated %s of provider %s", o->key,
		    a->names.v[0]);
	return r;
}

static int
run_delete(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct refresh_options *o = options;
	int r = check_names(o, a, true);

	if (r != EXIT_DONE)
		return r;
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	r = cli_call_quiet(cli, &gateway_delete_refresh_method,
	    &(struct gateway_refresh_name){ a->names.v[0], o->key }, NULL, NULL,
	    ERR_NOT_FOUND);
	if (r == EXIT_DONE) {
		say(MARK_DONE, "Deleted refresh of %s of provider %s", o->key,
		    a->names.v[0]);
	} else if (cli->code == ERR_NOT_FOUND) {
		say(MARK_NOTICE, "Refresh of %s of provider %s not found",
		    o->key, a->names.v[0]);
		r = EXIT_DONE;
	}
	return r;
}

const struct command refresh_commands[] = {
	{ "provider refresh", "status", NULL, "NAME",
	    "how a provider's credentials are refreshed", status_rows,
	    sizeof(struct refresh_options), 1, false, false, run_status },
	{ "provider refresh", "configure", NULL, "NAME --credential-key KEY",
	    "have a credential fetched anew; its old placeholders end",
	    configure_rows, sizeof(struct refresh_options), 1, false, false,
	    run_configure },
	{ "provider refresh", "rotate", NULL, "NAME --credential-key KEY",
	    "fetch it anew now; its placeholders go on working", key_rows,
	    sizeof(struct refresh_options), 1, false, false, run_rotate },
	{ "provider refresh", "delete", "rm", "NAME --credential-key KEY",
	    "end that; the value stays", key_rows,
	    sizeof(struct refresh_options), 1, false, false, run_delete },
	{ NULL },
};
