/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refuse.c - see refuse.h.
 *
 * An agent acts on these bodies: they say what was asked for, which rule was
 * missing and nothing about the host or its network.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/http/write.h"
#include "common/varlink/codec.h"
#include "proxyd/audit.h"
#include "proxyd/inject.h"
#include "proxyd/refuse.h"
#include "proxyd/worker.h"

#define PATH_SHOWN_MAX                                                         \
	1024 /* bytes of a path in a body, which has it often                  \
	      */
#define DISCARDS_PER_TURN 16

struct object {
	struct buf *b;
	bool first;
};

static struct object
object_begin(struct buf *b)
{
	(void)buf_puts(b, "{");
	return (struct object){ b, true };
}

static void
put_key(struct object *o, const char *key)
{
	(void)buf_printf(o->b, "%s\"%s\":", o->first ? "" : ",", key);
	o->first = false;
}

static void
put_text(struct object *o, const char *key, const char *value)
{
	if (value == NULL)
		return;
	put_key(o, key);
	(void)codec_encode_string(o->b, value);
}

static void
put_raw(struct object *o, const char *key, const char *json)
{
	put_key(o, key);
	(void)buf_puts(o->b, json);
}

static void
put_port(struct object *o, const struct conn *c)
{
	put_key(o, "port");
	(void)buf_printf(o->b, "%u", c->port);
}

static void
object_end(struct object *o)
{
	(void)buf_puts(o->b, "}");
}

static struct buf *
empty_body(struct conn *c)
{
	struct buf *b = &c->worker->scratch.body;

	buf_consume(b, b->len);
	return b;
}

/* A client that was not heard yet may not understand an answer. */
static enum next
leave(struct conn *c)
{
	bool heard = c->mode != MODE_TRANSPARENT || c->peeked;

	conn_close_upstream(c);
	return conn_goto(c, heard ? CONN_LAST : CONN_OVERHEAR);
}

static enum next
answer(struct conn *c, unsigned status, const char *policy, bool is_head)
{
	struct buf *text = &c->worker->scratch.text;
	struct buf *body = &c->worker->scratch.body;
	const struct http_extra extra[] = {
		{ policy != NULL ? "X-OpenShell-Policy" : NULL, policy },
		{ 0 },
	};

	buf_consume(text, text->len);
	if (http_write_answer(text, status, extra, "application/json",
		buf_data(body), body->len, is_head) < 0 ||
	    text->len > side_room(&c->client))
		return refuse_abruptly(c);
	side_put(&c->client, buf_data(text), text->len);
	return leave(c);
}

/* Of the request that waits, unread, while its way is made: what other
 * connections have left in the scratch by then isn't ours. */
static void
method_of(const struct conn *c, char ret[HTTP_METHOD_MAX + 1])
{
	size_t held = side_held(&c->client), n = 0;
	const char *bytes = held > 0 ? side_data(&c->client) : "";

	if (c->x.held.len > 0) {
		bytes = (const char *)buf_data(&c->x.held);
		held = c->x.held.len;
	}

	while (n < held && n < HTTP_METHOD_MAX && bytes[n] != ' ')
		n++;
	memcpy(ret, bytes, n);
	ret[n] = '\0';
}

static bool
asked_for_head(const struct conn *c)
{
	char method[HTTP_METHOD_MAX + 1];

	if (c->state == CONN_EXCHANGE)
		return c->x.asked == HTTP_ASKED_HEAD;
	method_of(c, method);
	return strcmp(method, "HEAD") == 0;
}

enum next
refuse_with(struct conn *c, unsigned status, const char *error,
    const char *detail, const char *reason)
{
	struct object o = object_begin(empty_body(c));

	put_text(&o, "error", error);
	put_text(&o, "detail", detail);
	put_text(&o, "reason", reason);
	object_end(&o);
	return answer(c, status, NULL, asked_for_head(c));
}

__attribute__((format(printf, 3, 4))) static void
describe(char *to, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(to, size, fmt, ap);
	va_end(ap);
}

/* What the client asked for, as far as it has said: "CONNECT host:443",
 * "GET host:80/path". */
static void
describe_asked(const struct conn *c, bool with_path, char *to, size_t size)
{
	struct http_authority a = { .port = c->port,
		.kind = strchr(c->host, ':') != NULL ? HTTP_HOST_IPV6
						     : HTTP_HOST_NAME };
	char shown[HTTP_AUTHORITY_SIZE], method[HTTP_METHOD_MAX + 1];
	bool is_request = c->mode == MODE_FORWARD;

	if (c->host[0] == '\0') {
		describe(to, size, "connection");
		return;
	}
	memcpy(a.host, c->host, sizeof(a.host));
	method_of(c, method);
	describe(to, size, "%s %s%.*s", is_request ? method : "CONNECT",
	    http_authority_format(&a, 0, shown), PATH_SHOWN_MAX,
	    is_request && with_path ? c->worker->scratch.path.path : "");
}

