/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_provider.c - openshell provider: credentials that sandboxes may use. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/credentials.h"
#include "cli/output.h"
#include "cli/pairs.h"
#include "cli/provider_type.h"
#include "common/cleanup.h"
#include "common/when.h"
#include "common/wire/provider.h"
#include "common/xalloc.h"

/*
 * What people see of one; values are not there to be seen.
 */

static cJSON *
tree_of(const struct gateway_provider *p)
{
	const struct gateway_credential_info *v = p->credentials.v;
	cJSON *tree = cJSON_CreateObject(), *keys, *expires;
	char text[32];

	cJSON_AddStringToObject(tree, "id", p->id);
	cJSON_AddStringToObject(tree, "name", p->name);
	cJSON_AddStringToObject(tree, "type", p->type);
	keys = cJSON_AddArrayToObject(tree, "credential_keys");
	for (size_t i = 0; i < p->credentials.n; i++)
		cJSON_AddItemToArray(keys, cJSON_CreateString(v[i].key));
	cJSON_AddItemToObject(
	    tree, "config_keys", tree_of_list(&p->config_keys));
	cJSON_AddNumberToObject(tree, "resource_version", (double)p->version);
	cJSON_AddStringToObject(
	    tree, "created_at", format_time(p->created_at_ms, text));
	expires = cJSON_AddObjectToObject(tree, "credential_expires_at_ms");
	for (size_t i = 0; i < p->credentials.n; i++)
		if (v[i].expires_at_ms > 0)
			cJSON_AddNumberToObject(
			    expires, v[i].key, (double)v[i].expires_at_ms);
	return tree;
}

static void
print_keys(const char *what, const cJSON *keys)
{
	const cJSON *key;
	const char *separator = " ";

	printf("  %s:", what);
	if (cJSON_GetArraySize(keys) == 0)
		(void)fputs(" <none>", stdout);
	cJSON_ArrayForEach(key, keys)
	{
		(void)fputs(separator, stdout);
		print_text(stdout, PLAIN, cJSON_GetStringValue(key));
		separator = ", ";
	}
	(void)fputs("\n", stdout);
}

static void
show_provider(void *arg, const void *reply)
{
	const enum format *format = arg;
	const struct gateway_provider *p =
	    ((const struct gateway_provider_reply *)reply)->provider;
	cJSON *tree = tree_of(p);

	if (*format != FORMAT_TABLE) {
		print_tree(tree, *format);
		return;
	}
	printf("Provider:\n  Id: %s\n  Name: %s\n  Type: %s\n"
	       "  Resource version: %lld\n",
	    p->id, p->name, p->type, (long long)p->version);
	print_keys(
	    "Credential keys", cJSON_GetObjectItem(tree, "credential_keys"));
	print_keys("Config keys", cJSON_GetObjectItem(tree, "config_keys"));
	cJSON_Delete(tree);
}

/*
 * create and update
 */

struct put_options {
	const char *name;
	const char *type;
	bool existing;
	bool runtime;
	bool gcloud;
	struct list credentials;
	struct list config;
	struct list expires;
};

#define O(member) offsetof(struct put_options, member)
#define VALUE_ROWS                                                             \
	{ "from-existing", 0, OPTION_FLAG, O(existing), NULL,                  \
		"take credentials from the environment" },                     \
	    { "credential", 0, OPTION_LIST, O(credentials), "KEY[=VALUE]",     \
		    "KEY from the environment, KEY=- from standard input, "    \
		    "KEY=@FILE from a file" },                                 \
	    { "config", 0, OPTION_LIST, O(config), "KEY=VALUE",                \
		    "what is no secret, such as OPENAI_BASE_URL" },            \
	{                                                                      \
		"credential-expires-at", 0, OPTION_LIST, O(expires),           \
		    "KEY=TIME",                                                \
		    "from when on it no longer works: milliseconds since "     \
		    "the epoch or RFC 3339; 0: never"                          \
	}
static const struct option_row create_rows[] = {
	{ "name", 0, OPTION_STRING, O(name), "NAME", "what it is called" },
	{ "type", 0, OPTION_STRING, O(type), "TYPE",
	    "what it is for: see openshell provider list-profiles" },
	VALUE_ROWS,
	{ "runtime-credentials", 0, OPTION_FLAG, O(runtime), NULL,
	    "none now: they come from openshell provider refresh" },
	{ "from-gcloud-adc", 0, OPTION_FLAG, O(gcloud), NULL,
	    "not supported: says what to do instead" },
	{ "global-profile", 0, OPTION_IGNORED, 0, NULL,
	    "accepted: profiles are always the whole gateway's" },
	{ NULL },
};
static const struct option_row update_rows[] = {
	VALUE_ROWS,
	{ NULL },
};
#undef O

static struct gateway_credential *
find_given(struct credentials *c, const char *key)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].key, key) == 0)
			return &c->v[i];
	return NULL;
}

