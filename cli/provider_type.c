/* SPDX-License-Identifier: Apache-2.0 */
/* provider_type.c - see provider_type.h. */
#include <string.h>

#include "cli/cli.h"
#include "cli/provider_type.h"

static struct strings
copy_list(struct arena *arena, const struct strings *from)
{
	const char **v = arena_alloc(arena, from->n + 1, sizeof(*v));

	for (size_t i = 0; i < from->n; i++)
		v[i] = arena_strdup(arena, from->v[i]);
	return (struct strings){ v, from->n };
}

static void
keep(void *arg, const void *reply)
{
	struct provider_types *ret = arg;
	const struct gateway_profiles *r = reply;
	const struct gateway_profile *v = r->profiles.v;

	ret->v = arena_alloc(&ret->arena, r->profiles.n + 1, sizeof(*ret->v));
	for (ret->n = 0; ret->n < r->profiles.n; ret->n++) {
		const struct gateway_profile *from = &v[ret->n];

		ret->v[ret->n] = (struct gateway_profile){
			.id = arena_strdup(&ret->arena, from->id),
			.aliases = copy_list(&ret->arena, &from->aliases),
			.display_name =
			    arena_strdup(&ret->arena, from->display_name),
			.description =
			    from->description != NULL
				? arena_strdup(&ret->arena, from->description)
				: NULL,
			.category = arena_strdup(&ret->arena, from->category),
			.built_in = from->built_in,
			.inference_capable = from->inference_capable,
			.env_vars = copy_list(&ret->arena, &from->env_vars),
			.hosts = copy_list(&ret->arena, &from->hosts),
		};
	}
}

int
provider_types_get(struct cli *cli, struct provider_types *ret)
{
	*ret = (struct provider_types){ 0 };
	return cli_call(cli, &gateway_list_profiles_method, NULL, keep, ret);
}

void
provider_types_clear(struct provider_types *t)
{
	arena_clear(&t->arena);
}

static bool
is_called(const struct gateway_profile *p, const char *name)
{
	bool found = strcmp(p->id, name) == 0;

	for (size_t i = 0; i < p->aliases.n && !found; i++)
		found = strcmp(p->aliases.v[i], name) == 0;
	return found;
}

const struct gateway_profile *
provider_type_find(const struct provider_types *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (is_called(&t->v[i], name))
			return &t->v[i];
	return NULL;
}