enum next
refuse_connect(struct conn *c, const struct decision *d)
{
	char asked[HTTP_HOST_MAX + PATH_SHOWN_MAX + 64];
	char detail[sizeof(asked) + 32];

	audit_connect(c, true, "opa", d->policy, d->reason);
	describe_asked(c, true, asked, sizeof(asked));
	describe(detail, sizeof(detail), "%s not permitted by policy", asked);
	return refuse_with(c, 403, "policy_denied", detail,
	    c->mode != MODE_FORWARD ? d->reason : NULL);
}

enum next
refuse_addresses(struct conn *c, const struct decision *d, const char *detail)
{
	char asked[HTTP_HOST_MAX + 64], text[sizeof(asked) + 64];

	audit_connect(c, true, "ssrf", d->policy, d->reason);
	describe_asked(c, false, asked, sizeof(asked));
	describe(text, sizeof(text), "%s blocked: %s", asked, detail);
	return refuse_with(c, 403, "ssrf_denied", text, NULL);
}

/* {"error":ERROR,"message":MESSAGE} */
static enum next
refuse_message(
    struct conn *c, unsigned status, const char *error, const char *message)
{
	struct object o = object_begin(empty_body(c));

	put_text(&o, "error", error);
	put_text(&o, "message", message);
	object_end(&o);
	return answer(c, status, NULL, asked_for_head(c));
}

enum next
refuse_authority(struct conn *c)
{
	static const char message[] = "HTTP request authority does not match "
				      "the authorized tunnel endpoint";

	audit_connect(c, true, "l7", c->policy, message);
	return refuse_message(c, 403, "request_authority_mismatch", message);
}

enum next
refuse_credential(struct conn *c, const struct inject *in)
{
	static const struct {
		unsigned status;
		const char *error;
		const char *forward_error; /* NULL: the same */
		const char *message;
		const char *engine;
	} rows[] = {
		[INJECT_MISMATCH] = { 403, "credential_endpoint_mismatch", NULL,
		    "Credential is not authorized for this request endpoint",
		    "credential-binding" },
		[INJECT_UNAVAILABLE] = { 500, "credential_unavailable",
		    "credential_injection_failed",
		    "Credential placeholder could not be resolved",
		    "credentials" },
		[INJECT_MISPLACED] = { 400, "invalid_credential_placeholder",
		    NULL, "Credential placeholder is not resolved there",
		    "credentials" },
	};
	const char *error = rows[in->result].error;
	char method[HTTP_METHOD_MAX + 1];

	if (c->mode == MODE_FORWARD && rows[in->result].forward_error != NULL)
		error = rows[in->result].forward_error;
	method_of(c, method);
	audit_credential(c, rows[in->result].engine, method,
	    c->worker->scratch.path.path, in->key, rows[in->result].message);
	return refuse_message(
	    c, rows[in->result].status, error, rows[in->result].message);
}

enum next
refuse_marked_body(struct conn *c)
{
	static const char message[] =
	    "Credential placeholder is not resolved in this body";
	const char *method = (const char *)buf_data(&c->x.asked_for);

	audit_credential(c, "credentials", method, method + strlen(method) + 1,
	    NULL, message);
	return refuse_message(
	    c, 400, "invalid_credential_placeholder", message);
}

enum next
refuse_uninspected(struct conn *c)
{
	static const char message[] =
	    "credentials may go to this endpoint, whose bytes are not "
	    "inspected";

	audit_connect(c, true, "credentials", c->policy, message);
	return refuse_with(c, 403, "uninspected_credentials", message, NULL);
}

enum next
refuse_unreachable(struct conn *c, const char *why)
{
	char asked[HTTP_HOST_MAX + 64], text[sizeof(asked) + ERROR_TEXT_MAX];

	audit_connect(c, true, "proxy", c->policy, why);
	describe_asked(c, false, asked, sizeof(asked));
	describe(text, sizeof(text), "connection to %s failed: %s",
	    strchr(asked, ' ') != NULL ? strchr(asked, ' ') + 1 : asked, why);
	return refuse_with(c, 502, "upstream_unreachable", text, NULL);
}

