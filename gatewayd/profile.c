/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile.c - see profile.h.
 *
 * One table per mapping: a row is a key and how its value is read.  Reading
 * goes on after a mistake, so that an author sees all of them at once.
 * Endpoints and binaries are the policy language's, which reads them itself.
 */
#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/policy/policy.h"
#include "common/utf8.h"
#include "common/wire/provider.h"
#include "common/xalloc.h"
#include "common/yaml.h"
#include "gatewayd/naming.h"
#include "gatewayd/profile.h"

#define BLOCK "profile" /* the name of its block in the policy of its own */
#define BLOCK_PATH "network_policies." BLOCK "."
#define ID_MAX 63
#define TEXT_MAX 1024 /* bytes of one text */

struct reader {
	struct profile *p;
	struct violations *bad;
	struct violations *warnings; /* or NULL */
	const struct yaml_node *endpoints;
	const struct yaml_node *binaries;
	struct strings discovered; /* names of credentials */
	const struct yaml_node *discovery;
	char path[128]; /* of the mapping at hand: "credentials[0]." */
};

struct key;
typedef void read_fn(
    struct reader *, const struct yaml_node *, void *to, const struct key *);

struct key {
	const char *name;
	read_fn *read;
	size_t offset; /* of the member */
	const char *const *words;
};

static void
add_violation(struct violations *to, unsigned line, unsigned column,
    const char *path, const char *message)
{
	if (to == NULL)
		return;
	if (to->n == POLICY_VIOLATIONS_MAX)
		to->more = true;
	else
		to->v[to->n++] = (struct violation){ line, column,
			xstrdup(path), xstrdup(message) };
}

