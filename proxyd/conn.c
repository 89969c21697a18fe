/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.c - a connection's states, their order and their timeouts.
 *
 *	OWNER -> FIRST -> DECIDE -> RESOLVE -> GUARD -> DIAL -> ANSWER -> PEEK
 *	     \-> AIM --/
 *	PEEK -> SPLICE, or -> [TLS_CLIENT ->] REQUEST
 *	FIRST -> REQUEST, where no tunnel is asked for
 *	REQUEST -> [RESOLVE -> GUARD -> DIAL ->] [TLS_UPSTREAM ->] REQUEST
 *	REQUEST -> COLLECT -> REQUEST, where the body is needed first
 *	REQUEST -> EXCHANGE -> REQUEST ..., or -> COPY after an upgrade
 *	DECIDE -> [ANSWER ->] PEEK -> TLS_CLIENT -> COPY to inference.local
 *
 * and from everywhere to LAST.  Nothing that the client sent reaches the
 * network before DECIDE has said yes, and DECIDE looks only at what was
 * parsed, never at the bytes.  A request that needs a server waits in
 * REQUEST, unread, while the way there is made.
 */
#include <assert.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/websocket.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "proxyd/audit.h"
#include "proxyd/conn.h"
#include "proxyd/forward.h"
#include "proxyd/sandbox.h"
#include "proxyd/worker.h"

#define BIT(s) (1u << (s))
/* Every state may end in an answer or in an abrupt end. */
#define REFUSAL (BIT(CONN_LAST) | BIT(CONN_OVERHEAR))

static const struct step {
	const char *name;
	enum next (*run)(struct conn *);
	unsigned to;         /* states it may go to */
	unsigned timeout_ms; /* 0: none */
} steps[CONN_STATE_MAX_] = {
	[CONN_OWNER] = { "owner", step_owner,
	    BIT(CONN_FIRST) | BIT(CONN_AIM) | REFUSAL, 5000 },
	[CONN_FIRST] = { "first", step_first,
	    BIT(CONN_DECIDE) | BIT(CONN_REQUEST) | REFUSAL, 30000 },
	[CONN_AIM] = { "aim", step_aim, BIT(CONN_DECIDE) | REFUSAL, 0 },
	[CONN_DECIDE] = { "decide", step_decide,
	    BIT(CONN_RESOLVE) | BIT(CONN_ANSWER) | BIT(CONN_PEEK) | REFUSAL,
	    0 },
	[CONN_RESOLVE] = { "resolve", step_resolve, BIT(CONN_GUARD) | REFUSAL,
	    15000 },
	[CONN_GUARD] = { "guard", step_guard, BIT(CONN_DIAL) | REFUSAL, 0 },
	[CONN_DIAL] = { "dial", step_dial,
	    BIT(CONN_ANSWER) | BIT(CONN_PEEK) | BIT(CONN_SPLICE) |
		BIT(CONN_REQUEST) | BIT(CONN_TLS_UPSTREAM) | REFUSAL,
	    30000 },
	[CONN_ANSWER] = { "answer", step_answer,
	    BIT(CONN_PEEK) | BIT(CONN_SPLICE), 10000 },
	[CONN_PEEK] = { "peek", step_peek,
	    BIT(CONN_TLS_CLIENT) | BIT(CONN_REQUEST) | BIT(CONN_SPLICE) |
		REFUSAL,
	    60000 },
	[CONN_TLS_CLIENT] = { "tls-client", step_tls_client,
	    BIT(CONN_REQUEST) | BIT(CONN_COPY) | REFUSAL, 10000 },
	[CONN_TLS_UPSTREAM] = { "tls-upstream", step_tls_upstream,
	    BIT(CONN_REQUEST) | REFUSAL, 10000 },
	[CONN_REQUEST] = { "request", step_request,
	    BIT(CONN_RESOLVE) | BIT(CONN_TLS_UPSTREAM) | BIT(CONN_COLLECT) |
		BIT(CONN_EXCHANGE) | REFUSAL,
	    600000 },
	[CONN_COLLECT] = { "collect", step_collect, BIT(CONN_REQUEST) | REFUSAL,
	    60000 },
	[CONN_EXCHANGE] = { "exchange", step_exchange,
	    BIT(CONN_REQUEST) | BIT(CONN_COPY) | REFUSAL, 1800000 },
	[CONN_SPLICE] = { "splice", step_splice, 0, 0 },
	[CONN_COPY] = { "copy", step_copy, 0, 0 },
	[CONN_OVERHEAR] = { "overhear", step_overhear, BIT(CONN_LAST), 1000 },
	[CONN_LAST] = { "last", step_last, BIT(CONN_LINGER), 5000 },
	[CONN_LINGER] = { "linger", step_linger, 0, 2000 },
};

