/* SPDX-License-Identifier: Apache-2.0 */
/* ask.c - see ask.h. */
#include <ctype.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json/scan.h"
#include "common/wire/router.h"
#include "common/xalloc.h"
#include "routerd/ask.h"
#include "routerd/aws.h"
#include "routerd/backend.h"
#include "routerd/rewrite.h"
#include "routerd/table.h"

/* A caller's credentials in a query stay here. */
static const char *const secret_names[] = { "key", "api_key", "api-key",
	"apikey", "access_token", "oauth_token", "token", "auth" };

static void
wipe(struct buf *b)
{
	if (b->len > 0)
		OPENSSL_cleanse(buf_data(b), b->len);
	buf_free(b);
}

void
ask_clear(struct ask *a)
{
	for (size_t i = 0; i < a->n_given; i++) {
		free((void *)(uintptr_t)a->given[i].name);
		free((void *)(uintptr_t)a->given[i].value);
	}
	free(a->method);
	free(a->path);
	free(a->query);
	buf_free(&a->target);
	wipe(&a->secret);
	buf_free(&a->body);
	memset(a, 0, sizeof(*a));
}

static bool
is_secret(struct http_slice name)
{
	char plain[64];

	/* As a server reads it, however it is escaped. */
	if (name.n > sizeof(plain))
		return false;
	name = (struct http_slice){ plain, http_query_decode(name, plain) };
	for (size_t i = 0; i < sizeof(secret_names) / sizeof(secret_names[0]);
	     i++)
		if (http_slice_is_nocase(name, secret_names[i]))
			return true;
	return false;
}

static char *
clean_query(struct http_slice query)
{
	struct buf b = BUF_INIT;
	struct http_slice name, value;

	while (query.p != NULL && http_query_next(&query, &name, &value)) {
		if (is_secret(name))
			continue;
		if (b.len > 0)
			(void)buf_puts(&b, "&");
		(void)buf_append(&b, name.p, name.n);
		if (value.p != NULL)
			(void)buf_printf(&b, "=%.*s", (int)value.n, value.p);
	}
	return b.len > 0 ? buf_take_str(&b) : NULL;
}

