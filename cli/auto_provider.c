/* SPDX-License-Identifier: Apache-2.0 */
/* auto_provider.c - see auto_provider.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/auto_provider.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/credentials.h"
#include "cli/output.h"
#include "cli/provider_type.h"
#include "common/cleanup.h"
#include "common/xalloc.h"

#define NAMES_TRIED 5 /* TYPE, TYPE-1 .. TYPE-4 */
#define PROVIDERS_ASKED 1000

/* What there is already. */
struct known {
	const char *name;
	const char *type;
};

struct search {
	struct cli *cli;
	enum consent consent;
	struct provider_types types;
	struct known *providers;
	size_t n_providers;
	struct arena arena; /* of their words */
	struct strings *ret;
};

static void
know(struct search *s, const char *name, const char *type)
{
	s->providers = xreallocarray(
	    s->providers, s->n_providers + 1, sizeof(*s->providers));
	s->providers[s->n_providers++] = (struct known){
		arena_strdup(&s->arena, name),
		arena_strdup(&s->arena, type),
	};
}

/* Root sees others' too, which a sandbox of its own can't have. */
static void
keep_providers(void *arg, const void *reply)
{
	const struct gateway_providers *r = reply;
	const struct gateway_provider *v = r->providers.v;

	for (size_t i = 0; i < r->providers.n; i++)
		if (v[i].owner_uid == (int64_t)geteuid())
			know(arg, v[i].name, v[i].type);
}

static void
choose(struct search *s, const char *name)
{
	for (size_t i = 0; i < s->ret->n; i++)
		if (strcmp(s->ret->v[i], name) == 0)
			return;
	s->ret->v = xreallocarray(s->ret->v, s->ret->n + 1, sizeof(*s->ret->v));
	s->ret->v[s->ret->n++] = xstrdup(name);
}

static const struct known *
find_name(const struct search *s, const char *name)
{
	for (size_t i = 0; i < s->n_providers; i++)
		if (strcmp(s->providers[i].name, name) == 0)
			return &s->providers[i];
	return NULL;
}

static const struct known *
find_type(const struct search *s, const char *type)
{
	for (size_t i = 0; i < s->n_providers; i++)
		if (strcmp(s->providers[i].type, type) == 0)
			return &s->providers[i];
	return NULL;
}

/*
 * Making one.
 */

static bool
says_yes(const char *question)
{
	char line[16];

	fprintf(stderr, "%s [Y/n] ", question);
	if (fgets(line, sizeof(line), stdin) == NULL)
		return false;
	return strchr("\nyY", line[0]) != NULL;
}

/* May it be made?  An exit code, and what was decided. */
static int
ask(const struct search *s, const struct gateway_profile *type, bool *ret)
{
	fprintf(stderr, "Missing provider: %s\n", type->id);
	*ret = s->consent == CONSENT_YES;
	if (s->consent == CONSENT_NO)
		say(MARK_NOTICE, "Skipping provider '%s' (--no-auto-providers)",
		    type->id);
	if (s->consent != CONSENT_ASK)
		return EXIT_DONE;
	if (isatty(STDIN_FILENO)) {
		*ret = says_yes("Create from local credentials?");
		return EXIT_DONE;
	}
	(void)complain("provider '%s' is missing, and there is no terminal to "
		       "ask on whether to create it",
	    type->id);
	hint("openshell provider create --name %s --type %s --from-existing; "
	     "or --auto-providers to create it now; or --no-auto-providers to "
	     "go without",
	    type->id, type->id);
	return EXIT_FAILED;
}

/* Under the first name that is free. */
static int
create(struct search *s, const struct gateway_profile *type, const char *name,
    const struct credentials *found)
{
	struct gateway_create_provider params = {
		.type = type->id,
		.credentials = { (void *)(uintptr_t)found->v, found->n },
	};
	int r = EXIT_FAILED;

	for (int i = 0; i < NAMES_TRIED; i++) {
		autofree char *tried =
		    i == 0 ? xstrdup(name) : xasprintf("%s-%d", name, i);

		params.name = tried;
		r = cli_call_quiet(s->cli, &gateway_create_provider_method,
		    &params, NULL, NULL,
		    i < NAMES_TRIED - 1 ? ERR_EXISTS : ERR_NONE);
		if (r == EXIT_DONE) {
			say(MARK_DONE,
			    "Created provider %s (%s) from existing local "
			    "state",
			    tried, type->id);
			know(s, tried, type->id);
			choose(s, tried);
		}
		if (r == EXIT_DONE || s->cli->code != ERR_EXISTS)
			break;
	}
	return r;
}

static int
make(struct search *s, const struct gateway_profile *type, const char *name)
{
	struct credentials found = { 0 };
	bool agreed;
	int r = ask(s, type, &agreed);

	if (r != EXIT_DONE || !agreed)
		return r;
	if (credentials_discover(type, &found) > 0) {
		r = create(s, type, name, &found);
	} else {
		autofree char *variables = list_text(&type->env_vars);

		say(MARK_NOTICE,
		    "No local credentials for '%s': none of %s is set; going "
		    "on without",
		    type->id, variables);
	}
	credentials_clear(&found);
	return r;
}

/*
 * Choosing.
 */

static int
take_wanted(struct search *s, const char *name)
{
	const struct gateway_profile *type;

	if (find_name(s, name) != NULL) {
		choose(s, name);
		return EXIT_DONE;
	}
	type = provider_type_find(&s->types, name);
	if (type != NULL)
		return make(s, type, name);
	(void)complain("provider '%s' not found", name);
	hint("openshell provider create --name %s --type TYPE --from-existing",
	    name);
	return EXIT_FAILED;
}

static bool
has_type(const struct search *s, const char *type)
{
	for (size_t i = 0; i < s->ret->n; i++) {
		const struct known *p = find_name(s, s->ret->v[i]);

		if (p != NULL && strcmp(p->type, type) == 0)
			return true;
	}
	return false;
}

/* One of the type that is called as the command is. */
static int
take_inferred(struct search *s, const char *command)
{
	const char *slash = strrchr(command, '/');
	const struct gateway_profile *type =
	    provider_type_find(&s->types, slash != NULL ? slash + 1 : command);
	const struct known *known;

	if (type == NULL || type->env_vars.n == 0 || has_type(s, type->id))
		return EXIT_DONE;
	known = find_type(s, type->id);
	if (known == NULL)
		return make(s, type, type->id);
	choose(s, known->name);
	return EXIT_DONE;
}

int
auto_providers(struct cli *cli, const struct list *wanted, const char *command,
    enum consent consent, struct strings *ret)
{
	struct search s = { .cli = cli, .consent = consent, .ret = ret };
	int r = provider_types_get(cli, &s.types);

	*ret = (struct strings){ 0 };
	if (r == EXIT_DONE)
		r = cli_call(cli, &gateway_list_providers_method,
		    &(struct gateway_list_providers){ PROVIDERS_ASKED, 0 },
		    keep_providers, &s);
	for (size_t i = 0; i < wanted->n && r == EXIT_DONE; i++)
		r = take_wanted(&s, wanted->v[i]);
	if (command != NULL && r == EXIT_DONE)
		r = take_inferred(&s, command);
	provider_types_clear(&s.types);
	arena_clear(&s.arena);
	free(s.providers);
	return r;
}

void
auto_providers_clear(struct strings *names)
{
	for (size_t i = 0; i < names->n; i++)
		free((void *)(uintptr_t)names->v[i]);
	free(names->v);
}