/* Of a credential that is given, or of one that is there already. */
static int
set_expiry(struct credentials *c, const struct pairs *expires, bool is_update)
{
	for (size_t i = 0; i < expires->n; i++) {
		const char *key = expires->v[i].name;
		struct gateway_credential *given = find_given(c, key);
		int64_t ms;

		if (when_parse(expires->v[i].value, &ms) < 0)
			return complain("--credential-expires-at %s needs "
					"milliseconds since the epoch or a "
					"time like 2026-12-31T23:59:59Z",
			    key);
		if (given != NULL)
			given->expires_at_ms = ms;
		else if (!is_update)
			return complain("--credential-expires-at %s: no such "
					"--credential is given",
			    key);
		else if (credentials_keep(c, key, ms) != EXIT_DONE)
			return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static void
hint_variables(const struct gateway_profile *type)
{
	autofree char *names = list_text(&type->env_vars);

	if (type->env_vars.n > 0)
		hint("set one of: %s", names);
	else
		hint("give them by name: --credential KEY");
}

static int
discover_type(const struct provider_types *types, const char *name,
    struct credentials *ret)
{
	const struct gateway_profile *type = provider_type_find(types, name);

	if (type == NULL) {
		(void)complain("there is no provider type '%s'", name);
		hint("openshell provider list-profiles");
		return EXIT_FAILED;
	}
	if (credentials_discover(type, ret) > 0)
		return EXIT_DONE;
	(void)complain("no credentials for type '%s' in the environment", name);
	hint_variables(type);
	return EXIT_FAILED;
}

static int
discover(struct cli *cli, const char *name, struct credentials *ret)
{
	struct provider_types types;
	int r = provider_types_get(cli, &types);

	if (r == EXIT_DONE)
		r = discover_type(&types, name, ret);
	provider_types_clear(&types);
	return r;
}

/* What the options say, of a provider of that type. */
static int
gather(struct cli *cli, const struct put_options *o, const char *type,
    bool is_update, struct credentials *ret, struct pairs *ret_config)
{
	struct pairs expires = { 0 };
	int r = EXIT_FAILED;

	if (pairs_parse("--config", &o->config, ret_config) < 0 ||
	    pairs_parse("--credential-expires-at", &o->expires, &expires) < 0)
		goto out;
	r = o->existing ? discover(cli, type, ret)
			: credentials_parse(&o->credentials, ret);
	if (r == EXIT_DONE)
		r = set_expiry(ret, &expires, is_update);
out:
	pairs_clear(&expires);
	return r;
}

/* Do the sources of credentials go together, and is there one? */
static int
check_sources(const struct put_options *o, bool is_update)
{
	int sources = o->existing + (o->credentials.n > 0) + o->runtime;

	if (o->gcloud) {
		(void)complain("--from-gcloud-adc is not supported: what it "
			       "finds are means to get tokens, not tokens");
		hint("make the provider with --runtime-credentials; then "
		     "openshell provider refresh configure gets its tokens");
		return EXIT_USAGE;
	}
	if (sources > 1) {
		(void)complain("--from-existing, --credential and "
			       "--runtime-credentials exclude each other");
		return EXIT_USAGE;
	}
	if (sources + (o->config.n > 0) + (is_update && o->expires.n > 0) > 0)
		return EXIT_DONE;
	(void)complain("a provider needs --from-existing, --credential KEY or "
		       "--config KEY=VALUE");
	return EXIT_USAGE;
}

static int
run_create(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct put_options *o = options;
	struct credentials credentials = { 0 };
	struct gateway_create_provider params = { .name = o->name };
	int r;

	(void)a;
	if (o->name == NULL || o->type == NULL) {
		(void)complain("--name NAME and --type TYPE are needed");
		return EXIT_USAGE;
	}
	params.type = o->type;
	r = check_sources(o, false);
	if (r != EXIT_DONE)
		return r;
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	r = gather(cli, o, o->type, false, &credentials, &params.config);
	params.credentials = (struct objects){ credentials.v, credentials.n };
	if (r == EXIT_DONE)
		r = cli_call(
		    cli, &gateway_create_provider_method, &params, NULL, NULL);
	if (r == EXIT_DONE)
		say(MARK_DONE, "Created provider %s", o->name);
	credentials_clear(&credentials);
	pairs_clear(&params.config);
	return r;
}

static void
keep_type(void *arg, const void *reply)
{
	*(char **)arg = xstrdup(
	    ((const struct gateway_provider_reply *)reply)->provider->type);
}

static int
run_update(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct put_options *o = options;
	struct credentials credentials = { 0 };
	struct gateway_update_provider params = { 0 };
	autofree char *type = NULL;
	int r;

	if (a->names.n == 0) {
		(void)complain("the provider's NAME is missing");
		return EXIT_USAGE;
	}
	params.name = a->names.v[0];
	r = check_sources(o, true);
	if (r != EXIT_DONE)
		return r;
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	r = cli_call(cli, &gateway_get_provider_method,
	    &(struct gateway_provider_name){ params.name }, keep_type, &type);
	if (r == EXIT_DONE)
		r = gather(cli, o, type, true, &credentials, &params.config);
	params.credentials = (struct objects){ credentials.v, credentials.n };
	if (r == EXIT_DONE)
		r = cli_call(
		    cli, &gateway_update_provider_method, &params, NULL, NULL);
	if (r == EXIT_DONE)
		say(MARK_DONE, "Updated provider %s", params.name);
	credentials_clear(&credentials);
	pairs_clear(&params.config);
	return r;
}

/*
 * get, list, delete
 */

struct show_options {
	bool names;
	long limit;
	long offset;
	const char *output;
};

#define O(member) offsetof(struct show_options, member)
static const struct option_row get_rows[] = {
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "table, json or yaml" },
	{ NULL },
};
static const struct option_row list_rows[] = {
	{ "limit", 0, OPTION_NUMBER, O(limit), "N", "at most so many (100)" },
	{ "offset", 0, OPTION_NUMBER, O(offset), "N", "without the first N" },
	{ "names", 0, OPTION_FLAG, O(names), NULL, "names only" },
	{ "all-workspaces", 0, OPTION_IGNORED, 0, NULL,
	    "accepted: there is one workspace" },
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "table, json or yaml" },
	{ NULL },
};

