/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inference_check.c - see inference_check.h.
 *
 * What was found is shown by name and place only: whoever reads over a
 * shoulder learns where to look, not what is there.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cli/cli.h"
#include "cli/inference_check.h"
#include "cli/output.h"
#include "common/cleanup.h"
#include "common/privacy/privacy.h"
#include "common/wire/inference.h"
#include "common/xalloc.h"

#define STDIN_PATH "/dev/stdin"

#define O(member) offsetof(struct inference_check_options, member)
const struct option_row inference_check_rows[] = {
	{ "file", 'f', OPTION_STRING, O(file), "FILE",
	    "a request's JSON body, or plain text; - is standard input" },
	{ "privacy", 0, OPTION_STRING, O(privacy), "FILE",
	    "the privacy section (YAML), instead of a route's" },
	{ "sandbox", 0, OPTION_STRING, O(sandbox), "NAME",
	    "as if it came from this sandbox" },
	{ "name", 0, OPTION_STRING, O(name), "ALIAS",
	    "the route of this name" },
	{ "verbose", 'v', OPTION_FLAG, O(verbose), NULL,
	    "show the body that would be sent" },
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "table, json or yaml" },
	{ NULL },
};
#undef O

/*
 * The section of a route.
 */

struct wanted {
	const struct inference_check_options *options;
	bool is_found;
	bool is_own; /* the sandbox's, not its owner's */
	char *section;
};

static bool
is_wanted(const struct wanted *w, const struct gateway_inference_route *r)
{
	const char *sandbox = w->options->sandbox;
	const char *name =
	    w->options->name != NULL ? w->options->name : ROUTER_DEFAULT;

	if (strcmp(r->name, name) != 0)
		return false;
	if (r->sandbox == NULL)
		return !w->is_found;
	return sandbox != NULL && strcmp(r->sandbox, sandbox) == 0;
}

/* A sandbox's own comes before its owner's. */
static void
take_section(void *arg, const void *reply)
{
	const struct gateway_inference_routes *all = reply;
	const struct gateway_inference_route *v = all->routes.v;
	struct wanted *w = arg;

	for (size_t i = 0; i < all->routes.n && !w->is_own; i++) {
		if (!is_wanted(w, &v[i]))
			continue;
		w->is_found = true;
		w->is_own = v[i].sandbox != NULL;
		free(w->section);
		w->section =
		    v[i].privacy != NULL ? xstrdup(v[i].privacy) : NULL;
	}
}

/* *ret is NULL if the route has none. */
static int
read_route(struct cli *cli, const struct inference_check_options *o, char **ret)
{
	struct wanted w = { .options = o };
	int r;

	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return -1;
	r = cli_call(
	    cli, &gateway_list_inference_method, NULL, take_section, &w);
	*ret = w.section;
	if (r != EXIT_DONE)
		return -1;
	if (w.is_found)
		return 0;
	(void)complain("there is no inference route '%s'",
	    o->name != NULL ? o->name : ROUTER_DEFAULT);
	return -1;
}

static int
read_section(
    struct cli *cli, const struct inference_check_options *o, char **ret)
{
	if (o->privacy == NULL)
		return read_route(cli, o, ret);
	*ret = read_file(o->privacy, ROUTER_PRIVACY_MAX);
	return *ret != NULL ? 0 : -1;
}

/*
 * What is said.
 */

struct verdict {
	const char *file;
	struct privacy_result result;
	char *reroute;    /* or NULL */
	bool is_text;     /* no JSON: nothing can be sent as it is */
	const char *body; /* that would be sent; NULL: none */
	size_t body_len;
};

static bool
is_sent(const struct verdict *v)
{
	return v->result.action != PRIVACY_BLOCK;
}

static const char *
target(const struct verdict *v)
{
	return v->result.action == PRIVACY_REROUTE ? v->reroute : NULL;
}

static cJSON *
tree_of_finding(const struct privacy_finding *f)
{
	cJSON *tree = cJSON_CreateObject();

	cJSON_AddStringToObject(tree, "detector", f->name);
	cJSON_AddStringToObject(tree, "type", privacy_type_name(f->type));
	cJSON_AddStringToObject(tree, "action", privacy_action_name(f->action));
	cJSON_AddStringToObject(tree, "path", f->path);
	cJSON_AddNumberToObject(tree, "offset", (double)f->offset);
	cJSON_AddNumberToObject(tree, "length", (double)f->length);
	return tree;
}

static cJSON *
tree_of(const struct verdict *v)
{
	const struct privacy_result *r = &v->result;
	cJSON *tree = cJSON_CreateObject(), *list;
	autofree char *body = NULL;

	cJSON_AddStringToObject(tree, "action", privacy_action_name(r->action));
	cJSON_AddBoolToObject(tree, "sent", is_sent(v));
	if (target(v) != NULL)
		cJSON_AddStringToObject(tree, "reroute", target(v));
	list = cJSON_AddArrayToObject(tree, "findings");
	for (size_t i = 0; i < r->n_findings; i++)
		cJSON_AddItemToArray(list, tree_of_finding(&r->findings[i]));
	cJSON_AddBoolToObject(tree, "more", r->has_more);
	if (v->body != NULL) {
		body = xstrndup(v->body, v->body_len);
		cJSON_AddStringToObject(tree, "body", body);
	}
	return tree;
}