__attribute__((format(printf, 4, 5))) static void
complain(struct reader *r, const struct yaml_node *at, const char *key,
    const char *fmt, ...)
{
	char path[256], message[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	(void)snprintf(path, sizeof(path), "%s%.100s", r->path, key);
	if (*key == '\0' && *path != '\0')
		path[strlen(path) - 1] = '\0'; /* the mapping itself */
	add_violation(r->bad, at->line, at->column, path, message);
}

/*
 * Values.
 */

static bool
is_kind(struct reader *r, const struct yaml_node *node, const char *key,
    enum yaml_kind kind)
{
	if (node->kind == kind && node->n <= PROFILE_LIST_MAX)
		return true;
	if (node->kind == kind)
		complain(r, node, key,
		    "has %zu entries; at most %d are allowed", node->n,
		    PROFILE_LIST_MAX);
	else
		complain(r, node, key, "must be a %s",
		    kind == YAML_MAPPING ? "mapping" : "list");
	return false;
}

/* Control characters would make one thing look like another. */
static bool
is_clean(const char *s)
{
	for (size_t n; *s != '\0'; s += n) {
		n = utf8_length(s);
		if (n == 0 || utf8_is_control(s))
			return false;
	}
	return true;
}

/* The text of a scalar, the arena's; NULL and a violation. */
static const char *
take_text(struct reader *r, const struct yaml_node *node, const char *key)
{
	if (node->kind != YAML_SCALAR || yaml_node_is_null(node) ||
	    *node->text == '\0')
		complain(r, node, key, "must be a text");
	else if (strlen(node->text) > TEXT_MAX)
		complain(r, node, key, "is longer than %d bytes", TEXT_MAX);
	else if (!is_clean(node->text))
		complain(r, node, key, "has a control character");
	else
		return arena_strdup(&r->p->arena, node->text);
	return NULL;
}

static void
read_text(struct reader *r, const struct yaml_node *node, void *to,
    const struct key *key)
{
	*(const char **)((char *)to + key->offset) =
	    take_text(r, node, key->name);
}

static void
read_word(struct reader *r, const struct yaml_node *node, void *to,
    const struct key *key)
{
	const char *text = take_text(r, node, key->name);
	char known[160] = "";

	if (text == NULL)
		return;
	for (const char *const *w = key->words; *w != NULL; w++) {
		size_t n = strlen(known);

		if (strcmp(*w, text) == 0) {
			*(const char **)((char *)to + key->offset) = text;
			return;
		}
		(void)snprintf(known + n, sizeof(known) - n, "%s%s",
		    n > 0 ? ", " : "", *w);
	}
	complain(
	    r, node, key->name, "must be one of %s, not '%.40s'", known, text);
}

static void
read_bool(struct reader *r, const struct yaml_node *node, void *to,
    const struct key *key)
{
	bool is_scalar = node->kind == YAML_SCALAR && node->plain;

	if (is_scalar && strcmp(node->text, "true") == 0)
		*(bool *)((char *)to + key->offset) = true;
	else if (!is_scalar || strcmp(node->text, "false") != 0)
		complain(r, node, key->name, "must be true or false");
}

static void
read_texts(struct reader *r, const struct yaml_node *node, void *to,
    const struct key *key)
{
	struct strings *list = (void *)((char *)to + key->offset);

	if (!is_kind(r, node, key->name, YAML_SEQUENCE))
		return;
	list->v = arena_alloc(&r->p->arena, node->n + 1, sizeof(*list->v));
	for (size_t i = 0; i < node->n; i++) {
		const char *text = take_text(r, node->items[i], key->name);

		if (text != NULL)
			list->v[list->n++] = text;
	}
}

static bool
is_id(const char *s)
{
	return strlen(s) <= ID_MAX &&
	       s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static void
read_id(struct reader *r, const struct yaml_node *node, void *to,
    const struct key *key)
{
	struct profile *p = to;

	p->id = take_text(r, node, key->name);
	p->line = node->line;
	p->column = node->column;
	if (p->id != NULL && !is_id(p->id))
		complain(r, node, key->name,
		    "has lower-case letters, digits and '-', at most %d",
		    ID_MAX);
}

static void
read_aliases(struct reader *r, const struct yaml_node *node, void *to,
    const struct key *key)
{
	struct profile *p = to;

	read_texts(r, node, to, key);
	for (size_t i = 0; i < p->aliases.n; i++)
		if (!is_id(p->aliases.v[i]))
			complain(r, node, key->name,
			    "'%.70s' has other characters than lower-case "
			    "letters, digits and '-', or more than %d",
			    p->aliases.v[i], ID_MAX);
}

static void
read_variables(struct reader *r, const struct yaml_node *node, void *to,
    const struct key *key)
{
	struct strings *list = (void *)((char *)to + key->offset);
	struct error e;

	read_texts(r, node, to, key);
	for (size_t i = 0; i < list->n; i++)
		if (strlen(list->v[i]) > PROVIDER_KEY_MAX)
			complain(r, node, key->name,
			    "has a name of more than %d bytes",
			    PROVIDER_KEY_MAX);
		else if (naming_check_key(list->v[i], &e) < 0)
			complain(r, node, key->name, "%s", e.text);
}

/*
 * Mappings.
 */

static void
read_map(struct reader *r, const struct yaml_node *node, const struct key *keys,
    void *to)
{
	for (size_t i = 0; i < node->n; i++) {
		const struct key *k = keys;

		while (k->name != NULL && strcmp(k->name, node->keys[i]) != 0)
			k++;
		if (k->name != NULL)
			k->read(r, node->items[i], to, k);
		else
			complain(
			    r, node->items[i], node->keys[i], "unknown key");
	}
}

/* What is below a key is called by it, until leave(). */
static size_t
enter(struct reader *r, const char *key)
{
	size_t n = strlen(r->path);

	(void)snprintf(r->path + n, sizeof(r->path) - n, "%s.", key);
	return n;
}

static void
leave(struct reader *r, size_t n)
{
	r->path[n] = '\0';
}

/* Texts by names of the operator's. */
static void
read_material(struct reader *r, const struct yaml_node *node, void *to,
    const struct key *key)
{
	struct pairs *pairs = (void *)((char *)to + key->offset);
	size_t at;

	if (!is_kind(r, node, key->name, YAML_MAPPING))
		return;
	pairs->v = arena_alloc(&r->p->arena, node->n + 1, sizeof(*pairs->v));
	at = enter(r, key->name);
	for (size_t i = 0; i < node->n; i++) {
		const char *text = take_text(r, node->items[i], node->keys[i]);

		if (text != NULL)
			pairs->v[pairs->n++] = (struct pair){
				arena_strdup(&r->p->arena, node->keys[i]), text
			};
	}
	leave(r, at);
}

#define K(member) offsetof(struct profile_refresh, member)
static const struct key refresh_keys[] = {
	{ "strategy", read_text, K(strategy) },
	{ "token_url", read_text, K(token_url) },
	{ "material", read_material, K(material) },
	{ 0 },
};
#undef K

static void
read_refresh(struct reader *r, const struct yaml_node *node, void *to,
    const struct key *key)
{
	struct profile_refresh *refresh = (void *)((char *)to + key->offset);
	const size_t before = r->bad->n;
	size_t at;

	if (!is_kind(r, node, key->name, YAML_MAPPING))
		return;
	at = enter(r, key->name);
	read_map(r, node, refresh_keys, refresh);
	if (refresh->strategy == NULL && r->bad->n == before)
		complain(r, node, "strategy", "is missing");
	leave(r, at);
}

static const char *const auth_styles[] = { "basic", "bearer", "header", "query",
	"path", NULL };

#define K(member) offsetof(struct profile_credential, member)
static const struct key credential_keys[] = {
	{ "name", read_text, K(name) },
	{ "env_vars", read_variables, K(variables) },
	{ "required", read_bool, K(required) },
	{ "auth_style", read_word, K(auth_style), auth_styles },
	{ "header_name", read_text, K(header_name) },
	{ "query_param", read_text, K(query_param) },
	{ "path_template", read_text, K(path_template) },
	{ "refresh", read_refresh, K(refresh) },
	{ 0 },
};
#undef K

/* What goes with an auth_style goes with no other. */
static void
check_style(struct reader *r, const struct yaml_node *node,
    const struct profile_credential *c)
{
	const struct {
		const char *style;
		const char *key;
		const char *value;
	} needs[] = {
		{ "header", "header_name", c->header_name },
		{ "query", "query_param", c->query_param },
		{ "path", "path_template", c->path_template },
	};

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		bool is_it = c->auth_style != NULL &&
			     strcmp(c->auth_style, needs[i].style) == 0;

		if (is_it && needs[i].value == NULL)
			complain(r, node, needs[i].key,
			    "is missing: auth_style is %s", needs[i].style);
		else if (!is_it && needs[i].value != NULL)
			complain(r, node, needs[i].key,
			    "needs 'auth_style: %s'", needs[i].style);
	}
	if (c->path_template != NULL && c->path_template[0] != '/')
		complain(r, node, "path_template", "must start with '/'");
}

static void
read_credentials(struct reader *r, const struct yaml_node *node, void *to,
    const struct key *key)
{
	struct profile *p = to;

	if (!is_kind(r, node, key->name, YAML_SEQUENCE))
		return;
	p->credentials =
	    arena_alloc(&p->arena, node->n + 1, sizeof(*p->credentials));
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_node *one = node->items[i];
		struct profile_credential *c = &p->credentials[i];

		(void)snprintf(
		    r->path, sizeof(r->path), "%s[%zu].", key->name, i);
		p->n_credentials++;
		if (is_kind(r, one, "", YAML_MAPPING)) {
			read_map(r, one, credential_keys, c);
			check_style(r, one, c);
			if (c->required && c->variables.n == 0)
				complain(r, one, "env_vars",
				    "is missing: what is required has a name");
		}
		r->path[0] = '\0';
	}
}

