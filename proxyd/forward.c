/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward.c - a request that was judged becomes bytes for its server.
 *
 * What was judged had placeholders in it; here, last, they become secrets, and
 * what comes out is judged once more.  Whatever of a placeholder is left in it
 * stops the request: nothing of it has gone out by then.
 */
#include <stdlib.h>
#include <string.h>

#include "common/credential/table.h"
#include "common/http/websocket.h"
#include "common/http/write.h"
#include "common/when.h"
#include "common/xalloc.h"
#include "proxyd/audit.h"
#include "proxyd/collect.h"
#include "proxyd/forward.h"
#include "proxyd/inject.h"
#include "proxyd/inject_body.h"
#include "proxyd/refuse.h"
#include "proxyd/sandbox.h"
#include "proxyd/sign.h"
#include "proxyd/worker.h"

#define VIA "1.1 openshell-sandbox"

/* One request on its way out. */
struct outgoing {
	struct conn *c;
	struct http_head head; /* as it goes out: its framing may change */
	struct policy_credentials rules;
	struct inject in;
	const struct http_path *path; /* with secrets, from here on */
	struct http_slice query;
	struct buf query_text; /* what query points to, if it was changed */
	struct signature signature;
	enum inject_body_kind body_kind;
};

static void
outgoing_clear(struct outgoing *o)
{
	buf_wipe(&o->query_text);
	signature_clear(&o->signature);
}

void
forward_clear(struct conn *c)
{
	struct exchange *x = &c->x;

	if (x->injected != NULL)
		injected_clear(x->injected);
	free(x->injected);
	x->injected = NULL;
	body_clear(&x->response);
	x->response.redact = NULL;
	redact_free(x->redact);
	x->redact = NULL;
	collect_clear(c);
}

static bool
is_concerned(const struct conn *c, const char *path, const char *provider)
{
	return credentials_concern(
	    c->sandbox->credentials, c->host, c->port, path, provider);
}

bool
forward_is_unguarded(const struct conn *c, const struct matcher *m)
{
	const struct caller *caller = &c->who->caller;
	bool concerned = is_concerned(c, NULL, NULL);
	const char *provider;

	for (size_t i = 0; !concerned; i++) {
		provider =
		    matcher_bound_provider(m, c->host, c->port, caller, i);
		if (provider == NULL)
			break;
		concerned = is_concerned(c, NULL, provider);
	}
	return concerned &&
	       !matcher_allows_uninspected(m, c->host, c->port, caller);
}

static void
begin(struct outgoing *o, struct conn *c, const struct http_head *head)
{
	struct exchange *x = &c->x;

	if (x->injected == NULL)
		x->injected = xcalloc(1, sizeof(*x->injected));
	injected_clear(x->injected);
	*o = (struct outgoing){ .c = c,
		.head = *head,
		.path = &c->worker->scratch.path,
		.query = c->worker->scratch.path.query };
	matcher_credentials(c->rules->matcher, c->host, c->port,
	    &c->who->caller, o->path->path, &o->rules);
	o->in = (struct inject){ .credentials = c->sandbox->credentials,
		.to = { c->host, c->port, o->path->path, o->rules.provider,
		    when_now_ms() },
		.is_signed = o->rules.signing != POLICY_NO_SIGNING,
		.used = x->injected };
	/* Without a Host nobody has said which server is meant; TRACE sends
	 * back what it gets (RFC 9110 9.3.8). */
	o->in.is_closed =
	    head->host.p == NULL || http_slice_is(head->method, "TRACE");
	o->body_kind = INJECT_BODY_OPAQUE;
	if (o->rules.rewrite_body && head->framing != HTTP_NO_BODY)
		o->body_kind = inject_body_kind(head);
}

/* How much of a body may have to be here whole; 0: none. */
static size_t
collects(const struct outgoing *o)
{
	if (o->body_kind != INJECT_BODY_OPAQUE)
		return INJECT_BODY_MAX;
	if (sign_needs_body(&o->head, o->rules.signing))
		return SIGN_BODY_MAX;
	return 0;
}