enum next
refuse_head(struct conn *c, unsigned status, const struct error *e)
{
	static const char hint[] =
	    " (if this is no HTTP, the endpoint needs tls: skip)";
	char detail[ERROR_TEXT_MAX + sizeof(hint)];

	describe(detail, sizeof(detail), "%s%s", e->text,
	    c->is_tls && c->is_first ? hint : "");
	audit_connect(c, true, "proxy", c->policy, detail);
	return refuse_with(c, status, "invalid_request", detail, NULL);
}

/* What the agent, or its operator, would have to add. */
static void
put_missing_rule(struct object *o, const struct conn *c, const char *method,
    const char *path)
{
	struct object rule;

	put_key(o, "rule_missing");
	rule = object_begin(o->b);
	put_text(&rule, "type", "rest_allow");
	put_text(&rule, "layer", "l7");
	put_text(&rule, "method", method);
	put_text(&rule, "path", path);
	put_text(&rule, "host", c->host);
	put_port(&rule, c);
	put_text(&rule, "binary", c->who->caller.exe);
	object_end(&rule);
}

enum next
refuse_request(struct conn *c, const struct decision *d, const char *method,
    const char *full_path)
{
	static const char verdict[] = "not permitted by policy";
	char path[PATH_SHOWN_MAX + 1], rule[PATH_SHOWN_MAX + 64];
	char detail[sizeof(rule) + DECISION_REASON_MAX + 64];
	struct object o = object_begin(empty_body(c));

	audit_request(c, d, method, full_path, NULL);
	describe(path, sizeof(path), "%s", full_path);
	describe(rule, sizeof(rule), "%s %s", method, path);
	describe(detail, sizeof(detail), "%s %s%s%s", rule, verdict,
	    strstr(d->reason, verdict) != NULL ? "" : ": ",
	    strstr(d->reason, verdict) != NULL ? "" : d->reason);

	put_text(&o, "error", "policy_denied");
	put_text(&o, "policy", d->policy != NULL ? d->policy : c->policy);
	put_text(&o, "rule", rule);
	put_text(&o, "detail", detail);
	put_text(&o, "layer", "l7");
	put_text(&o, "protocol", "rest");
	put_text(&o, "method", method);
	put_text(&o, "path", path);
	put_text(&o, "host", c->host);
	put_port(&o, c);
	put_text(&o, "binary", c->who->caller.exe);
	put_missing_rule(&o, c, method, path);
	put_raw(&o, "next_steps", "[]");
	object_end(&o);
	return answer(c, 403, d->policy != NULL ? d->policy : c->policy,
	    strcmp(method, "HEAD") == 0);
}

enum next
refuse_abruptly(struct conn *c)
{
	side_reset(&c->client);
	return DONE;
}

enum next
refuse_alert(struct conn *c, unsigned char description)
{
	enum { ALERT = 21, FATAL = 2 };
	const unsigned char record[] = { ALERT, 3, 3, 0, 2, FATAL,
		description };

	side_put(&c->client, record, sizeof(record));
	c->peeked = true;
	return leave(c);
}

/* Only who speaks HTTP can read what we have to say. */
enum next
step_overhear(struct conn *c)
{
	char *bytes = c->worker->scratch.bytes;
	ssize_t n = side_peek(&c->client, bytes, HTTP_HEAD_FIRST_MAX);

	if (n <= 0)
		return c->client.eof || c->client.failed ? DONE : WAIT;
	switch (http_guess(bytes, (size_t)n)) {
	case HTTP_GUESS_1:
		return conn_goto(c, CONN_LAST);
	case HTTP_GUESS_MORE:
		if (side_peer_ended(&c->client))
			return DONE;
		side_wait_beyond(&c->client, (size_t)n);
		return WAIT;
	case HTTP_GUESS_2:
	case HTTP_GUESS_OTHER:
		break;
	}
	return refuse_abruptly(c);
}

enum next
step_last(struct conn *c)
{
	if (!side_flush(&c->client))
		return c->client.failed ? DONE : WAIT;
	side_shutdown(&c->client);
	side_wait_beyond(&c->client, 0);
	c->client.readable = true;
	return conn_goto(c, CONN_LINGER);
}

/* Closing with bytes unread would be a reset, which can take the answer from
 * the client before it has read it (RFC 9112 9.6). */
enum next
step_linger(struct conn *c)
{
	char *bytes = c->worker->scratch.bytes;

	for (int i = 0; i < DISCARDS_PER_TURN; i++) {
		ssize_t n = recv(
		    c->client.fd, bytes, sizeof(c->worker->scratch.bytes), 0);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return DONE;
		if (n < 0) {
			c->client.readable = c->client.eof = false;
			return WAIT;
		}
	}
	conn_yield(c);
	return WAIT;
}