static const struct key discovery_keys[] = {
	{ "credentials", read_texts, offsetof(struct reader, discovered) },
	{ 0 },
};

static void
read_discovery(struct reader *r, const struct yaml_node *node, void *to,
    const struct key *key)
{
	(void)to;
	if (!is_kind(r, node, key->name, YAML_MAPPING))
		return;
	r->discovery = node;
	(void)snprintf(r->path, sizeof(r->path), "%s.", key->name);
	read_map(r, node, discovery_keys, r);
	r->path[0] = '\0';
}

/* Kept for read_rules(), which needs both. */
static void
keep_node(struct reader *r, const struct yaml_node *node, void *to,
    const struct key *key)
{
	(void)to;
	if (is_kind(r, node, key->name, YAML_SEQUENCE))
		*(const struct yaml_node **)((char *)r + key->offset) = node;
}

static const char *const categories[] = { "other", "inference", "agent",
	"source_control", "messaging", "data", "knowledge", NULL };

#define K(member) offsetof(struct profile, member)
static const struct key profile_keys[] = {
	{ "id", read_id, K(id) },
	{ "aliases", read_aliases, K(aliases) },
	{ "display_name", read_text, K(display_name) },
	{ "description", read_text, K(description) },
	{ "category", read_word, K(category), categories },
	{ "inference_capable", read_bool, K(inference_capable) },
	{ "credentials", read_credentials, K(credentials) },
	{ "discovery", read_discovery, 0 },
	{ "endpoints", keep_node, offsetof(struct reader, endpoints) },
	{ "binaries", keep_node, offsetof(struct reader, binaries) },
	{ 0 },
};
#undef K