static void
inject_into_target(struct outgoing *o)
{
	struct http_path *path = &o->c->worker->scratch.path_out;

	if (inject_path(&o->in, o->path, path))
		o->path = path;
	if (o->query.p == NULL || !marker_is_in(o->query.p, o->query.n))
		return;
	inject_query(&o->in, o->query, &o->query_text);
	o->query =
	    (struct http_slice){ buf_str(&o->query_text), o->query_text.len };
}

static void
inject_into_body(struct outgoing *o)
{
	struct buf *body = &o->c->x.collected;
	struct buf new = BUF_INIT;

	if (o->body_kind != INJECT_BODY_OPAQUE) {
		inject_body(&o->in, o->body_kind, body, &new);
		o->c->worker->collected_bytes += new.cap - body->cap;
		buf_wipe(body);
		*body = new;
	}
	/* It goes out with its length, however it came. */
	o->head.framing = HTTP_LENGTH;
	o->head.content_length = body->len;
}

static void
own_authority(const struct conn *c, char ret[HTTP_AUTHORITY_SIZE])
{
	struct http_authority own = { .port = c->port, .kind = HTTP_HOST_NAME };

	memcpy(own.host, c->host, sizeof(own.host));
	if (c->is_literal && strchr(c->host, ':') != NULL)
		own.kind = HTTP_HOST_IPV6;
	(void)http_authority_format(&own, c->is_tls ? 443 : 80, ret);
}

static void
sign(struct outgoing *o, const char *authority)
{
	const struct sign_request what = {
		.head = &o->head,
		.rules = &o->rules,
		.authority = authority,
		.path = { o->path->path, o->path->len },
		.query = o->query,
		.body = o->c->x.held.len > 0 ? &o->c->x.collected : NULL,
	};

	if (o->in.is_signed && o->in.result == INJECT_OK)
		(void)sign_request(&o->in, &what, &o->signature);
}

static int
write_head(struct outgoing *o, const char *authority, struct error *e)
{
	struct conn *c = o->c;
	struct buf *text = &c->worker->scratch.text;

	buf_consume(text, text->len);
	return http_write_request(text, &o->head,
	    &(struct http_request_out){
		.path = { o->path->path, o->path->len },
		.query = o->query,
		.authority = authority,
		.websocket = c->x.websocket != NULL,
		.drop_expect = c->x.held.len > 0,
		.via = c->mode == MODE_FORWARD ? VIA : NULL,
		.extra = o->in.is_signed ? o->signature.extra : NULL,
		.edit = inject_field,
		.edit_arg = &o->in,
	    },
	    e);
}

/* The whole request as it goes out; in->result and -1 if it can't be made. */
static int
fill(struct outgoing *o, struct error *e)
{
	struct buf *text = &o->c->worker->scratch.text;
	char authority[HTTP_AUTHORITY_SIZE];

	own_authority(o->c, authority);
	inject_into_target(o);
	if (o->c->x.held.len > 0)
		inject_into_body(o);
	sign(o, authority);
	/* Which fields get one is known when they are written. */
	if (o->in.result != INJECT_OK || write_head(o, authority, e) < 0)
		return -1;
	if (o->in.used->n > 0) {
		o->in.wants_identity = true;
		if (write_head(o, authority, e) < 0)
			return -1;
	}
	if (o->in.result == INJECT_OK &&
	    marker_is_in(buf_data(text), text->len))
		inject_fail(&o->in, INJECT_MISPLACED, NULL, 0);
	return o->in.result == INJECT_OK ? 0 : -1;
}

/* With its secrets it must be allowed as it was without. */
static bool
is_still_allowed(const struct outgoing *o, struct decision *d)
{
	const struct conn *c = o->c;
	char *query;

	if (c->inspection != INSPECT_REST || o->in.used->n == 0)
		return true;
	query = http_slice_dup(o->query);
	matcher_request(c->rules->matcher, c->host, c->port, &c->who->caller,
	    c->worker->scratch.method, o->path->path, query, d);
	free_secret(query);
	if (d->verdict != VERDICT_DENY)
		return true;
	/* It would name the path. */
	(void)snprintf(d->reason, sizeof(d->reason),
	    "not permitted by policy with its credential");
	return false;
}