const char *
conn_state(const struct conn *c)
{
	return steps[c->state].name;
}

void
conn_touch(struct conn *c)
{
	unsigned ms = steps[c->state].timeout_ms;

	c->deadline_ms = ms > 0 ? worker_now_ms() + ms : 0;
	if (c->last_ms > 0 &&
	    (c->deadline_ms == 0 || c->deadline_ms > c->last_ms))
		c->deadline_ms = c->last_ms;
}

enum next
conn_goto(struct conn *c, enum conn_state to)
{
	assert(steps[c->state].to & BIT(to));
	log_debug("connection conn=%u from=%s to=%s", c->id,
	    steps[c->state].name, steps[to].name);
	c->state = to;
	conn_touch(c);
	return AGAIN;
}

void
conn_run(struct conn *c)
{
	enum next next;

	do {
		next = steps[c->state].run(c);
	} while (next == AGAIN);
	if (next == DONE) {
		conn_free(c); /* c is gone: nothing may follow but return */
		return;
	}
	side_update(&c->client);
	side_update(&c->upstream);
}

static void
on_client(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	side_event(&c->client, what);
	conn_run(c);
}

static void
on_upstream(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	side_event(&c->upstream, what);
	conn_run(c);
}

void
conn_yield(struct conn *c)
{
	side_again(&c->client);
}

static void
set_options(int fd)
{
	/* Long silences are fine, dead peers are not: two minutes. */
	static const struct {
		int level;
		int name;
		int value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 60 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 15 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 4 },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(fd, options[i].level, options[i].name,
		    &options[i].value, sizeof(int));
}

struct conn *
conn_new(struct sandbox *sb, int fd, enum conn_mode mode)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	c->sandbox = sb;
	c->worker = sb->worker;
	c->id = ++sb->worker->last_conn;
	c->mode = mode;
	c->is_first = true;
	c->up = c->down = (struct tube)TUBE_INIT;
	side_init(&c->client, &c->worker->pool);
	side_init(&c->upstream, &c->worker->pool);
	set_options(fd);
	side_open(&c->client, c->worker->base, fd, on_client, c);
	conn_touch(c);
	TAILQ_INSERT_TAIL(&sb->conns, c, next);
	sandbox_count(sb, 1);
	return c;
}

void
conn_free(struct conn *c)
{
	if (c == NULL)
		return;
	TAILQ_REMOVE(&c->sandbox->conns, c, next);
	sandbox_count(c->sandbox, -1);
	owner_cancel(&c->owner_wait);
	resolve_cancel(&c->resolve_wait);
	side_close(&c->client);
	side_close(&c->upstream);
	tube_put(&c->worker->pipes, &c->up);
	tube_put(&c->worker->pipes, &c->down);
	rules_unref(c->rules);
	buf_free(&c->x.asked_for);
	body_clear(&c->x.request);
	forward_clear(c);
	free(c->x.websocket);
	free(c->route);
	free(c->dialled);
	free(c->who);
	free(c);
}

void
conn_check_time(struct conn *c, int64_t now_ms)
{
	if (c->state == CONN_DIAL && c->dial_until_ms <= now_ms) {
		conn_run(c); /* perhaps the next address is better */
		return;
	}
	if (c->deadline_ms == 0 || now_ms < c->deadline_ms)
		return;
	log_debug("connection timed out conn=%u state=%s", c->id,
	    steps[c->state].name);
	if (c->state == CONN_OVERHEAR)
		side_reset(&c->client);
	conn_free(c);
}

void
conn_open_upstream(struct conn *c, int fd)
{
	set_options(fd);
	side_open(&c->upstream, c->worker->base, fd, on_upstream, c);
}