static char *
lower(struct http_slice s)
{
	char *copy = http_slice_dup(s);

	for (char *p = copy; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

static void
keep_headers(struct ask *a, const struct http_head *head)
{
	for (size_t i = 0; i < head->n_headers && a->n_given < ASK_HEADERS_MAX;
	     i++) {
		const struct http_header *h = &head->headers[i];

		/* Whatever the route will be, none of these goes on. */
		if (h->hop || h->field == HTTP_AUTHORIZATION ||
		    h->field == HTTP_COOKIE || h->field == HTTP_HOST ||
		    h->field == HTTP_CONTENT_LENGTH)
			continue;
		a->given[a->n_given++] = (struct http_extra){ lower(h->name),
			http_slice_dup(h->value) };
	}
}

static bool
is_for_us(const struct http_head *head)
{
	struct http_authority host;
	struct error e;

	return head->host.p != NULL &&
	       http_authority_parse(head->host, &host, &e) == 0 &&
	       strcmp(host.host, ROUTER_DEFAULT) == 0 &&
	       (host.port == 0 || host.port == 443);
}

bool
ask_take_head(struct ask *a, const struct http_head *head,
    const struct http_path *path, bool is_named)
{
	a->method = http_slice_dup(head->method);
	a->path = xstrdup(path->path);
	a->query = clean_query(path->query);
	if (is_named && !is_for_us(head))
		return false;
	if (!api_match(head->method,
		(struct http_slice){ a->path, strlen(a->path) }, &a->api))
		return false;
	a->is_known = true;
	keep_headers(a, head);
	return true;
}

bool
ask_make(struct ask *a, const char *method, const char *path)
{
	a->method = xstrdup(method);
	a->path = xstrdup(path);
	a->is_known =
	    api_match((struct http_slice){ a->method, strlen(a->method) },
		(struct http_slice){ a->path, strlen(a->path) }, &a->api);
	return a->is_known;
}

/* U+017F, which Unicode folds to an s. */
static size_t
fold_long_s(char *p, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++)
		if (i + 1 < n && p[i] == '\xc5' && p[i + 1] == '\xbf') {
			p[to++] = 's';
			i++;
		} else {
			p[to++] = p[i];
		}
	return to;
}

/* Is it one of the names, in other letters?  Some backends take that for it. */
static bool
is_like(const struct json_span *key, const char *const *names)
{
	char name[128];
	size_t n;

	if (key->n >= sizeof(name))
		return false;
	n = fold_long_s(name, json_unescape(key, name));
	name[n] = '\0';
	for (; *names != NULL; names++)
		if (strcasecmp(name, *names) == 0 && !json_is(key, *names))
			return true;
	return false;
}

/* Some backends read a name to its first NUL. */
static bool
has_nul(const struct json_span *key)
{
	return memmem(key->p, key->n, "\\u0000", 6) != NULL;
}

/* What decides here must decide at the backend, too: one reading of it. */
static int
check_spelling(const struct json_span *top, struct error *e)
{
	static const char *const names[] = { "model", "models", "stream",
		"stream_options", NULL };
	struct json_iter it = json_iter(top);
	struct json_span key, value;

	while (json_next(&it, &key, &value)) {
		if (has_nul(&key))
			return error_set(
			    e, ERR_INVALID, "a member's name has a NUL");
		if (is_like(&key, names))
			return error_set(e, ERR_INVALID,
			    "model, models, stream and stream_options are "
			    "written in small letters");
	}
	return 0;
}

static int
check_members(const struct json_member *of, size_t n, struct error *e)
{
	for (size_t i = 0; i < n; i++)
		if (of[i].n > 1)
			return error_set(
			    e, ERR_INVALID, "'%s' is there twice", of[i].name);
	return 0;
}

static bool
is_bool_or_null(const struct json_member *m)
{
	return m->n == 0 || m->value.type == JSON_TRUE ||
	       m->value.type == JSON_FALSE || m->value.type == JSON_NULL;
}

/* What the body asks for, as far as a route is chosen by it. */
static int
read_body(struct ask *a, const struct buf *body, char model[ASK_MODEL_MAX + 1],
    struct error *e)
{
	enum { STREAM, OPTIONS, MODEL, N };
	struct json_member of[N] = { [STREAM] = { .name = "stream" },
		[OPTIONS] = { .name = "stream_options" },
		[MODEL] = { .name = "model" } };
	struct json_span top, value;

	model[0] = '\0';
	if (json_parse((const char *)buf_data(body), body->len, &top, e) < 0)
		return -1;
	if (top.type != JSON_OBJECT)
		return error_set(e, ERR_INVALID, "the body is no JSON object");
	json_find_all(&top, of, N);
	if (check_members(of, N, e) < 0 || check_spelling(&top, e) < 0)
		return -1;
	if (!is_bool_or_null(&of[STREAM]))
		return error_set(
		    e, ERR_INVALID, "'stream' is neither true nor false");
	if (of[STREAM].n == 1)
		a->wants_stream = of[STREAM].value.type == JSON_TRUE;
	if (of[OPTIONS].n == 1 &&
	    json_find(&of[OPTIONS].value, "include_usage", &value) == 1)
		a->tells_usage = value.type == JSON_TRUE;
	value = of[MODEL].value;
	if (of[MODEL].n == 1 && value.type == JSON_STRING &&
	    value.n - 2 <= ASK_MODEL_MAX)
		model[json_unescape(&value, model)] = '\0';
	return 0;
}

enum ask_result
ask_choose(struct ask *a, const struct table *t, const struct scopes *scopes,
    const struct buf *body, struct error *e)
{
	char model[ASK_MODEL_MAX + 1] = "";

	if (a->api.has_body && read_body(a, body, model, e) < 0)
		return ASK_BAD;
	if (a->api.protocol == PROTOCOL_INVOKE_STREAM)
		a->wants_stream = true;
	if (t == NULL)
		return ASK_NO_ROUTE;
	switch (table_choose(
	    t, scopes, &a->api, *model != '\0' ? model : NULL, &a->first)) {
	case CHOICE_OK:
		break;
	case CHOICE_INCOMPATIBLE:
		return ASK_INCOMPATIBLE;
	case CHOICE_NONE:
		return ASK_NO_ROUTE;
	}
	a->route = a->first;
	return ASK_OK;
}

/* A model's name in a path: one segment. */
static void
put_segment(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if (isalnum((unsigned char)*s) || strchr("-._~:@", *s) != NULL)
			(void)buf_append(b, s, 1);
		else
			(void)buf_printf(b, "%%%02X", (unsigned char)*s);
	}
}

static bool
is_invoke(const struct ask *a)
{
	return a->api.protocol == PROTOCOL_INVOKE ||
	       a->api.protocol == PROTOCOL_INVOKE_STREAM;
}

static void
put_vertex_path(struct ask *a)
{
	struct buf *b = &a->target;

	if (a->api.protocol != PROTOCOL_MESSAGES) {
		(void)buf_puts(b, "/endpoints/openapi/chat/completions");
		return;
	}
	(void)buf_puts(b, "/publishers/anthropic/models/");
	put_segment(b, a->route->model != NULL ? a->route->model : "");
	(void)buf_puts(
	    b, a->wants_stream ? ":streamRawPredict" : ":rawPredict");
}