/*
 * What the keys say together.
 */

static bool
has_text(const struct strings *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], text) == 0)
			return true;
	return false;
}

static bool
is_discovered(const struct reader *r, const struct profile_credential *c)
{
	return r->discovery == NULL ||
	       (c->name != NULL && has_text(&r->discovered, c->name));
}

static void
check_discovery(struct reader *r)
{
	for (size_t i = 0; i < r->discovered.n; i++) {
		size_t k = 0;

		while (k < r->p->n_credentials &&
		       (r->p->credentials[k].name == NULL ||
			   strcmp(r->p->credentials[k].name,
			       r->discovered.v[i]) != 0))
			k++;
		if (k == r->p->n_credentials)
			complain(r, r->discovery, "discovery.credentials",
			    "there is no credential '%.80s'",
			    r->discovered.v[i]);
	}
}

/* Once; false: there are as many as may be. */
static bool
add_variable(struct profile *p, const char *name)
{
	if (has_text(&p->variables, name))
		return true;
	if (p->variables.n == PROFILE_LIST_MAX)
		return false;
	p->variables.v[p->variables.n++] = name;
	return true;
}

/* Of all credentials that are looked for.  It ends at the first too many:
 * each is compared with all before it. */
static void
list_variables(struct reader *r, const struct yaml_node *root)
{
	struct profile *p = r->p;

	p->variables.v = arena_alloc(
	    &p->arena, (size_t)PROFILE_LIST_MAX + 1, sizeof(const char *));
	for (size_t i = 0; i < p->n_credentials; i++) {
		const struct strings *from = &p->credentials[i].variables;

		if (!is_discovered(r, &p->credentials[i]))
			continue;
		for (size_t k = 0; k < from->n; k++)
			if (!add_variable(p, from->v[k])) {
				complain(r, root, "credentials",
				    "has more than %d env_vars in all",
				    PROFILE_LIST_MAX);
				return;
			}
	}
}

/*
 * Rules.
 */

/* The policy of its own has names that the author didn't write. */
static void
add_all(struct violations *to, const struct violations *from)
{
	size_t n = strlen(BLOCK_PATH);

	for (size_t i = 0; i < from->n; i++) {
		const struct violation *v = &from->v[i];
		bool inside = strncmp(v->path, BLOCK_PATH, n) == 0;

		add_violation(to, v->line, v->column,
		    inside ? v->path + n : "endpoints", v->message);
	}
}

/* The block as the policy language spells it; NULL if it isn't right. */
static char *
canonical_block(struct reader *r)
{
	autofree struct violations *bad = xcalloc(1, sizeof(*bad));
	autofree struct violations *warnings = xcalloc(1, sizeof(*warnings));
	struct policy *policy = NULL;
	autofree char *json = NULL;
	char *block = NULL;
	cJSON *tree;

	if (policy_parse_block(BLOCK, r->endpoints, r->binaries, &policy, bad,
		warnings) == 0) {
		json = policy_to_json(policy);
		tree = cJSON_Parse(json);
		block = cJSON_PrintUnformatted(cJSON_GetObjectItem(
		    cJSON_GetObjectItem(tree, "network_policies"), BLOCK));
		cJSON_Delete(tree);
		policy_free(policy);
	}
	add_all(r->bad, bad);
	add_all(r->warnings, warnings);
	violations_clear(bad);
	violations_clear(warnings);
	return block;
}

