/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.c - see exchange.h. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/http/write.h"
#include "routerd/budget.h"
#include "routerd/exchange.h"
#include "routerd/link.h"
#include "routerd/refusal.h"
#include "routerd/report.h"
#include "routerd/table.h"
#include "routerd/worker.h"

void
exchange_init(struct exchange *x, struct worker *w, const struct scopes *scopes,
    void (*notify)(void *arg), void *arg)
{
	*x = (struct exchange){
		.worker = w, .scopes = scopes, .notify = notify, .arg = arg
	};
	guard_init(&x->guard, w, scopes);
}

static void
drop_upstream(struct exchange *x)
{
	upstream_free(x->upstream);
	x->upstream = NULL;
}

void
exchange_end(struct exchange *x)
{
	int64_t in, out;

	drop_upstream(x);
	report_tokens(x, &in, &out);
	/* Whoever answered, it is the route that was asked for that pays. */
	if (x->admitted)
		budget_end(x->worker->budgets, x->scopes->sandbox,
		    x->ask.first->name, in + out);
	answer_clear(&x->answer);
	guard_clear(&x->guard); /* the answer borrowed of it */
	ask_clear(&x->ask);
	table_unref(x->table);
	exchange_init(x, x->worker, x->scopes, x->notify, x->arg);
}

void
exchange_abandon(struct exchange *x)
{
	/* It was asked and has said nothing yet: what it does, it does. */
	if (x->upstream != NULL && x->status == 0) {
		meter_init(&x->answer.meter, false);
		x->answers = true;
	}
}

/*
 * The request.
 */

int
exchange_begin(
    struct exchange *x, const struct http_head *head, struct refusal *ret)
{
	struct http_path *path = &x->worker->scratch.path;
	struct error e;

	if (http_path_canon(head->target, true, path, &e) < 0)
		return refusal_set(ret, 400, "the path is not canonical");
	if (!ask_take_head(&x->ask, head, path, *x->scopes->sandbox != '\0'))
		return refusal_set(
		    ret, 403, "connection not allowed by policy");
	return 0;
}

/* By path and body. */
static int
choose(struct exchange *x, struct refusal *ret)
{
	struct error e;

	switch (ask_choose(&x->ask, x->table, x->scopes, x->body, &e)) {
	case ASK_OK:
		break;
	case ASK_BAD:
		return refusal_set(ret, 400, e.text);
	case ASK_INCOMPATIBLE:
		return refusal_set(
		    ret, 400, "no compatible inference route available");
	case ASK_NO_ROUTE:
		(void)refusal_set(
		    ret, 503, "cluster inference is not configured");
		ret->hint = "Configure a model with: openshell inference set "
			    "--provider NAME --model ID";
		return -1;
	}
	if (!route_is_closed(x->ask.route))
		return 0;
	(void)refusal_set(ret, 503, "inference service unavailable");
	ret->hint =
	    "The route can't be asked: its credentials have expired, or "
	    "the gateway's log says why";
	return -1;
}

/* May the sandbox ask so much of the route? */
static int
spend(struct exchange *x, struct refusal *ret)
{
	const struct route *r = x->ask.route;
	unsigned wait_s =
	    budget_begin(x->worker->budgets, x->scopes->sandbox, r->name,
		&(struct budget_limits){ r->requests_per_minute,
		    r->tokens_per_minute, r->concurrent },
		link_now_ms());

	x->admitted = wait_s == 0;
	if (x->admitted)
		return 0;
	(void)refusal_set(ret, 429, "the sandbox's budget is spent");
	ret->retry_after_s = wait_s;
	return -1;
}

/*
 * The backend.
 */

static void
ask_backend(struct exchange *x)
{
	struct upstream_request request = {
		.route = x->ask.route,
		.method = x->ask.method,
		.target = buf_str(&x->ask.target),
		.headers = x->ask.headers,
		.body = x->ask.api.has_body ? buf_data(&x->ask.body) : NULL,
		.n = x->ask.body.len,
	};

	x->upstream =
	    upstream_new(x->worker->upstreams, &request, x->notify, x->arg);
}

bool
exchange_is_mock(const struct exchange *x)
{
	return x->ask.route->is_mock;
}

int64_t
exchange_patience_ms(const struct exchange *x)
{
	int64_t ms = x->ask.route->timeout_ms;

	return x->ask.wants_stream && ms < EXCHANGE_STREAM_IDLE_MS
		   ? EXCHANGE_STREAM_IDLE_MS
		   : ms;
}

/* The route that is now chosen. */
static int
ask_route(struct exchange *x, struct error *e)
{
	drop_upstream(x);
	if (exchange_is_mock(x))
		return 0;
	if (ask_compose(
		&x->ask, guard_body(&x->guard, x->body), time(NULL), e) < 0)
		return -1;
	ask_backend(x);
	return 0;
}

