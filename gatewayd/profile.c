/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile.c - see profile.h.
 *
 * Endpoints and binaries are the policy language's: they are put into a policy
 * of their own, and its parser says whether they are right and what their one
 * spelling is.
 */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/field.h"
#include "common/json/scan.h"
#include "common/log.h"
#include "common/policy/policy.h"
#include "common/program.h"
#include "common/xalloc.h"
#include "common/yaml.h"
#include "gatewayd/profile.h"

#define BLOCK "profile" /* the name of its block in the policy of its own */

static const char *const categories[] = { "other", "inference", "agent",
	"source_control", "messaging", "data", "knowledge" };

static int
complain(const struct yaml_node *at, const char *what, struct error *e)
{
	return error_set(
	    e, ERR_INVALID, "%u:%u: %s", at->line, at->column, what);
}

/* One value as JSON: what is plain and means something in YAML does so here. */
static bool
is_word(const struct yaml_node *node)
{
	char *rest;

	if (!node->plain || *node->text == '\0')
		return false;
	if (strcmp(node->text, "true") == 0 ||
	    strcmp(node->text, "false") == 0 || strcmp(node->text, "null") == 0)
		return true;
	(void)strtoul(node->text, &rest, 10);
	return *rest == '\0' && *node->text != '0' && *node->text != '+' &&
	       *node->text != ' ';
}

static void
put_json(struct buf *b, const struct yaml_node *node)
{
	if (node->kind == YAML_SCALAR) {
		if (is_word(node))
			(void)buf_puts(b, node->text);
		else
			(void)json_put_string(
			    b, node->text, strlen(node->text));
		return;
	}
	(void)buf_puts(b, node->kind == YAML_MAPPING ? "{" : "[");
	for (size_t i = 0; i < node->n; i++) {
		if (i > 0)
			(void)buf_puts(b, ",");
		if (node->kind == YAML_MAPPING) {
			(void)json_put_string(
			    b, node->keys[i], strlen(node->keys[i]));
			(void)buf_puts(b, ":");
		}
		put_json(b, node->items[i]);
	}
	(void)buf_puts(b, node->kind == YAML_MAPPING ? "}" : "]");
}

/*
 * Keys.
 */

struct reader {
	struct profile *p;
	const struct yaml_node *endpoints;
	const struct yaml_node *binaries;
};

static int
read_text(struct reader *r, const struct yaml_node *node, const char **to,
    struct error *e)
{
	if (node->kind != YAML_SCALAR || *node->text == '\0')
		return complain(node, "a text is wanted here", e);
	*to = arena_strdup(&r->p->arena, node->text);
	return 0;
}

static int
read_texts(struct reader *r, const struct yaml_node *node, struct strings *to,
    struct error *e)
{
	const char **v;

	if (node->kind != YAML_SEQUENCE || node->n + to->n > PROFILE_LIST_MAX)
		return complain(node, "a list of texts is wanted here", e);
	v = arena_alloc(&r->p->arena, to->n + node->n + 1, sizeof(*v));
	for (size_t i = 0; i < to->n; i++)
		v[i] = to->v[i];
	to->v = v;
	for (size_t i = 0; i < node->n; i++, to->n++)
		if (read_text(r, node->items[i], &v[to->n], e) < 0)
			return -1;
	return 0;
}