static void
add_endpoint(struct reader *r, const char *host, double port, const char *path)
{
	struct profile *p = r->p;

	if (p->n_endpoints == PROFILE_LIST_MAX)
		complain(r, r->endpoints, "endpoints",
		    "more than %d pairs of host and port", PROFILE_LIST_MAX);
	if (p->n_endpoints++ < PROFILE_LIST_MAX)
		p->endpoints[p->n_endpoints - 1] = (struct profile_endpoint){
			arena_strdup(&p->arena, host),
			(int64_t)port,
			path != NULL ? arena_strdup(&p->arena, path) : NULL,
		};
}

/* Where its credentials may go, read from the canonical form. */
static void
list_endpoints(struct reader *r, const char *block)
{
	cJSON *tree = cJSON_Parse(block);
	const cJSON *list = cJSON_GetObjectItem(tree, "endpoints"), *one, *port;

	r->p->endpoints = arena_alloc(
	    &r->p->arena, (size_t)PROFILE_LIST_MAX, sizeof(*r->p->endpoints));
	cJSON_ArrayForEach(one, list)
	{
		const char *host =
		    cJSON_GetStringValue(cJSON_GetObjectItem(one, "host"));
		const char *path =
		    cJSON_GetStringValue(cJSON_GetObjectItem(one, "path"));

		if (host == NULL)
			continue;
		port = cJSON_GetObjectItem(one, "port");
		if (port != NULL)
			add_endpoint(r, host, port->valuedouble, path);
		cJSON_ArrayForEach(port, cJSON_GetObjectItem(one, "ports"))
		{
			add_endpoint(r, host, port->valuedouble, path);
		}
	}
	cJSON_Delete(tree);
}

static void
read_rules(struct reader *r)
{
	autofree char *block = NULL;

	if (r->endpoints == NULL || r->endpoints->n == 0) {
		if (r->binaries != NULL)
			complain(
			    r, r->binaries, "binaries", "needs 'endpoints'");
		return;
	}
	block = canonical_block(r);
	if (block == NULL)
		return;
	list_endpoints(r, block);
	if (r->binaries != NULL)
		r->p->block = arena_strdup(&r->p->arena, block);
}

static void
read_profile(struct reader *r, const struct yaml_node *root)
{
	if (root->kind != YAML_MAPPING) {
		complain(r, root, "", "a profile must be a mapping");
		return;
	}
	read_map(r, root, profile_keys, r->p);
	if (r->p->line == 0)
		complain(r, root, "id", "is missing");
	if (r->p->display_name == NULL)
		r->p->display_name = r->p->id;
	check_discovery(r);
	list_variables(r, root);
	read_rules(r);
}

int
profile_parse(const char *text, size_t n, struct profile **ret,
    struct violations *bad, struct violations *warnings)
{
	struct reader r = { .bad = bad, .warnings = warnings };
	struct yaml_node *root = NULL;
	struct yaml_error wrong = { 1, 1, "" };
	autofree char *copy = NULL;

	*bad = (struct violations){ 0 };
	if (warnings != NULL)
		*warnings = (struct violations){ 0 };
	if (n > PROFILE_FILE_MAX)
		(void)snprintf(wrong.text, sizeof(wrong.text),
		    "a profile has at most %d bytes", PROFILE_FILE_MAX);
	if (n > PROFILE_FILE_MAX || yaml_read(text, n, &root, &wrong) < 0) {
		add_violation(bad, wrong.line, wrong.column, "", wrong.text);
		return -1;
	}
	r.p = xcalloc(1, sizeof(*r.p));
	r.p->category = categories[0];
	read_profile(&r, root);
	yaml_node_free(root);
	if (bad->n > 0) {
		profile_free(r.p);
		return -1;
	}
	copy = xstrndup(text, n);
	r.p->text = arena_strdup(&r.p->arena, copy);
	*ret = r.p;
	return 0;
}

const struct profile_refresh *
profile_refresh(const struct profile *p, const char *key)
{
	for (size_t i = 0; i < p->n_credentials; i++)
		if (p->credentials[i].refresh.strategy != NULL &&
		    has_text(&p->credentials[i].variables, key))
			return &p->credentials[i].refresh;
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

bool
profile_is_called(const struct profile *p, const char *name)
{
	return strcmp(p->id, name) == 0 || has_text(&p->aliases, name);
}

const struct profile *
profile_find(const struct profiles *all, const char *type)
{
	const struct profile *p;

	TAILQ_FOREACH(p, all, next)
	if (profile_is_called(p, type))
		return p;
	return NULL;
}