enum exchange_progress
exchange_admit(struct exchange *x, struct buf *body, struct refusal *ret)
{
	struct error e;

	x->body = body;
	if (x->worker->table != NULL)
		x->table = table_ref(x->worker->table);
	if (choose(x, ret) < 0 ||
	    guard_request(&x->guard, x->table, &x->ask, body, ret) < 0 ||
	    spend(x, ret) < 0)
		return EXCHANGE_REFUSED;
	if (ask_route(x, &e) == 0)
		return EXCHANGE_ASKED;
	(void)refusal_set(ret, 400, e.text);
	return EXCHANGE_REFUSED;
}

/* The next route to try, if nothing of an answer has been passed on. */
static bool
take_next(struct exchange *x)
{
	const struct route *r;

	do {
		r = table_fallback(x->table, x->scopes, x->ask.first,
		    x->ask.api.protocol, x->ask.tried++);
		if (r == NULL)
			return false;
	} while (!guard_fallback(&x->guard, &x->ask, r, x->body));
	x->ask.route = r;
	return true;
}

static enum exchange_progress
ask_again(struct exchange *x, struct refusal *ret)
{
	struct error e;

	if (ask_route(x, &e) == 0)
		return EXCHANGE_ASKED;
	(void)refusal_set(ret, 502, "inference service error");
	return EXCHANGE_REFUSED;
}

enum exchange_progress
exchange_retry(struct exchange *x, const struct error *e, struct refusal *ret)
{
	bool is_unavailable =
	    e->code == ERR_UNAVAILABLE || e->code == ERR_TIMEOUT;

	if (!x->ask.retried && x->upstream != NULL &&
	    upstream_was_stale(x->upstream)) {
		x->ask.retried = true;
		upstream_free(x->upstream);
		ask_backend(x);
		return EXCHANGE_ASKED;
	}
	log_info("a backend failed route=%s: %s", x->ask.route->name, e->text);
	if (take_next(x))
		return ask_again(x, ret);
	if (is_unavailable)
		(void)refusal_set(ret, 503, "inference service unavailable");
	else
		(void)refusal_set(ret, 502, "inference service error");
	return EXCHANGE_REFUSED;
}

/*
 * The answer.
 */

static bool
is_failure(unsigned status)
{
	return status == 429 || status >= 500;
}

/* Some servers refuse the option that routerd added. */
static bool
may_dislike(const struct exchange *x, unsigned status)
{
	return x->ask.adds_usage && (status == 400 || status == 422);
}

static void
take_answer(struct exchange *x, struct http_head *head)
{
	x->status = head->status;
	x->answers = head->status < 300;
	/* A backend's reason is nobody's. */
	head->reason.p = http_reason(head->status);
	head->reason.n = strlen(head->reason.p);
	answer_begin(
	    &x->answer, x->ask.route, &x->guard, head, x->ask.adds_usage);
}

enum exchange_progress
exchange_head(struct exchange *x, struct http_head *head, struct refusal *ret)
{
	struct error e;

	switch (upstream_head(x->upstream, head, &e)) {
	case UPSTREAM_READY:
		break;
	case UPSTREAM_FAILED:
		return exchange_retry(x, &e, ret);
	default:
		return EXCHANGE_WAIT;
	}
	if (is_failure(head->status) && take_next(x))
		return ask_again(x, ret);
	if (may_dislike(x, head->status)) {
		x->ask.is_plain = true;
		return ask_again(x, ret);
	}
	take_answer(x, head);
	return EXCHANGE_READY;
}

static enum upstream_progress
breaks(struct exchange *x, const char *why)
{
	x->broke = why;
	return UPSTREAM_FAILED;
}

static enum upstream_progress
take_piece(struct exchange *x, struct http_slice data)
{
	struct error e;
	int r = answer_feed(&x->answer, data.p, data.n, &e);

	x->answered += data.n;
	upstream_consume(x->upstream, data.n);
	if (r < 0)
		return breaks(x, "what was redacted can't be put back");
	if (x->answered > EXCHANGE_ANSWER_MAX)
		return breaks(x, "the answer is too large");
	return UPSTREAM_READY;
}

/* What was held back goes on now. */
static enum upstream_progress
take_end(struct exchange *x)
{
	struct error e;

	x->is_whole = true;
	if (answer_end(&x->answer, &e) < 0)
		return breaks(x, "what was redacted can't be put back");
	return UPSTREAM_READY;
}

enum upstream_progress
exchange_pull(struct exchange *x)
{
	struct http_slice data;
	struct error e;

	if (x->is_whole)
		return UPSTREAM_END;
	switch (upstream_body(x->upstream, &data, &e)) {
	case UPSTREAM_READY:
		return take_piece(x, data);
	case UPSTREAM_END:
		return take_end(x);
	case UPSTREAM_FAILED:
		return breaks(x, "the backend ended early");
	case UPSTREAM_WAIT:
		break;
	}
	return UPSTREAM_WAIT;
}