static int
read_id(struct reader *r, const struct yaml_node *node, struct error *e)
{
	const char *id;

	if (read_text(r, node, &id, e) < 0)
		return -1;
	r->p->id = id;
	if (strlen(id) > 63 ||
	    id[strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
		return complain(
		    node, "an id has lower-case letters, digits and '-'", e);
	return 0;
}

static int
read_aliases(struct reader *r, const struct yaml_node *node, struct error *e)
{
	return read_texts(r, node, &r->p->aliases, e);
}

static int
read_display_name(
    struct reader *r, const struct yaml_node *node, struct error *e)
{
	return read_text(r, node, &r->p->display_name, e);
}

static int
read_description(
    struct reader *r, const struct yaml_node *node, struct error *e)
{
	const char *unused;

	return read_text(r, node, &unused, e);
}

static int
read_category(struct reader *r, const struct yaml_node *node, struct error *e)
{
	if (read_text(r, node, &r->p->category, e) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++)
		if (strcmp(categories[i], r->p->category) == 0)
			return 0;
	return complain(node, "there is no such category", e);
}

static int
read_inference(struct reader *r, const struct yaml_node *node, struct error *e)
{
	if (node->kind != YAML_SCALAR || (strcmp(node->text, "true") != 0 &&
					     strcmp(node->text, "false") != 0))
		return complain(node, "true or false is wanted here", e);
	r->p->inference_capable = strcmp(node->text, "true") == 0;
	return 0;
}

static int
read_material(struct reader *r, const struct yaml_node *node, struct pairs *to,
    struct error *e)
{
	if (node->kind != YAML_MAPPING || node->n > PROFILE_LIST_MAX)
		return complain(node, "a mapping of texts is wanted here", e);
	to->v = arena_alloc(&r->p->arena, node->n + 1, sizeof(*to->v));
	for (; to->n < node->n; to->n++) {
		struct pair *one = &to->v[to->n];

		one->name = arena_strdup(&r->p->arena, node->keys[to->n]);
		if (read_text(r, node->items[to->n], &one->value, e) < 0)
			return -1;
	}
	return 0;
}

static int
read_refresh(struct reader *r, const struct yaml_node *node,
    struct profile_refresh *to, struct error *e)
{
	int result = 0;

	if (node->kind != YAML_MAPPING)
		return complain(node, "a mapping is wanted here", e);
	for (size_t i = 0; result == 0 && i < node->n; i++) {
		const struct yaml_node *value = node->items[i];

		if (strcmp(node->keys[i], "strategy") == 0)
			result = read_text(r, value, &to->strategy, e);
		else if (strcmp(node->keys[i], "token_url") == 0)
			result = read_text(r, value, &to->token_url, e);
		else if (strcmp(node->keys[i], "material") == 0)
			result = read_material(r, value, &to->material, e);
		else
			result = complain(value, "unknown key", e);
	}
	if (result == 0 && to->strategy == NULL)
		return complain(node, "'strategy' is missing", e);
	return result;
}

/* One credential: its variables, and how it is refreshed. */
static int
read_credential(struct reader *r, const struct yaml_node *node, struct error *e)
{
	struct profile *p = r->p;
	struct profile_refresh refresh = { 0 };
	size_t first = p->variables.n;
	int result = 0;

	if (node->kind != YAML_MAPPING)
		return complain(node, "a mapping is wanted here", e);
	for (size_t i = 0; result == 0 && i < node->n; i++) {
		const struct yaml_node *value = node->items[i];

		if (strcmp(node->keys[i], "env_vars") == 0)
			result = read_texts(r, value, &p->variables, e);
		else if (strcmp(node->keys[i], "refresh") == 0)
			result = read_refresh(r, value, &refresh, e);
		/* What it is called is for people. */
		else if (strcmp(node->keys[i], "name") != 0)
			result = complain(value, "unknown key", e);
	}
	if (result < 0 || refresh.strategy == NULL)
		return result;
	refresh.keys.n = p->variables.n - first;
	refresh.keys.v =
	    arena_alloc(&p->arena, refresh.keys.n + 1, sizeof(*refresh.keys.v));
	for (size_t i = 0; i < refresh.keys.n; i++)
		refresh.keys.v[i] = p->variables.v[first + i];
	p->refreshes[p->n_refreshes++] = refresh;
	return 0;
}

static int
read_credentials(
    struct reader *r, const struct yaml_node *node, struct error *e)
{
	if (node->kind != YAML_SEQUENCE || node->n > PROFILE_LIST_MAX)
		return complain(node, "a list is wanted here", e);
	r->p->refreshes =
	    arena_alloc(&r->p->arena, node->n + 1, sizeof(*r->p->refreshes));
	for (size_t i = 0; i < node->n; i++)
		if (read_credential(r, node->items[i], e) < 0)
			return -1;
	return 0;
}

static int
read_endpoints(struct reader *r, const struct yaml_node *node, struct error *e)
{
	if (node->kind != YAML_SEQUENCE || node->n > PROFILE_LIST_MAX)
		return complain(node, "a list is wanted here", e);
	r->endpoints = node;
	return 0;
}

static int
read_binaries(struct reader *r, const struct yaml_node *node, struct error *e)
{
	if (node->kind != YAML_SEQUENCE || node->n > PROFILE_LIST_MAX)
		return complain(node, "a list is wanted here", e);
	r->binaries = node;
	return 0;
}

static const struct {
	const char *name;
	int (*read)(struct reader *, const struct yaml_node *, struct error *);
} keys[] = {
	{ "id", read_id },
	{ "aliases", read_aliases },
	{ "display_name", read_display_name },
	{ "description", read_description },
	{ "category", read_category },
	{ "inference_capable", read_inference },
	{ "credentials", read_credentials },
	{ "endpoints", read_endpoints },
	{ "binaries", read_binaries },
};

static int
read_key(struct reader *r, const char *key, const struct yaml_node *node,
    struct error *e)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i].name, key) == 0) {
			if (keys[i].read(r, node, e) == 0)
				return 0;
			return error_prefix(e, "'%s'", key);
		}
	return error_set(e, ERR_INVALID, "%u:%u: unknown key '%s'", node->line,
	    node->column, key);
}

