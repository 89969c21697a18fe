/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_check.c - see policy_check.h.
 *
 * The steps are those of a connection through proxyd: host, port and caller;
 * the addresses; then, where requests are inspected, the canonical path with
 * method and query.  Symlinks lead where they lead on this host, whose
 * programs a sandbox sees.
 */
#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "cli/policy_check.h"
#include "common/cleanup.h"
#include "common/http/authority.h"
#include "common/http/path.h"
#include "common/policy/policy.h"
#include "common/xalloc.h"

#define ADDRESSES_MAX 32
#define ANCESTORS_MAX 16

#define O(member) offsetof(struct policy_check_options, member)
const struct option_row policy_check_rows[] = {
	{ "policy", 0, OPTION_STRING, O(policy), "FILE", "the policy (YAML)" },
	{ "binary", 'b', OPTION_STRING, O(binary), "EXE",
	    "the program that would connect" },
	{ "ancestor", 0, OPTION_LIST, O(ancestors), "EXE",
	    "what started it, nearest first; may be repeated" },
	{ "resolve", 0, OPTION_LIST, O(resolve), "HOST:PORT:ADDR[,ADDR]",
	    "addresses of a host, instead of asking DNS" },
	{ "method", 'X', OPTION_STRING, O(method), "METHOD",
	    "of the request (GET)" },
	{ "output", 'o', OPTION_STRING, O(output), "FORMAT",
	    "table, json or yaml" },
	{ NULL },
};
#undef O

struct question {
	const struct policy_check_options *options;
	struct matcher *matcher;
	struct caller caller;
	struct http_url url;
	bool has_requests; /* http or https */
	const char *host;
	uint16_t port;
	struct sockaddr_storage addresses[ADDRESSES_MAX];
	size_t n_addresses;
};

static cJSON *
tree_of_violations(const struct violations *all)
{
	cJSON *tree = cJSON_CreateArray();

	for (size_t i = 0; i < all->n; i++) {
		cJSON *v = cJSON_CreateObject();

		cJSON_AddNumberToObject(v, "line", all->v[i].line);
		cJSON_AddNumberToObject(v, "column", all->v[i].column);
		cJSON_AddStringToObject(v, "path", all->v[i].path);
		cJSON_AddStringToObject(v, "message", all->v[i].message);
		cJSON_AddItemToArray(tree, v);
	}
	return tree;
}

static void
show_violations(const char *file, const char *kind, enum colour colour,
    const struct violations *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct violation *v = &all->v[i];
		autofree char *where =
		    xasprintf("%s:%u:%u: ", file, v->line, v->column);
		autofree char *what = xasprintf("%s%s%s", v->path,
		    v->path[0] != '\0' ? ": " : "", v->message);

		print_text(stderr, BOLD, where);
		print_text(stderr, colour, kind);
		print_text(stderr, PLAIN, what);
		(void)fputs("\n", stderr);
	}
	if (all->more)
		fprintf(stderr, "%s: there are more\n", file);
}

static void
report(const struct policy_check_options *o, enum format format,
    const struct violations *bad, const struct violations *odd)
{
	cJSON *tree;

	if (format != FORMAT_TABLE) {
		tree = cJSON_CreateObject();
		cJSON_AddBoolToObject(tree, "valid", bad->n == 0);
		cJSON_AddItemToObject(
		    tree, "violations", tree_of_violations(bad));
		cJSON_AddItemToObject(
		    tree, "warnings", tree_of_violations(odd));
		print_tree(tree, format);
		return;
	}
	show_violations(o->policy, "error: ", RED, bad);
	show_violations(o->policy, "warning: ", YELLOW, odd);
	if (bad->n == 0)
		say(MARK_DONE, "%s is valid", o->policy);
}

/* Where a path leads on this host; owned. */
static char *
follow(const char *path)
{
	char *target = realpath(path, NULL);

	return target != NULL ? target : xstrdup(path);
}

static struct matcher *
compile(const struct policy *policy)
{
	const char **binaries;
	size_t n = policy_binaries(policy, &binaries);
	struct pair *links = xcalloc(n + 1, sizeof(*links));
	struct matcher *m;

	for (size_t i = 0; i < n; i++) {
		links[i].name = binaries[i];
		links[i].value = follow(binaries[i]);
	}
	m = policy_compile(policy, links, n);
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)links[i].value);
	free(links);
	free(binaries);
	return m;
}