static void
add_number(struct table *table, size_t n)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%zu", n);
	table_add(table, PLAIN, text);
}

static void
print_findings(const struct privacy_result *r)
{
	static const char *const headings[] = { "DETECTOR", "TYPE", "ACTION",
		"PATH", "OFFSET", "LENGTH" };
	struct table table = { .columns = 6 };

	for (size_t i = 0; i < table.columns; i++)
		table_add(&table, BOLD, headings[i]);
	for (size_t i = 0; i < r->n_findings; i++) {
		const struct privacy_finding *f = &r->findings[i];

		table_add(&table, PLAIN, f->name);
		table_add(&table, PLAIN, privacy_type_name(f->type));
		table_add(&table, PLAIN, privacy_action_name(f->action));
		table_add(&table, PLAIN, f->path);
		add_number(&table, f->offset);
		add_number(&table, f->length);
	}
	table_print(&table);
}

static void
print_verdict(const struct verdict *v, bool verbose)
{
	const struct privacy_result *r = &v->result;

	printf("Action: %s", privacy_action_name(r->action));
	if (target(v) != NULL)
		printf(" to %s", target(v));
	printf("\n");
	if (r->n_findings > 0)
		print_findings(r);
	if (r->has_more)
		printf("... and more\n");
	if (verbose && v->body != NULL)
		printf("%.*s\n", (int)v->body_len, v->body);
	if (v->is_text)
		say(MARK_NOTICE,
		    "'%s' is no JSON: checked as plain text, of which no "
		    "request is made",
		    v->file);
}

/*
 * The check.
 */

/* As routerd would; placeholders are of a key of their own. */
static int
judge(struct verdict *v, const struct privacy_matcher *m, const char *text,
    struct error *e)
{
	uint8_t key[PRIVACY_KEY_LEN];
	size_t n = strlen(text);

	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return error_errno(e, "cannot make a key");
	if (privacy_apply(m, text, n, key, &v->result, e) < 0) {
		v->is_text = e->code == ERR_INVALID;
		return v->is_text ? privacy_check(m, text, n, &v->result, e)
				  : -1;
	}
	if (is_sent(v)) {
		v->body = v->result.is_changed
			      ? (const char *)buf_data(&v->result.body)
			      : text;
		v->body_len = v->result.is_changed ? v->result.body.len : n;
	}
	return 0;
}

/* NULL and an error said, if the section isn't one. */
static struct privacy_matcher *
compile(const char *section, char **ret_reroute)
{
	struct privacy_matcher *m = NULL;
	struct privacy *p;
	struct error e;

	if (privacy_parse(section, strlen(section), &p, &e) < 0) {
		(void)complain("privacy: %s", e.text);
		return NULL;
	}
	if (privacy_compile(p, &m, &e) < 0)
		(void)complain("privacy: %s", e.text);
	if (privacy_reroute(p) != NULL)
		*ret_reroute = xstrdup(privacy_reroute(p));
	privacy_free(p);
	return m;
}

static int
check(const struct inference_check_options *o, enum format format,
    const char *section, const char *text)
{
	struct verdict v = { .file = o->file };
	struct privacy_matcher *m = NULL;
	struct error e;
	int r = EXIT_USAGE;

	if (section == NULL)
		say(MARK_NOTICE, "The route has no privacy section");
	else
		m = compile(section, &v.reroute);
	if (m != NULL && judge(&v, m, text, &e) < 0) {
		r = complain(
		    "it can't be checked, and so it isn't sent: %s", e.text);
	} else if (m != NULL || section == NULL) {
		if (format == FORMAT_TABLE)
			print_verdict(&v, o->verbose);
		else
			print_tree(tree_of(&v), format);
		r = is_sent(&v) ? EXIT_DONE : EXIT_FAILED;
	}
	privacy_matcher_free(m);
	privacy_result_clear(&v.result);
	free(v.reroute);
	return r;
}

int
inference_check_run(
    struct cli *cli, const void *options, const struct arguments *a)
{
	const struct inference_check_options *o = options;
	autofree char *section = NULL;
	autofree char *text = NULL;
	enum format format;

	(void)a;
	if (format_parse(o->output, &format) < 0)
		return EXIT_USAGE;
	if (o->file == NULL) {
		(void)complain("--file FILE is missing");
		return EXIT_USAGE;
	}
	if (o->privacy != NULL && (o->sandbox != NULL || o->name != NULL)) {
		(void)complain("--privacy and a route exclude each other");
		return EXIT_USAGE;
	}
	text = read_file(
	    strcmp(o->file, "-") == 0 ? STDIN_PATH : o->file, PRIVACY_BODY_MAX);
	if (text == NULL || read_section(cli, o, &section) < 0)
		return EXIT_USAGE;
	return check(o, format, section, text);
}