/*
 * Rules.
 */

/* The block as the policy language spells it; NULL and e if it isn't right. */
static char *
canonical_block(const struct reader *r, struct error *e)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT;
	struct violations *bad = xcalloc(1, sizeof(*bad));
	struct policy *policy = NULL;
	autofree char *json = NULL;
	char *block = NULL;
	cJSON *tree;

	(void)buf_puts(&b, "{\"version\":1,\"network_policies\":{\"" BLOCK
			   "\":{\"endpoints\":");
	put_json(&b, r->endpoints);
	(void)buf_puts(&b, ",\"binaries\":");
	if (r->binaries != NULL)
		put_json(&b, r->binaries);
	else
		(void)buf_puts(&b, "[{\"path\":\"/**\"}]");
	(void)buf_puts(&b, "}}}");
	if (policy_parse(buf_str(&b), b.len, &policy, bad, NULL) < 0) {
		(void)error_set(e, ERR_INVALID, "%s: %s", bad->v[0].path,
		    bad->v[0].message);
	} else {
		json = policy_to_json(policy);
		tree = cJSON_Parse(json);
		block = cJSON_PrintUnformatted(cJSON_GetObjectItem(
		    cJSON_GetObjectItem(tree, "network_policies"), BLOCK));
		cJSON_Delete(tree);
	}
	policy_free(policy);
	violations_clear(bad);
	free(bad);
	return block;
}

static void
add_endpoint(struct profile *p, const char *host, double port, const char *path)
{
	p->endpoints[p->n_endpoints++] =
	    (struct profile_endpoint){ arena_strdup(&p->arena, host),
		    (int64_t)port,
		    path != NULL ? arena_strdup(&p->arena, path) : NULL };
}

/* Where its credentials may go, read from the canonical form. */
static void
list_endpoints(struct profile *p, const char *block)
{
	cJSON *tree = cJSON_Parse(block);
	const cJSON *list = cJSON_GetObjectItem(tree, "endpoints"), *one, *port;

	p->endpoints = arena_alloc(
	    &p->arena, (size_t)PROFILE_LIST_MAX, sizeof(*p->endpoints));
	cJSON_ArrayForEach(one, list)
	{
		const char *host =
		    cJSON_GetStringValue(cJSON_GetObjectItem(one, "host"));
		const char *path =
		    cJSON_GetStringValue(cJSON_GetObjectItem(one, "path"));

		port = cJSON_GetObjectItem(one, "port");
		if (host != NULL && port != NULL &&
		    p->n_endpoints < PROFILE_LIST_MAX)
			add_endpoint(p, host, port->valuedouble, path);
		cJSON_ArrayForEach(port, cJSON_GetObjectItem(one, "ports"))
		{
			if (host != NULL && p->n_endpoints < PROFILE_LIST_MAX)
				add_endpoint(p, host, port->valuedouble, path);
		}
	}
	cJSON_Delete(tree);
}

static int
read_rules(struct reader *r, struct error *e)
{
	autofree char *block = NULL;

	if (r->endpoints == NULL)
		return r->binaries == NULL
			   ? 0
			   : complain(
				 r->binaries, "'binaries' need 'endpoints'", e);
	block = canonical_block(r, e);
	if (block == NULL)
		return -1;
	list_endpoints(r->p, block);
	if (r->binaries != NULL)
		r->p->block = arena_strdup(&r->p->arena, block);
	return 0;
}

