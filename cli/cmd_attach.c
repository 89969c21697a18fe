/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_attach.c - openshell sandbox provider: which providers one may use. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/output.h"
#include "common/cleanup.h"
#include "common/wire/gateway.h"
#include "common/wire/provider.h"

struct attach_list_options {
	const char *output;
};

static const struct option_row list_rows[] = {
	{ "output", 'o', OPTION_STRING,
	    offsetof(struct attach_list_options, output), "FORMAT",
	    "table, json or yaml" },
	{ NULL },
};

struct listing {
	enum format format;
};

static void
show(void *arg, const void *reply)
{
	const struct strings *providers =
	    &((const struct gateway_sandbox_reply *)reply)->sandbox->providers;
	const struct listing *l = arg;

	if (l->format != FORMAT_TABLE) {
		print_tree(tree_of_list(providers), l->format);
		return;
	}
	if (providers->n == 0)
		fprintf(stderr, "No providers attached\n");
	for (size_t i = 0; i < providers->n; i++) {
		print_text(stdout, PLAIN, providers->v[i]);
		puts("");
	}
}

static int
run_list(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct attach_list_options *o = options;
	autofree char *name = NULL;
	struct listing listing;

	if (format_parse(o->output, &listing.format) < 0)
		return EXIT_USAGE;
	name = cli_sandbox_name(cli, a->names.n > 0 ? a->names.v[0] : NULL);
	if (name == NULL || cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	return cli_call(cli, &gateway_get_sandbox_method,
	    &(struct gateway_name){ name }, show, &listing);
}

static int
change(struct cli *cli, const struct arguments *a, const struct method *method,
    const char *done, const char *effect)
{
	struct gateway_attach_provider params;
	int r;

	if (a->names.n != 2) {
		(void)complain("a sandbox's and a provider's name are needed");
		return EXIT_USAGE;
	}
	params.sandbox = a->names.v[0];
	params.provider = a->names.v[1];
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	r = cli_call(cli, method, &params, NULL, NULL);
	if (r == EXIT_DONE)
		say(MARK_DONE, "%s sandbox %s: %s %s", done, params.sandbox,
		    params.provider, effect);
	return r;
}

static int
run_attach(struct cli *cli, const void *options, const struct arguments *a)
{
	(void)options;
	return change(cli, a, &gateway_attach_provider_method,
	    "Attached provider to", "is seen by new commands in it");
}

static int
run_detach(struct cli *cli, const void *options, const struct arguments *a)
{
	(void)options;
	return change(cli, a, &gateway_detach_provider_method,
	    "Detached provider from", "works there no longer");
}

const struct command attach_commands[] = {
	{ "sandbox provider", "list", "ls", "[NAME]",
	    "the providers that are attached", list_rows,
	    sizeof(struct attach_list_options), 1, false, false, run_list },
	{ "sandbox provider", "attach", NULL, "NAME PROVIDER",
	    "let it use a provider's credentials", NULL, 0, 2, false, false,
	    run_attach },
	{ "sandbox provider", "detach", NULL, "NAME PROVIDER",
	    "take them away, at once", NULL, 0, 2, false, false, run_detach },
	{ NULL },
};