static int
parse_url(const char *text, struct question *q)
{
	static const struct {
		const char *scheme;
		uint16_t port;
		bool has_requests;
	} schemes[] = {
		{ "http", 80, true },
		{ "https", 443, true },
		{ "tcp", 0, false },
	};
	struct error e;

	/* No client sends the fragment. */
	if (http_url_parse((struct http_slice){ text, strcspn(text, "#") },
		&q->url, &e) < 0)
		return complain("'%s': %s", text, e.text);
	q->host = q->url.authority.host;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (!http_slice_is_nocase(q->url.scheme, schemes[i].scheme))
			continue;
		q->has_requests = schemes[i].has_requests;
		q->port = q->url.authority.port != 0 ? q->url.authority.port
						     : schemes[i].port;
		if (q->port != 0)
			return EXIT_DONE;
		return complain("'%s' needs a port: tcp://host:port", text);
	}
	return complain("'%s': the scheme must be http, https or tcp", text);
}

static int
add_address(struct question *q, const char *text)
{
	struct sockaddr_storage *to = &q->addresses[q->n_addresses];
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;

	if (q->n_addresses == ADDRESSES_MAX)
		return complain("more than %d addresses", ADDRESSES_MAX);
	to->ss_family = AF_INET;
	if (inet_pton(AF_INET, text, &in->sin_addr) != 1) {
		to->ss_family = AF_INET6;
		if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
			return complain("'%s' is no address", text);
	}
	q->n_addresses++;
	return EXIT_DONE;
}