static int
run_get(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct show_options *o = options;
	enum format format;

	if (a->names.n == 0) {
		(void)complain("the provider's NAME is missing");
		return EXIT_USAGE;
	}
	if (format_parse(o->output, &format) < 0)
		return EXIT_USAGE;
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	return cli_call(cli, &gateway_get_provider_method,
	    &(struct gateway_provider_name){ a->names.v[0] }, show_provider,
	    &format);
}

struct listing {
	enum format format;
	bool names;
};

static void
add_count(struct table *table, size_t n)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%zu", n);
	table_add(table, PLAIN, text);
}

static void
show_table(const struct gateway_provider *v, size_t n)
{
	static const char *const headings[] = { "NAME", "TYPE",
		"CREDENTIAL_KEYS", "CONFIG_KEYS" };
	struct table table = { .columns = 4 };

	if (n == 0) {
		fprintf(stderr, "No providers found\n");
		return;
	}
	for (size_t i = 0; i < 4; i++)
		table_add(&table, BOLD, headings[i]);
	for (size_t i = 0; i < n; i++) {
		table_add(&table, PLAIN, v[i].name);
		table_add(&table, PLAIN, v[i].type);
		add_count(&table, v[i].credentials.n);
		add_count(&table, v[i].config_keys.n);
	}
	table_print(&table);
}

static void
show_providers(void *arg, const void *reply)
{
	const struct gateway_providers *r = reply;
	const struct gateway_provider *v = r->providers.v;
	const struct listing *l = arg;
	cJSON *tree;

	if (l->names) {
		for (size_t i = 0; i < r->providers.n; i++)
			printf("%s\n", v[i].name);
		return;
	}
	if (l->format == FORMAT_TABLE) {
		show_table(v, r->providers.n);
		return;
	}
	tree = cJSON_CreateArray();
	for (size_t i = 0; i < r->providers.n; i++)
		cJSON_AddItemToArray(tree, tree_of(&v[i]));
	print_tree(tree, l->format);
}

static int
run_list(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct show_options *o = options;
	struct listing listing = { .names = o->names };

	(void)a;
	if (format_parse(o->output, &listing.format) < 0)
		return EXIT_USAGE;
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	return cli_call(cli, &gateway_list_providers_method,
	    &(struct gateway_list_providers){ o->limit, o->offset },
	    show_providers, &listing);
}

static int
run_delete(struct cli *cli, const void *options, const struct arguments *a)
{
	int result = EXIT_DONE;

	(void)options;
	if (a->names.n == 0) {
		(void)complain("the provider's NAME is missing");
		return EXIT_USAGE;
	}
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	for (size_t i = 0; i < a->names.n; i++) {
		const char *name = a->names.v[i];
		int r = cli_call_quiet(cli, &gateway_delete_provider_method,
		    &(struct gateway_provider_name){ name }, NULL, NULL,
		    ERR_NOT_FOUND);

		if (r == EXIT_DONE)
			say(MARK_DONE, "Deleted provider %s", name);
		else if (cli->code == ERR_NOT_FOUND)
			say(MARK_NOTICE, "Provider %s not found", name);
		if (r != EXIT_DONE && cli->code != ERR_NOT_FOUND)
			result = r;
	}
	return result;
}

#undef O

const struct command provider_commands[] = {
	{ "provider", "create", NULL, "--name NAME --type TYPE",
	    "keep credentials under a name", create_rows,
	    sizeof(struct put_options), 0, false, false, run_create },
	{ "provider", "get", NULL, "NAME", "one provider, without its values",
	    get_rows, sizeof(struct show_options), 1, false, false, run_get },
	{ "provider", "list", "ls", "", "the providers", list_rows,
	    sizeof(struct show_options), 0, false, false, run_list },
	{ "provider", "update", NULL, "NAME",
	    "change values; what isn't named stays, an empty value removes",
	    update_rows, sizeof(struct put_options), 1, false, false,
	    run_update },
	{ "provider", "delete", "rm", "NAME...", "forget providers", NULL, 0,
	    64, false, false, run_delete },
	{ NULL },
};