void
conn_close_upstream(struct conn *c)
{
	side_close(&c->upstream);
	free(c->dialled);
	c->dialled = NULL;
	c->reused = false;
}

void
conn_set_target(
    struct conn *c, const struct http_authority *a, uint16_t default_port)
{
	memcpy(c->host, a->host, sizeof(c->host));
	c->is_literal = a->kind != HTTP_HOST_NAME;
	c->port = a->port != 0 ? a->port : default_port;
}

bool
conn_has_target(
    const struct conn *c, const struct http_authority *a, uint16_t default_port)
{
	return strcmp(c->host, a->host) == 0 &&
	       c->port == (a->port != 0 ? a->port : default_port);
}

static void
go_by(struct conn *c, struct rules *rules, const struct decision *d)
{
	if (c->rules != rules) {
		rules_unref(c->rules);
		c->rules = rules_ref(rules);
	}
	c->inspection = d->inspection;
	(void)snprintf(c->policy, sizeof(c->policy), "%s",
	    d->policy != NULL ? d->policy : "-");
}

bool
conn_decide(struct conn *c, struct decision *ret)
{
	struct rules *rules = c->sandbox->rules;

	matcher_connect(rules->matcher, c->host, c->port, &c->who->caller, ret);
	if (ret->verdict == VERDICT_DENY)
		return false;
	go_by(c, rules, ret);
	return true;
}

/* Bytes that nobody reads, or that were promised to nobody's eyes. */
static bool
is_opaque(const struct conn *c, enum inspection inspection)
{
	return c->state == CONN_SPLICE || inspection == INSPECT_NONE;
}

/* What it has dialled, and what it may still dial. */
static bool
addresses_allowed(
    const struct conn *c, const struct matcher *m, struct decision *d)
{
	const struct caller *caller = &c->who->caller;
	const char *detail;

	if (c->dialled != NULL) {
		matcher_addresses(
		    m, c->host, c->port, caller, c->dialled, 1, d, &detail);
		if (d->verdict == VERDICT_DENY)
			return false;
	}
	if (c->state != CONN_DIAL)
		return true;
	matcher_addresses(m, c->host, c->port, caller, c->route->found.v,
	    c->route->found.n, d, &detail);
	return d->verdict != VERDICT_DENY;
}

/* By the new rules, may it go on?  The reason if not; else *ret is the
 * decision that it goes on by. */
static const char *
judge_again(const struct conn *c, const struct matcher *m, struct decision *ret)
{
	struct decision d;

	matcher_connect(m, c->host, c->port, &c->who->caller, ret);
	if (ret->verdict == VERDICT_DENY)
		return ret->reason;
	if (ret->inspection != c->inspection &&
	    (is_opaque(c, c->inspection) || is_opaque(c, ret->inspection)))
		return "the policy now treats its bytes in another way";
	if (is_opaque(c, ret->inspection) && forward_is_unguarded(c, m))
		return "credentials may go there, and nobody reads its bytes";
	if (!addresses_allowed(c, m, &d)) {
		*ret = d;
		return ret->reason;
	}
	if ((c->state == CONN_EXCHANGE || c->state == CONN_COPY) &&
	    !exchange_still_allowed(c, m, ret->inspection))
		return "the policy no longer permits the request under way";
	return NULL;
}

void
conn_rejudge(struct conn *c, struct rules *rules)
{
	struct decision d;
	const char *why;

	/* Not decided yet: the new rules will be asked. */
	if (c->rules == NULL || c->who == NULL || c->state == CONN_LAST ||
	    c->state == CONN_LINGER || c->state == CONN_OVERHEAR)
		return;
	why = judge_again(c, rules->matcher, &d);
	if (why == NULL) {
		go_by(c, rules, &d);
		return;
	}
	/* Between two requests through the forward proxy there is nothing to
	 * close but the way to the last one's server. */
	if (c->mode == MODE_FORWARD && c->state == CONN_REQUEST) {
		conn_close_upstream(c);
		rules_unref(c->rules);
		c->rules = NULL;
		return;
	}
	if (exchange_may_finish(c)) {
		exchange_finish_soon(c);
		return;
	}
	audit_connect(c, true, "opa", d.policy, why);
	side_reset(&c->client);
	conn_free(c);
}