/* What a new policy will be asked about while this is under way. */
static void
remember(struct conn *c, const char *query)
{
	struct buf *b = &c->x.asked_for;
	const char *method = c->worker->scratch.method;
	const struct http_path *path = &c->worker->scratch.path;

	buf_consume(b, b->len);
	(void)buf_append(b, method, strlen(method) + 1);
	(void)buf_append(b, path->path, path->len + 1);
	if (query != NULL)
		(void)buf_append(b, query, strlen(query) + 1);
}

static void
begin_exchange(struct outgoing *o, const struct http_head *head)
{
	struct conn *c = o->c;
	struct exchange *x = &c->x;
	bool is_held = x->held.len > 0;

	x->asked = HTTP_ASKED;
	if (http_slice_is(head->method, "HEAD"))
		x->asked = HTTP_ASKED_HEAD;
	if (x->websocket != NULL)
		x->asked = HTTP_ASKED_UPGRADE;
	x->has_head = x->endless = false;
	x->client_stays = head->keep_alive;
	x->client_is_10 = head->minor == 0;
	x->upstream_stays = true;
	body_init(&x->request, &o->head, true);
	x->request.is_scanned =
	    !is_held &&
	    is_concerned(c, c->worker->scratch.path.path, o->rules.provider);
	redact_free(x->redact);
	x->redact = x->injected->n > 0 ? redact_new(x->injected) : NULL;
	buf_wipe(&x->held);
}

/* An upgrade that isn't exactly one is forwarded without its Upgrade. */
static void
read_websocket(struct conn *c, const struct http_head *head)
{
	struct http_websocket offered;
	struct error e;

	free(c->x.websocket);
	c->x.websocket = NULL;
	if (head->upgrade_websocket &&
	    http_websocket_request(head, &offered, &e) == 0)
		c->x.websocket = xmemdup(&offered, sizeof(offered));
}

static void
audit(struct outgoing *o, const struct decision *d)
{
	struct conn *c = o->c;
	struct buf *shown = &c->worker->scratch.body;

	buf_consume(shown, shown->len);
	injected_describe(o->in.used, shown);
	audit_request(c, d, c->worker->scratch.method,
	    c->worker->scratch.path.path,
	    shown->len > 0 ? buf_str(shown) : NULL);
}

static enum next
send_head(struct outgoing *o, const struct http_head *head, size_t n,
    const char *query, const struct decision *d)
{
	struct conn *c = o->c;
	struct buf *text = &c->worker->scratch.text;
	bool is_held = c->x.held.len > 0;
	struct decision again;
	struct error e;

	read_websocket(c, head);
	if (fill(o, &e) < 0) {
		if (o->in.result == INJECT_OK)
			return refuse_head(c, 431, &e);
		return refuse_credential(c, &o->in);
	}
	if (!is_still_allowed(o, &again))
		return refuse_request(c, &again, c->worker->scratch.method,
		    c->worker->scratch.path.path);
	if (text->len > side_room(&c->upstream)) {
		(void)error_set(&e, ERR_LIMIT, "the head is too large");
		return refuse_head(c, 431, &e);
	}
	audit(o, d);
	side_put(&c->upstream, buf_data(text), text->len);
	remember(c, query);
	begin_exchange(o, head);
	if (!is_held)
		side_consume(&c->client, n);
	return conn_goto(c, CONN_EXCHANGE);
}

enum next
forward_request(struct conn *c, const struct http_head *head, size_t n,
    const char *query, const struct decision *d)
{
	struct buf *text = &c->worker->scratch.text;
	struct outgoing o;
	enum next next;
	size_t limit;

	begin(&o, c, head);
	limit = collects(&o);
	if (limit > 0 && c->x.held.len == 0)
		return collect_begin(c, head, n, limit);
	next = send_head(&o, head, n, query, d);
	if (o.in.used->n > 0 && text->base != NULL)
		explicit_bzero(text->base, text->cap);
	explicit_bzero(
	    &c->worker->scratch.path_out, sizeof(c->worker->scratch.path_out));
	outgoing_clear(&o);
	return next;
}
