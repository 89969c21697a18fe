/* SPDX-License-Identifier: Apache-2.0 */
/* standalone.c - see standalone.h. */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/http/authority.h"
#include "common/privacy/privacy.h"
#include "common/wire/router.h"
#include "common/xalloc.h"
#include "common/yaml.h"
#include "routerd/backend.h"
#include "routerd/standalone.h"
#include "routerd/table.h"

#define FILE_MAX 262144
#define BACKLOG 1024

struct reader {
	const char *path;
	struct router_route *routes;
	size_t n;
};

static int
read_file(const char *path, char **ret, size_t *ret_n, struct error *e)
{
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return error_errno(e, "cannot read '%s'", path);
	*ret = xmalloc(FILE_MAX + 1);
	*ret_n = fread(*ret, 1, FILE_MAX + 1, f);
	(void)fclose(f);
	if (*ret_n <= FILE_MAX)
		return 0;
	free(*ret);
	*ret = NULL;
	return error_set(e, ERR_LIMIT, "'%s' is too large", path);
}

static int
complain(const struct reader *r, const struct yaml_node *at, const char *what,
    struct error *e)
{
	return error_set(e, ERR_INVALID, "%s:%u: %s", r->path, at->line, what);
}

#define F(member) offsetof(struct router_route, member)
static const struct {
	const char *key;
	size_t offset;
} texts[] = {
	{ "name", F(name) },
	{ "route", F(name) },
	{ "provider", F(provider) },
	{ "provider_type", F(type) },
	{ "endpoint", F(endpoint) },
	{ "model", F(model) },
	{ "api_key", F(key) },
	{ "access_key", F(access_key) },
	{ "session_token", F(session_token) },
	{ "region", F(region) },
};

static const struct {
	const char *key;
	size_t offset;
	long max;
} numbers[] = {
	{ "timeout", F(timeout_s), 86400 },
	{ "requests_per_minute", F(requests_per_minute), 1000000000 },
	{ "tokens_per_minute", F(tokens_per_minute), 1000000000 },
	{ "concurrent", F(concurrent), 1000000000 },
};
#undef F

static int
read_number(struct reader *r, const struct yaml_node *node, long max,
    int64_t *ret, struct error *e)
{
	char *rest;
	long n = strtol(node->text, &rest, 10);

	if (*node->text == '\0' || *rest != '\0' || n < 0 || n > max)
		return complain(r, node, "a number is wanted here", e);
	*ret = n;
	return 0;
}

static int
read_names(struct reader *r, const struct yaml_node *node, struct strings *to,
    struct error *e)
{
	if (node->kind != YAML_SEQUENCE)
		return complain(r, node, "a list of names is wanted here", e);
	to->v = xcalloc(node->n + 1, sizeof(char *));
	for (size_t i = 0; i < node->n; i++) {
		if (node->items[i]->kind != YAML_SCALAR)
			return complain(
			    r, node, "a list of names is wanted here", e);
		to->v[to->n++] = node->items[i]->text;
	}
	return 0;
}

/* In the form in which gatewayd gives it; owned by the route. */
static int
read_privacy(struct reader *r, const struct yaml_node *node,
    struct router_route *to, struct error *e)
{
	struct privacy *p;

	if (privacy_read(node, &p, e) < 0)
		return error_prefix(e, "%s", r->path);
	to->privacy = privacy_to_json(p);
	privacy_free(p);
	return 0;
}

static int
read_member(struct reader *r, const char *key, const struct yaml_node *node,
    struct router_route *to, struct error *e)
{
	if (strcmp(key, "fallbacks") == 0)
		return read_names(r, node, &to->fallbacks, e);
	if (strcmp(key, "privacy") == 0)
		return read_privacy(r, node, to, e);
	if (strcmp(key, "protocols") == 0)
		return read_names(r, node, &to->protocols, e);
	if (node->kind != YAML_SCALAR)
		return complain(r, node, "a text is wanted here", e);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(key, numbers[i].key) == 0)
			return read_number(r, node, numbers[i].max,
			    (int64_t *)((char *)to + numbers[i].offset), e);
	if (strcmp(key, "api_key_env") == 0) {
		to->key = getenv(node->text);
		return to->key == NULL
			   ? complain(r, node, "'api_key_env' isn't set", e)
			   : 0;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(key, texts[i].key) != 0)
			continue;
		*(const char **)((char *)to + texts[i].offset) = node->text;
		return 0;
	}
	return error_set(e, ERR_INVALID, "%s:%u: unknown key '%s'", r->path,
	    node->line, key);
}