static void
put_target(struct ask *a)
{
	const struct route *r = a->route;
	struct buf *b = &a->target;
	const char *v1 = "/v1";
	size_t base = strlen(r->base_path), n = strlen(v1);
	struct http_slice path = a->api.path;

	buf_consume(b, b->len);
	(void)buf_puts(b, r->base_path);
	if (r->backend->is_vertex) {
		put_vertex_path(a);
	} else if (is_invoke(a) && r->model != NULL) {
		const char *action = memrchr(path.p, '/', path.n);

		(void)buf_puts(b, "/model/");
		put_segment(b, r->model);
		(void)buf_append(b, action, path.n - (size_t)(action - path.p));
	} else {
		/* A base ".../v1", or one that stands for it, and "/v1/...". */
		if (base > 0 && path.n > n && memcmp(path.p, v1, n) == 0) {
			path.p += n;
			path.n -= n;
		}
		(void)buf_append(b, path.p, path.n);
	}
	if (a->query != NULL)
		(void)buf_printf(b, "?%s", a->query);
}

static void
put_headers(struct ask *a)
{
	const struct route *r = a->route;
	const struct backend *backend = r->backend;
	bool has_default = false;
	size_t n = 0;

	for (size_t i = 0; i < a->n_given; i++) {
		const struct http_extra *h = &a->given[i];

		if (!backend_passes(backend,
			(struct http_slice){ h->name, strlen(h->name) }))
			continue;
		has_default =
		    has_default ||
		    (backend->default_header != NULL &&
			strcmp(h->name, backend->default_header) == 0);
		a->headers[n] = *h;
		/* Another way to say which model. */
		if (r->model != NULL && strcmp(h->name, "x-model-id") == 0)
			a->headers[n].value = r->model;
		n++;
	}
	/* It was read as that, and whoever reads it again isn't to be told
	 * another charset. */
	if (a->api.has_body)
		a->headers[n++] =
		    (struct http_extra){ "content-type", "application/json" };
	if (backend->default_header != NULL && !has_default)
		a->headers[n++] = (struct http_extra){ backend->default_header,
			backend->default_value };
	wipe(&a->secret);
	if (r->key != NULL && backend->auth == AUTH_BEARER) {
		(void)buf_puts(&a->secret, "Bearer ");
		(void)buf_puts(&a->secret, r->key);
		a->headers[n++] =
		    (struct http_extra){ "authorization", buf_str(&a->secret) };
	} else if (r->key != NULL && backend->auth == AUTH_X_API_KEY) {
		a->headers[n++] = (struct http_extra){ "x-api-key", r->key };
	}
	a->headers[n] = (struct http_extra){ NULL, NULL };
}

/* A stream whose backend tells the counts only if it is asked to. */
static bool
must_ask_for_usage(const struct ask *a)
{
	return a->route->backend->tells_usage && a->wants_stream &&
	       !a->tells_usage && !a->is_plain &&
	       (a->api.protocol == PROTOCOL_CHAT ||
		   a->api.protocol == PROTOCOL_COMPLETIONS);
}

/* stream_options, with include_usage. */
static int
put_stream_options(
    const struct json_span *top, struct buf *ret, struct error *e)
{
	const struct edit usage = { .name = "include_usage", .raw = "true" };
	struct json_span options;

	if (json_find(top, "stream_options", &options) == 1 &&
	    options.type == JSON_OBJECT)
		return rewrite(&options, &usage, 1, ret, e);
	return buf_puts(ret, "{\"include_usage\":true}");
}

static int
edit_body(struct ask *a, const struct json_span *top, struct error *e)
{
	const struct route *r = a->route;
	_cleanup_(buf_free) struct buf options = BUF_INIT;
	struct edit edits[4];
	size_t n = 0;

	if (r->backend->is_vertex && a->api.protocol == PROTOCOL_MESSAGES) {
		/* The model is in the path. */
		edits[n++] = (struct edit){ .name = "model" };
		edits[n++] = (struct edit){ .name = "context_management" };
		edits[n++] = (struct edit){ .name = "anthropic_version",
			.value = "vertex-2023-10-16" };
		return rewrite(top, edits, n, &a->body, e);
	}
	if (r->model != NULL) {
		edits[n++] =
		    (struct edit){ .name = "model", .value = r->model };
		/* Some backends' own fallbacks. */
		edits[n++] = (struct edit){ .name = "models" };
	}
	a->adds_usage = must_ask_for_usage(a);
	if (a->adds_usage) {
		if (put_stream_options(top, &options, e) < 0)
			return -1;
		edits[n++] = (struct edit){ .name = "stream_options",
			.raw = buf_str(&options) };
	}
	return rewrite(top, edits, n, &a->body, e);
}

static int
put_body(struct ask *a, const struct buf *body, struct error *e)
{
	struct json_span top;

	buf_consume(&a->body, a->body.len);
	a->adds_usage = false;
	if (!a->api.has_body)
		return 0;
	if (is_invoke(a))
		return buf_append(&a->body, buf_data(body), body->len);
	if (json_parse((const char *)buf_data(body), body->len, &top, e) < 0)
		return -1;
	return edit_body(a, &top, e);
}

int
ask_compose(
    struct ask *a, const struct buf *body, int64_t time_s, struct error *e)
{
	put_target(a);
	put_headers(a);
	if (put_body(a, body, e) < 0)
		return -1;
	return a->route->backend->auth == AUTH_SIGV4 ? aws_sign(a, time_s, e)
						     : 0;
}
