/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route.c - may a connection go there, and the way there.
 *
 * What is dialled is an address that the policy has just been asked about;
 * no name is looked up in between.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/net/dial.h"
#include "common/xalloc.h"
#include "proxyd/audit.h"
#include "proxyd/conn.h"
#include "proxyd/forward.h"
#include "proxyd/inference.h"
#include "proxyd/refuse.h"
#include "proxyd/sandbox.h"
#include "proxyd/worker.h"

#define DIAL_LAST_MS 10000 /* the last address, or the only one */
#define DIAL_EACH_MS 3000  /* while there are others */

static void
say_established(struct conn *c)
{
	static const char answer[] =
	    "HTTP/1.1 200 Connection Established\r\n\r\n";

	side_put(&c->client, answer, sizeof(answer) - 1);
}

/* Nothing is dialled: see inference.h. */
static enum next
enter_inference(struct conn *c)
{
	c->is_inference = true;
	c->inspection = INSPECT_REST;
	(void)snprintf(c->policy, sizeof(c->policy), "%s", INFERENCE_HOST);
	if (c->mode != MODE_CONNECT)
		return conn_goto(c, CONN_PEEK);
	say_established(c);
	return conn_goto(c, CONN_ANSWER);
}

enum next
step_decide(struct conn *c)
{
	struct decision d;

	if (inference_is_meant(c))
		return enter_inference(c);
	if (!conn_decide(c, &d))
		return refuse_connect(c, &d);
	return conn_goto(c, CONN_RESOLVE);
}

static void
on_resolved(void *arg, const struct addresses *found)
{
	struct conn *c = arg;

	c->route->found = *found;
	c->resolved = true;
	conn_run(c);
}

static bool
literal_address(const struct conn *c, struct addresses *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&ret->v[0];
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->v[0];

	memset(&ret->v[0], 0, sizeof(ret->v[0]));
	ret->n = 1;
	ret->v[0].ss_family = AF_INET;
	if (inet_pton(AF_INET, c->host, &in->sin_addr) == 1)
		return true;
	ret->v[0].ss_family = AF_INET6;
	return inet_pton(AF_INET6, c->host, &in6->sin6_addr) == 1;
}

static bool
resolve(struct conn *c)
{
	c->resolve_wait.done = on_resolved;
	c->resolve_wait.arg = c;
	if (c->is_literal)
		return literal_address(c, &c->route->found);
	return resolver_find(c->worker->resolver, c->host, &c->route->found,
		   &c->resolve_wait) == 1;
}

enum next
step_resolve(struct conn *c)
{
	if (c->resolve_wait.lookup != NULL)
		return WAIT;
	if (c->route == NULL) {
		c->route = xcalloc(1, sizeof(*c->route));
		c->resolved = false;
	}
	if (!c->resolved)
		c->resolved = resolve(c);
	if (!c->resolved)
		return WAIT;
	if (c->route->found.n == 0)
		return refuse_unreachable(c, "no address was found");
	return conn_goto(c, CONN_GUARD);
}

enum next
step_guard(struct conn *c)
{
	struct addresses *found = &c->route->found;
	const char *detail;
	struct decision d;

	matcher_addresses(c->rules->matcher, c->host, c->port, &c->who->caller,
	    found->v, found->n, &d, &detail);
	if (d.verdict == VERDICT_DENY)
		return refuse_addresses(c, &d, detail);
	if (c->inspection == INSPECT_NONE &&
	    forward_is_unguarded(c, c->rules->matcher))
		return refuse_uninspected(c);
	if (!c->peeked && c->mode != MODE_FORWARD)
		audit_connect(c, false, "opa", c->policy, NULL);
	c->route->next = 0;
	c->dial_until_ms = 0;
	return conn_goto(c, CONN_DIAL);
}

/* Starts on one address; false if that failed at once. */
static bool
dial(struct conn *c, struct sockaddr_storage *to, bool is_last)
{
	int fd = dial_begin(to, c->port);

	if (fd < 0)
		return false;
	conn_open_upstream(c, fd);
	dial_expect(&c->upstream);
	c->dialled = xmemdup(to, sizeof(*to));
	c->dial_until_ms =
	    worker_now_ms() + (is_last ? DIAL_LAST_MS : DIAL_EACH_MS);
	return true;
}

static enum next
dialled(struct conn *c)
{
	free(c->route);
	c->route = NULL;
	if (c->mode == MODE_FORWARD)
		return conn_goto(c, CONN_REQUEST);
	if (c->peeked)
		return conn_goto(
		    c, c->is_tls ? CONN_TLS_UPSTREAM : CONN_REQUEST);
	if (c->mode == MODE_CONNECT) {
		say_established(c);
		return conn_goto(c, CONN_ANSWER);
	}
	return conn_goto(
	    c, c->inspection == INSPECT_NONE ? CONN_SPLICE : CONN_PEEK);
}

enum next
step_dial(struct conn *c)
{
	struct addresses *found = &c->route->found;

	if (side_is_open(&c->upstream)) {
		if (c->upstream.blocked && worker_now_ms() < c->dial_until_ms)
			return WAIT;
		if (!c->upstream.blocked && dial_succeeded(&c->upstream))
			return dialled(c);
		conn_close_upstream(c);
	}
	while (c->route->next < found->n) {
		size_t i = c->route->next++;

		if (dial(c, &found->v[i], i + 1 == found->n))
			return WAIT;
	}
	return refuse_unreachable(c, "nobody answers there");
}

enum next
step_answer(struct conn *c)
{
	if (!side_flush(&c->client))
		return c->client.failed ? DONE : WAIT;
	return conn_goto(
	    c, c->inspection == INSPECT_NONE ? CONN_SPLICE : CONN_PEEK);
}