static int
read_route(struct reader *r, const struct yaml_node *node, struct error *e)
{
	struct router_route *to = &r->routes[r->n];
	const struct backend *backend;

	if (node->kind != YAML_MAPPING)
		return complain(r, node, "a route is a mapping", e);
	r->n++;
	*to = (struct router_route){
		.scope = "", .name = ROUTER_DEFAULT, .type = "openai"
	};
	for (size_t i = 0; i < node->n; i++)
		if (read_member(r, node->keys[i], node->items[i], to, e) < 0)
			return -1;
	if (to->provider == NULL)
		to->provider = to->type;
	backend = backend_find(to->type);
	if (to->endpoint == NULL && backend != NULL)
		to->endpoint = backend->endpoint;
	if (to->endpoint == NULL)
		return complain(r, node, "'endpoint' is missing", e);
	return 0;
}

static int
read_routes(struct reader *r, const struct yaml_node *root, struct error *e)
{
	const struct yaml_node *list;

	if (root->kind != YAML_MAPPING || root->n != 1 ||
	    strcmp(root->keys[0], "routes") != 0 ||
	    root->items[0]->kind != YAML_SEQUENCE)
		return complain(r, root, "the file is 'routes:' and a list", e);
	list = root->items[0];
	r->routes = xcalloc(list->n + 1, sizeof(*r->routes));
	for (size_t i = 0; i < list->n; i++)
		if (read_route(r, list->items[i], e) < 0)
			return -1;
	return 0;
}

int
standalone_parse(const char *name, const char *text, size_t n,
    struct table **ret, struct error *e)
{
	struct reader r = { .path = name };
	struct yaml_node *root = NULL;
	struct yaml_error bad;
	int result;

	if (yaml_read(text, n, &root, &bad) < 0)
		return error_set(e, ERR_INVALID, "%s:%u:%u: %s", name, bad.line,
		    bad.column, bad.text);
	result = read_routes(&r, root, e);
	if (result == 0)
		result = table_new(
		    &(struct router_set_routes){ .routes = { r.routes, r.n } },
		    true, ret, e);
	for (size_t i = 0; i < r.n; i++) {
		free(r.routes[i].fallbacks.v);
		free(r.routes[i].protocols.v);
		free((void *)(uintptr_t)r.routes[i].privacy);
	}
	free(r.routes);
	yaml_node_free(root);
	return result;
}

int
standalone_read(const char *path, struct table **ret, struct error *e)
{
	autofree char *text = NULL;
	size_t n;

	if (read_file(path, &text, &n, e) < 0)
		return -1;
	return standalone_parse(path, text, n, ret, e);
}

int
standalone_listen(const char *address, int *ret_fd, struct error *e)
{
	struct http_slice text = { address, strlen(address) };
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct http_authority where;
	int one = 1;

	if (http_authority_parse(text, &where, e) < 0)
		return -1;
	if (where.port == 0 || inet_pton(AF_INET, where.host, &a.sin_addr) != 1)
		return error_set(
		    e, ERR_INVALID, "'%s' is no ADDRESS:PORT", address);
	a.sin_port = htons(where.port);
	*ret_fd =
	    socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*ret_fd < 0)
		return error_errno(e, "cannot make a socket");
	(void)setsockopt(*ret_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(*ret_fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(*ret_fd, BACKLOG) < 0)
		return error_errno(e, "cannot listen on '%s'", address);
	return 0;
}
