/* SPDX-License-Identifier: Apache-2.0 */
/* refresh_strategy.c - see refresh_strategy.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/credential/sigv4.h"
#include "common/http/percent.h"
#include "common/json/scan.h"
#include "common/wire/provider.h"
#include "common/xalloc.h"
#include "gatewayd/refresh_jwt.h"
#include "gatewayd/refresh_strategy.h"

#define MATERIALS_MAX 8
#define JWT_LIFETIME_S 3600
#define STS_VERSION "2011-06-15"

enum material_flags {
	NEEDED = 1,
	SECRET = 2,
	LINES = 4, /* may have line breaks */
};

struct material {
	const char *name;
	unsigned flags;
};

/* What a request is made of. */
struct asked {
	const char *url;
	const struct http_url *parsed;
	const struct pairs *material;
	int64_t now_s;
};

typedef int build_fn(
    const struct asked *, struct refresh_request *, struct error *);
static build_fn build_refresh_token, build_client_credentials,
    build_service_account, build_assume_role;

struct refresh_strategy {
	const char *name;
	struct material materials[MATERIALS_MAX];
	const char *url;
	const char *outputs[REFRESH_OUTPUTS_MAX + 1];
	build_fn *build;
	refresh_read_fn *read;
};

static const struct refresh_strategy strategies[] = {
	{ .name = "oauth2-refresh-token",
	    .materials = { { "client_id", NEEDED },
		{ "refresh_token", NEEDED | SECRET },
		{ "client_secret", SECRET }, { "scope", 0 } },
	    .build = build_refresh_token,
	    .read = refresh_read_oauth },
	{ .name = "oauth2-client-credentials",
	    .materials = { { "client_id", NEEDED },
		{ "client_secret", NEEDED | SECRET }, { "tenant_id", 0 },
		{ "scope", 0 } },
	    .build = build_client_credentials,
	    .read = refresh_read_oauth },
	{ .name = "google-service-account-jwt",
	    .materials = { { "client_email", NEEDED },
		{ "private_key", NEEDED | SECRET | LINES }, { "subject", 0 },
		{ "scope", 0 } },
	    .url = "https://oauth2.googleapis.com/token",
	    .build = build_service_account,
	    .read = refresh_read_oauth },
	{ .name = "aws-sts-assume-role",
	    .materials = { { "role_arn", NEEDED }, { "session_name", NEEDED },
		{ "region", NEEDED }, { "access_key_id", NEEDED },
		{ "secret_access_key", NEEDED | SECRET },
		{ "session_token", SECRET }, { "external_id", 0 } },
	    .url = "https://sts.{region}.amazonaws.com/",
	    .outputs = { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN" },
	    .build = build_assume_role,
	    .read = refresh_read_sts },
};
#define N_STRATEGIES (sizeof(strategies) / sizeof(strategies[0]))

const struct refresh_strategy *
refresh_strategy_find(const char *name, struct error *e)
{
	_cleanup_(buf_free) struct buf known = BUF_INIT;

	for (size_t i = 0; i < N_STRATEGIES; i++) {
		if (strcmp(strategies[i].name, name) == 0)
			return &strategies[i];
		(void)buf_printf(
		    &known, "%s%s", i > 0 ? ", " : "", strategies[i].name);
	}
	(void)error_set(e, ERR_INVALID,
	    "unknown strategy '%.64s'; there are: %s", name, buf_str(&known));
	return NULL;
}

const char *
refresh_strategy_name(const struct refresh_strategy *s)
{
	return s->name;
}

const char *
refresh_strategy_url(const struct refresh_strategy *s)
{
	return s->url;
}

struct strings
refresh_strategy_outputs(const struct refresh_strategy *s)
{
	struct strings all = { (const char **)(uintptr_t)s->outputs, 0 };

	while (s->outputs[all.n] != NULL)
		all.n++;
	return all;
}

/*
 * Material.
 */

static const struct material *
find_material(const struct refresh_strategy *s, const char *name, size_t n)
{
	for (const struct material *m = s->materials; m->name != NULL; m++)
		if (strlen(m->name) == n && memcmp(m->name, name, n) == 0)
			return m;
	return NULL;
}

bool
refresh_material_is_secret(const struct refresh_strategy *s, const char *name)
{
	const struct material *m = find_material(s, name, strlen(name));

	return m != NULL && (m->flags & SECRET) != 0;
}

const char *
refresh_material_get(const struct pairs *material, const char *name)
{
	for (size_t i = 0; i < material->n; i++)
		if (strcmp(material->v[i].name, name) == 0)
			return material->v[i].value;
	return NULL;
}

static char *
known_names(const struct refresh_strategy *s)
{
	struct buf b = BUF_INIT;

	for (const struct material *m = s->materials; m->name != NULL; m++)
		(void)buf_printf(&b, "%s%s", b.len > 0 ? ", " : "", m->name);
	return buf_take_str(&b);
}

static int
check_one(
    const struct refresh_strategy *s, const struct pair *p, struct error *e)
{
	const struct material *m = find_material(s, p->name, strlen(p->name));
	autofree char *known = known_names(s);

	if (m == NULL)
		return error_set(e, ERR_INVALID,
		    "strategy '%s' has no material '%.64s'; it takes %s",
		    s->name, p->name, known);
	if (*p->value == '\0' || strlen(p->value) > PROVIDER_VALUE_MAX)
		return error_set(e, ERR_INVALID,
		    "material '%s' must have 1 to %d bytes", m->name,
		    PROVIDER_VALUE_MAX);
	for (const char *c = p->value; *c != '\0'; c++)
		if (iscntrl((unsigned char)*c) &&
		    ((m->flags & LINES) == 0 || (*c != '\n' && *c != '\r')))
			return error_set(e, ERR_INVALID,
			    "material '%s' has a line break or another control "
			    "character",
			    m->name);
	return 0;
}

int
refresh_material_check(const struct refresh_strategy *s,
    const struct pairs *material, struct error *e)
{
	for (size_t i = 0; i < material->n; i++) {
		if (check_one(s, &material->v[i], e) < 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (strcmp(material->v[i].name, material->v[k].name) ==
			    0)
				return error_set(e, ERR_INVALID,
				    "material '%s' is given twice",
				    material->v[i].name);
	}
	for (const struct material *m = s->materials; m->name != NULL; m++)
		if ((m->flags & NEEDED) != 0 &&
		    refresh_material_get(material, m->name) == NULL)
			return error_set(e, ERR_INVALID,
			    "strategy '%s' needs the material '%s': %s",
			    s->name, m->name,
			    (m->flags & SECRET) != 0
				? "--secret-material-key or "
				  "--secret-material-env"
				: "--material");
	return 0;
}

/* What {name} stands for; NULL and e. */
static const char *
url_part(const struct refresh_strategy *s, const char *name, size_t n,
    const struct pairs *material, struct error *e)
{
	const struct material *m = find_material(s, name, n);
	const char *value = m != NULL && (m->flags & SECRET) == 0
				? refresh_material_get(material, m->name)
				: NULL;

	if (value == NULL)
		(void)error_set(e, ERR_INVALID,
		    "the token URL needs the material '%.*s'",
		    (int)(n < 64 ? n : 64), name);
	else if (value[strspn(value, "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789-.")] == '\0')
		return value;
	else
		(void)error_set(e, ERR_INVALID,
		    "material '%s' may have letters, digits, '-' and '.'",
		    m->name);
	return NULL;
}

char *
refresh_expand_url(const struct refresh_strategy *s, const char *url,
    const struct pairs *material, struct error *e)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT;

	for (const char *p = url; *p != '\0';) {
		size_t plain = strcspn(p, "{");
		const char *end = strchr(p, '}'), *value;

		(void)buf_append(&b, p, plain);
		p += plain;
		if (*p == '\0')
			break;
		if (end == NULL || end < p) {
			(void)error_set(e, ERR_INVALID,
			    "the token URL has a '{' without '}'");
			return NULL;
		}
		value = url_part(s, p + 1, (size_t)(end - p) - 1, material, e);
		if (value == NULL)
			return NULL;
		(void)buf_puts(&b, value);
		p = end + 1;
	}
	return buf_take_str(&b);
}

/*
 * Requests.
 */

void
refresh_request_clear(struct refresh_request *r)
{
	buf_wipe(&r->body);
	buf_wipe(&r->authorization);
}

static void
put_header(struct refresh_request *r, const char *name, const char *value)
{
	size_t n = 0;

	while (r->headers[n].name != NULL)
		n++;
	r->headers[n] = (struct http_extra){ name, value };
}

/* One of a form (application/x-www-form-urlencoded); NULL: not there. */
static void
put_field(struct refresh_request *r, const char *name, const char *value)
{
	struct buf *b = &r->body;

	if (value == NULL)
		return;
	(void)buf_printf(b, "%s%s=", b->len > 0 ? "&" : "", name);
	(void)http_percent_encode(
	    b, value, strlen(value), HTTP_CHAR_UNRESERVED, '-');
}

static void
put_material(struct refresh_request *r, const struct asked *a, const char *name)
{
	put_field(r, name, refresh_material_get(a->material, name));
}

static int
build_refresh_token(
    const struct asked *a, struct refresh_request *r, struct error *e)
{
	(void)e;
	put_field(r, "grant_type", "refresh_token");
	put_material(r, a, "refresh_token");
	put_material(r, a, "client_id");
	put_material(r, a, "client_secret");
	put_material(r, a, "scope");
	return 0;
}

static int
build_client_credentials(
    const struct asked *a, struct refresh_request *r, struct error *e)
{
	(void)e;
	put_field(r, "grant_type", "client_credentials");
	put_material(r, a, "client_id");
	put_material(r, a, "client_secret");
	put_material(r, a, "scope");
	return 0;
}

static void
put_claim(struct buf *b, const char *name, const char *value)
{
	if (value == NULL)
		return;
	(void)buf_printf(b, "%s\"%s\":", b->len > 1 ? "," : "", name);
	(void)json_put_string(b, value, strlen(value));
}

static int
build_service_account(
    const struct asked *a, struct refresh_request *r, struct error *e)
{
	_cleanup_(buf_free) struct buf claims = BUF_INIT;
	_cleanup_(buf_wipe) struct buf jwt = BUF_INIT;

	(void)buf_puts(&claims, "{");
	put_claim(
	    &claims, "iss", refresh_material_get(a->material, "client_email"));
	put_claim(&claims, "sub", refresh_material_get(a->material, "subject"));
	put_claim(&claims, "scope", refresh_material_get(a->material, "scope"));
	put_claim(&claims, "aud", a->url);
	(void)buf_printf(&claims, ",\"iat\":%lld,\"exp\":%lld}",
	    (long long)a->now_s, (long long)a->now_s + JWT_LIFETIME_S);
	if (refresh_jwt_sign(&jwt, "{\"alg\":\"RS256\",\"typ\":\"JWT\"}",
		buf_str(&claims),
		refresh_material_get(a->material, "private_key"), e) < 0)
		return error_prefix(e, "material 'private_key'");
	put_field(
	    r, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
	put_field(r, "assertion", buf_str(&jwt));
	return 0;
}

static struct http_slice
slice(const char *s)
{
	return (struct http_slice){ s, strlen(s) };
}

static struct sigv4_header
signed_field(const char *name, const char *value)
{
	return (struct sigv4_header){ slice(name), slice(value) };
}

/* All that goes out is signed but what says how the answer should look. */
static int
sign(const struct asked *a, struct refresh_request *r, struct error *e)
{
	const struct pairs *m = a->material;
	const char *token = refresh_material_get(m, "session_token");
	char hash[SIGV4_HASH_SIZE];
	struct http_slice target = a->parsed->target;
	const char *query =
	    target.n > 0 ? memchr(target.p, '?', target.n) : NULL;
	size_t path_n = query != NULL ? (size_t)(query - target.p) : target.n;
	struct sigv4_header fields[4] = {
		signed_field("content-type", r->headers[0].value),
		signed_field("host", r->authority),
		signed_field("x-amz-date", r->date),
	};
	const struct sigv4_request what = {
		.method = slice("POST"),
		.path = path_n > 0 ? (struct http_slice){ target.p, path_n }
				   : slice("/"),
		.query = { query != NULL ? query + 1 : NULL,
		    query != NULL ? target.n - path_n - 1 : 0 },
		.headers = fields,
		.n_headers = token != NULL ? 4 : 3,
		.payload_hash = hash,
		.service = "sts",
		.region = refresh_material_get(m, "region"),
		.time_s = a->now_s,
	};

	sigv4_hash(buf_data(&r->body), r->body.len, hash);
	sigv4_date(a->now_s, r->date);
	fields[2].value = slice(r->date);
	put_header(r, "X-Amz-Date", r->date);
	if (token != NULL) {
		fields[3] = signed_field("x-amz-security-token", token);
		put_header(r, "X-Amz-Security-Token", token);
	}
	if (sigv4_sign(&what,
		&(struct sigv4_keys){ refresh_material_get(m, "access_key_id"),
		    refresh_material_get(m, "secret_access_key") },
		&r->authorization, e) < 0)
		return -1;
	put_header(r, "Authorization", buf_str(&r->authorization));
	return 0;
}

static int
build_assume_role(
    const struct asked *a, struct refresh_request *r, struct error *e)
{
	const struct pairs *m = a->material;
	char duration[16];

	(void)snprintf(
	    duration, sizeof(duration), "%d", REFRESH_LIFETIME_MAX_S);
	put_field(r, "Action", "AssumeRole");
	put_field(r, "DurationSeconds", duration);
	put_field(r, "ExternalId", refresh_material_get(m, "external_id"));
	put_field(r, "RoleArn", refresh_material_get(m, "role_arn"));
	put_field(
	    r, "RoleSessionName", refresh_material_get(m, "session_name"));
	put_field(r, "Version", STS_VERSION);
	return sign(a, r, e);
}

int
refresh_build(const struct refresh_strategy *s, const char *text,
    const struct http_url *url, const struct pairs *material, int64_t now_s,
    struct refresh_request *r, struct error *e)
{
	const struct asked a = { text, url, material, now_s };

	(void)http_authority_format(&url->authority,
	    http_slice_is_nocase(url->scheme, "https") ? 443 : 80,
	    r->authority);
	put_header(r, "Content-Type",
	    "application/x-www-form-urlencoded; charset=utf-8");
	put_header(r, "Accept", "application/json");
	return s->build(&a, r, e);
}

enum refresh_outcome
refresh_read(const struct refresh_strategy *s, unsigned status,
    struct http_slice body, int64_t now_s, struct refresh_answer *to,
    struct error *e)
{
	return s->read(status, body, now_s, to, e);
}