static int
read_profile(struct reader *r, const struct yaml_node *root, struct error *e)
{
	if (root->kind != YAML_MAPPING)
		return complain(root, "a profile is a mapping", e);
	for (size_t i = 0; i < root->n; i++)
		if (read_key(r, root->keys[i], root->items[i], e) < 0)
			return -1;
	if (r->p->id == NULL)
		return complain(root, "'id' is missing", e);
	return read_rules(r, e);
}

int
profile_parse(const char *text, size_t n, struct profile **ret, struct error *e)
{
	struct yaml_node *root = NULL;
	struct yaml_error bad;
	struct reader r = { 0 };

	if (n > PROFILE_FILE_MAX)
		return error_set(e, ERR_LIMIT, "a profile has at most %d bytes",
		    PROFILE_FILE_MAX);
	if (yaml_read(text, n, &root, &bad) < 0)
		return error_set(e, ERR_INVALID, "%u:%u: %s", bad.line,
		    bad.column, bad.text);
	r.p = xcalloc(1, sizeof(*r.p));
	r.p->category = categories[0];
	if (read_profile(&r, root, e) < 0) {
		profile_free(r.p);
		r.p = NULL;
	} else if (r.p->display_name == NULL) {
		r.p->display_name = r.p->id;
	}
	yaml_node_free(root);
	*ret = r.p;
	return r.p != NULL ? 0 : -1;
}

const struct profile_refresh *
profile_refresh(const struct profile *p, const char *key)
{
	for (size_t i = 0; i < p->n_refreshes; i++)
		for (size_t k = 0; k < p->refreshes[i].keys.n; k++)
			if (strcmp(p->refreshes[i].keys.v[k], key) == 0)
				return &p->refreshes[i];
	return NULL;
}

void
profile_free(struct profile *p)
{
	if (p == NULL)
		return;
	arena_clear(&p->arena);
	free(p);
}

/*
 * All of them.
 */

static struct profile *
by_id(const struct profiles *all, const char *id)
{
	struct profile *p;

	TAILQ_FOREACH(p, all, next)
	if (strcmp(p->id, id) == 0)
		return p;
	return NULL;
}

static void
load_file(struct profiles *all, const char *dir, const char *name)
{
	autofree char *path = xasprintf("%s/%s", dir, name);
	autofree char *text = xmalloc(PROFILE_FILE_MAX + 1);
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, PROFILE_FILE_MAX + 1);
	struct profile *p, *old;
	struct error e;

	if (n < 0) {
		log_warn("cannot read profile path=%s", path);
		return;
	}
	if (profile_parse(text, (size_t)n, &p, &e) < 0) {
		log_warnx("%s:%s", path, e.text);
		return;
	}
	old = by_id(all, p->id);
	if (old != NULL) {
		TAILQ_REMOVE(all, old, next);
		profile_free(old);
	}
	TAILQ_INSERT_TAIL(all, p, next);
}

static int
is_yaml(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 5 &&
	       strcmp(d->d_name + n - 5, ".yaml") == 0;
}

static void
load_directory(struct profiles *all, const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_yaml, alphasort);

	for (int i = 0; i < n; i++) {
		if (i < PROFILES_MAX)
			load_file(all, dir, names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

void
profiles_load(struct profiles *all, const char *config_dir)
{
	autofree char *shipped = program_data("providers");
	autofree char *own = xasprintf("%s/providers", config_dir);

	load_directory(all, shipped);
	load_directory(all, own);
}

void
profiles_clear(struct profiles *all)
{
	struct profile *p, *next;

	for (p = TAILQ_FIRST(all); p != NULL; p = next) {
		next = TAILQ_NEXT(p, next);
		profile_free(p);
	}
	TAILQ_INIT(all);
}

const struct profile *
profile_find(const struct profiles *all, const char *type)
{
	const struct profile *p = by_id(all, type);

	if (p != NULL)
		return p;
	TAILQ_FOREACH(p, all, next)
	for (size_t i = 0; i < p->aliases.n; i++)
		if (strcmp(p->aliases.v[i], type) == 0)
			return p;
	return NULL;
}