/* HOST:PORT:ADDR[,ADDR], an IPv6 address bare or in brackets. */
static int
use_resolve(struct question *q, const char *row)
{
	autofree char *copy = xstrdup(row);
	char *colon = strchr(copy, ':');
	char *rest = colon != NULL ? strchr(colon + 1, ':') : NULL;
	struct http_authority of;
	char *address;
	struct error e;

	if (rest == NULL || http_authority_parse((struct http_slice){ copy,
						     (size_t)(rest - copy) },
				&of, &e) < 0)
		return complain(
		    "--resolve needs HOST:PORT:ADDR[,ADDR], not '%s'", row);
	rest++;
	if (strcmp(of.host, q->host) != 0 || of.port != q->port)
		return EXIT_DONE;
	while ((address = strsep(&rest, ",")) != NULL) {
		size_t n = strlen(address);

		if (n > 1 && address[0] == '[' && address[n - 1] == ']') {
			address[n - 1] = '\0';
			address++;
		}
		if (add_address(q, address) != EXIT_DONE)
			return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static int
ask_dns(struct question *q)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int r = getaddrinfo(q->host, NULL, &hints, &found);

	if (r != 0) {
		(void)complain(
		    "cannot resolve '%s': %s", q->host, gai_strerror(r));
		hint("--resolve %s:%u:ADDR says where it leads", q->host,
		    q->port);
		return EXIT_FAILED;
	}
	for (const struct addrinfo *a = found;
	     a != NULL && q->n_addresses < ADDRESSES_MAX; a = a->ai_next)
		memcpy(
		    &q->addresses[q->n_addresses++], a->ai_addr, a->ai_addrlen);
	freeaddrinfo(found);
	return EXIT_DONE;
}

static int
find_addresses(struct question *q)
{
	const struct list *rows = &q->options->resolve;

	if (q->url.authority.kind != HTTP_HOST_NAME)
		return add_address(q, q->host);
	if (policy_is_host_alias(q->host))
		return add_address(q, "127.0.0.1");
	for (size_t i = 0; i < rows->n; i++)
		if (use_resolve(q, rows->v[i]) != EXIT_DONE)
			return EXIT_FAILED;
	return q->n_addresses > 0 ? EXIT_DONE : ask_dns(q);
}

static void
deny_path(struct decision *d, const char *why)
{
	d->verdict = VERDICT_DENY;
	d->layer = LAYER_L7;
	d->rule = -1;
	(void)snprintf(d->reason, sizeof(d->reason), "%s", why);
}

static void
judge_request(const struct question *q, struct decision *d)
{
	const char *method =
	    q->options->method != NULL ? q->options->method : "GET";
	autofree char *query = NULL;
	struct http_path path;
	struct error e;

	if (http_path_canon(q->url.target, true, &path, &e) < 0) {
		deny_path(d, e.text);
		return;
	}
	if (path.has_encoded_slash &&
	    !matcher_allows_encoded_slash(
		q->matcher, q->host, q->port, &q->caller, path.path)) {
		deny_path(d, "the path has an encoded slash");
		return;
	}
	if (d->inspection != INSPECT_REST)
		return;
	query = http_slice_dup(path.query);
	matcher_request(q->matcher, q->host, q->port, &q->caller, method,
	    path.path, query, d);
}

static int
judge(struct question *q, struct decision *d)
{
	struct decision addresses;
	const char *detail;

	matcher_connect(q->matcher, q->host, q->port, &q->caller, d);
	if (d->verdict == VERDICT_DENY)
		return EXIT_DONE;
	if (find_addresses(q) != EXIT_DONE)
		return EXIT_FAILED;
	matcher_addresses(q->matcher, q->host, q->port, &q->caller,
	    q->addresses, q->n_addresses, &addresses, &detail);
	if (addresses.verdict == VERDICT_DENY)
		*d = addresses;
	else if (q->has_requests && d->inspection != INSPECT_NONE)
		judge_request(q, d);
	return EXIT_DONE;
}

static void
add_or_null(cJSON *tree, const char *key, const char *text)
{
	if (text != NULL)
		cJSON_AddStringToObject(tree, key, text);
	else
		cJSON_AddNullToObject(tree, key);
}

/* As the violations of a policy name their places. */
static void
show_decision(const struct decision *d, enum format format)
{
	static const char *const layers[] = { "l4", "ssrf", "l7" };
	const char *word = d->verdict == VERDICT_DENY ? "deny" : "allow";
	autofree char *endpoint =
	    d->policy == NULL || d->endpoint < 0
		? NULL
		: xasprintf("network_policies.%s.endpoints[%d]", d->policy,
		      d->endpoint);
	autofree char *rule =
	    endpoint == NULL || d->rule < 0
		? NULL
		: xasprintf("%s.%s[%d]", endpoint,
		      d->verdict == VERDICT_ALLOW ? "rules" : "deny_rules",
		      d->rule);
	cJSON *tree = cJSON_CreateObject();

	cJSON_AddStringToObject(tree, "decision", word);
	add_or_null(tree, "reason", d->reason[0] != '\0' ? d->reason : NULL);
	add_or_null(tree, "policy", d->policy);
	add_or_null(tree, "endpoint", endpoint);
	add_or_null(tree, "rule", rule);
	cJSON_AddStringToObject(tree, "layer", layers[d->layer]);
	if (format != FORMAT_TABLE) {
		print_tree(tree, format);
		return;
	}
	print_text(stdout, d->verdict == VERDICT_DENY ? RED : GREEN, word);
	puts("");
	for (const cJSON *row = tree->child->next; row != NULL;
	     row = row->next) {
		if (!cJSON_IsString(row))
			continue;
		printf("  %s: ", row->string);
		print_text(stdout, PLAIN, row->valuestring);
		puts("");
	}
	cJSON_Delete(tree);
}

static int
answer(struct question *q, const char *url, enum format format)
{
	const struct policy_check_options *o = q->options;
	const char *ancestors[ANCESTORS_MAX];
	struct decision d;
	char *exe;
	int r;

	if (o->binary == NULL) {
		(void)complain("--binary EXE is missing: who would connect?");
		return EXIT_USAGE;
	}
	if (o->ancestors.n > ANCESTORS_MAX) {
		(void)complain("more than %d ancestors", ANCESTORS_MAX);
		return EXIT_USAGE;
	}
	if (parse_url(url, q) != EXIT_DONE)
		return EXIT_USAGE;
	/* The kernel names a program by what its symlinks lead to. */
	exe = follow(o->binary);
	for (size_t i = 0; i < o->ancestors.n; i++)
		ancestors[i] = follow(o->ancestors.v[i]);
	q->caller = (struct caller){ exe, ancestors, o->ancestors.n };
	r = judge(q, &d) == EXIT_DONE ? EXIT_DONE : EXIT_USAGE;
	if (r == EXIT_DONE) {
		show_decision(&d, format);
		r = d.verdict == VERDICT_DENY ? EXIT_FAILED : EXIT_DONE;
	}
	for (size_t i = 0; i < o->ancestors.n; i++)
		free((void *)(uintptr_t)ancestors[i]);
	free(exe);
	return r;
}

int
policy_check_run(
    struct cli *cli, const void *options, const struct arguments *a)
{
	struct violations bad = { 0 }, odd = { 0 };
	struct question q = { .options = options };
	struct policy *policy = NULL;
	autofree char *text = NULL;
	enum format format;
	int r = EXIT_USAGE;

	(void)cli;
	if (q.options->policy == NULL) {
		(void)complain("--policy FILE is missing");
		return EXIT_USAGE;
	}
	if (format_parse(q.options->output, &format) < 0)
		return EXIT_USAGE;
	text = read_file(q.options->policy, POLICY_TEXT_MAX);
	if (text == NULL)
		return EXIT_USAGE;
	if (policy_parse(text, strlen(text), &policy, &bad, &odd) < 0) {
		report(q.options, format, &bad, &odd);
	} else if (a->names.n == 0) {
		report(q.options, format, &bad, &odd);
		r = EXIT_DONE;
	} else {
		q.matcher = compile(policy);
		r = answer(&q, a->names.v[0], format);
		matcher_free(q.matcher);
	}
	policy_free(policy);
	violations_clear(&bad);
	violations_clear(&odd);
	return r;
}
