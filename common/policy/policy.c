/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - a policy's life, its static sections, and what a live sandbox may
 * change of them.
 */
#include <stdlib.h>
#include <string.h>

#include "common/policy/model.h"
#include "common/xalloc.h"

const char policy_default_text[] =
    "version: 1\n"
    "filesystem_policy:\n"
    "  include_workdir: true\n"
    "  read_only: [/usr, /lib, /proc, /dev/urandom, /app, /etc, /var/log]\n"
    "  read_write: [/tmp, /dev/null]\n"
    "landlock:\n"
    "  compatibility: best_effort\n"
    "network_policies: {}\n";

static void
list_clear(struct string_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	free(list->at);
}

static void
rules_clear(struct rule_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct rule *rule = &list->v[i];

		for (size_t j = 0; j < rule->n_query; j++) {
			free(rule->query[j].name);
			list_clear(&rule->query[j].globs);
		}
		free(rule->query);
		free(rule->method);
		free(rule->path);
	}
	free(list->v);
}

static void
endpoint_clear(struct endpoint *ep)
{
	rules_clear(&ep->rules);
	rules_clear(&ep->deny_rules);
	list_clear(&ep->allowed_ips);
	free(ep->host);
	free(ep->ports);
	free(ep->path);
	free(ep->signing_service);
	free(ep->signing_region);
	free(ep->provider);
}

static void
block_clear(struct block *block)
{
	for (size_t i = 0; i < block->n_endpoints; i++)
		endpoint_clear(&block->endpoints[i]);
	for (size_t i = 0; i < block->n_binaries; i++)
		free(block->binaries[i].path);
	free(block->endpoints);
	free(block->binaries);
	free(block->key);
	free(block->name);
}

struct policy *
policy_ref(const struct policy *p)
{
	/* Immutable but for the count of its owners. */
	struct policy *owned = (struct policy *)(uintptr_t)p;

	owned->references++;
	return owned;
}

void
policy_free(struct policy *p)
{
	if (p == NULL || --p->references > 0)
		return;
	for (size_t i = 0; i < p->n_blocks; i++)
		block_clear(&p->blocks[i]);
	free(p->blocks);
	list_clear(&p->read_only);
	list_clear(&p->read_write);
	free(p->run_as_user);
	free(p->run_as_group);
	free(p);
}

void
policy_get_static(const struct policy *p, struct policy_static *ret)
{
	*ret = (struct policy_static){
		.include_workdir = p->include_workdir,
		.read_only = (const char *const *)p->read_only.v,
		.n_read_only = p->read_only.n,
		.read_write = (const char *const *)p->read_write.v,
		.n_read_write = p->read_write.n,
		.landlock = (enum policy_landlock)p->landlock,
		.run_as_user = p->run_as_user,
		.run_as_group = p->run_as_group,
	};
}

static bool
list_has(const struct string_list *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], s) == 0)
			return true;
	return false;
}

static int
check_kept(const char *what, const struct string_list *old,
    const struct string_list *new, struct error *e)
{
	for (size_t i = 0; i < old->n; i++)
		if (!list_has(new, old->v[i]))
			return error_set(e, ERR_INVALID,
			    "filesystem %s path '%.120s' cannot be removed on "
			    "a live sandbox",
			    what, old->v[i]);
	return 0;
}

/* "sandbox" is what an identity that isn't given means. */
static bool
same_identity(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "sandbox", b != NULL ? b : "sandbox") ==
	       0;
}

int
policy_check_update(
    const struct policy *old, const struct policy *new, struct error *e)
{
	if (old->has_filesystem && !new->has_filesystem)
		return error_set(e, ERR_INVALID,
		    "section 'filesystem_policy' cannot be removed on a live "
		    "sandbox");
	if (old->include_workdir != new->include_workdir)
		return error_set(e, ERR_INVALID,
		    "filesystem include_workdir cannot be changed on a live "
		    "sandbox (applied at startup)");
	if (check_kept("read_only", &old->read_only, &new->read_only, e) < 0 ||
	    check_kept("read_write", &old->read_write, &new->read_write, e) < 0)
		return -1;
	if (old->landlock != new->landlock)
		return error_set(e, ERR_INVALID,
		    "landlock compatibility cannot be changed on a live "
		    "sandbox (applied at startup)");
	if (!same_identity(old->run_as_user, new->run_as_user) ||
	    !same_identity(old->run_as_group, new->run_as_group))
		return error_set(e, ERR_INVALID,
		    "process run_as_user and run_as_group cannot be changed "
		    "on a live sandbox (applied at startup)");
	return 0;
}

size_t
policy_binaries(const struct policy *p, const char ***ret)
{
	const char **paths = NULL;
	size_t n = 0, total = 0;

	for (size_t i = 0; i < p->n_blocks; i++)
		total += p->blocks[i].n_binaries;
	paths = xcalloc(total, sizeof(*paths));
	for (size_t i = 0; i < p->n_blocks; i++) {
		for (size_t j = 0; j < p->blocks[i].n_binaries; j++) {
			const char *path = p->blocks[i].binaries[j].path;
			bool seen = strchr(path, '*') != NULL;

			for (size_t k = 0; k < n && !seen; k++)
				seen = strcmp(paths[k], path) == 0;
			if (!seen)
				paths[n++] = path;
		}
	}
	*ret = paths;
	return n;
}
