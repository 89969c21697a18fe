/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - see report.h. */
#include <stdio.h>

#include "common/field.h"
#include "routerd/exchange.h"
#include "routerd/ledger.h"
#include "routerd/link.h"
#include "routerd/report.h"
#include "routerd/table.h"
#include "routerd/worker.h"

/* Those whose answers are written by a model. */
static bool
has_output(enum protocol p)
{
	return p != PROTOCOL_EMBEDDINGS && p != PROTOCOL_COUNT &&
	       p != PROTOCOL_MODELS;
}

/*
 * As the backend says them.  Where it doesn't (some never do, some at the end,
 * for which a client need not wait) four bytes or one event of a stream, of 64
 * bytes at most, count as one.
 */
void
report_tokens(const struct exchange *x, int64_t *ret_in, int64_t *ret_out)
{
	const struct meter *m = &x->answer.meter;
	int64_t by_size = (int64_t)(x->answered / (m->is_stream ? 64 : 4));
	int64_t guess = m->events > by_size ? m->events : by_size;
	bool is_told = x->is_whole && m->output_tokens >= 0;

	*ret_in = m->input_tokens > 0 ? m->input_tokens : 0;
	*ret_out = m->output_tokens > 0 ? m->output_tokens : 0;
	if (!x->answers)
		return;
	if (m->input_tokens < 0)
		*ret_in = (int64_t)(x->body->len / 4);
	if (has_output(x->ask.api.protocol) && !is_told && *ret_out < guess)
		*ret_out = guess;
}

static void
count(struct exchange *x, bool is_failure)
{
	const struct route *r = x->ask.route;
	int64_t in, out;

	if (r == NULL)
		return;
	report_tokens(x, &in, &out);
	ledger_add(
	    x->worker->ledger, &(struct ledger_entry){
				   .sandbox = x->scopes->sandbox,
				   .route = r->name,
				   .provider = r->provider,
				   .model = r->model != NULL ? r->model : "",
				   .requests = 1,
				   .failures = is_failure,
				   .input_tokens = in,
				   .output_tokens = out,
			       });
}

void
report(struct exchange *x, unsigned status, const char *why)
{
	const struct ask *a = &x->ask;
	const struct route *r = a->route;
	const struct meter *m = &x->answer.meter;
	bool is_denial = status >= 400;
	char status_text[16], latency[24], in[24] = "", out[24] = "";

	count(x, is_denial);
	if (!events_wants(x->worker->events, &x->worker->quota, is_denial))
		return;
	(void)snprintf(status_text, sizeof(status_text), "%u", status);
	(void)snprintf(latency, sizeof(latency), "%lld",
	    (long long)(link_now_ms() - x->began_ms));
	if (m->input_tokens > 0)
		(void)snprintf(
		    in, sizeof(in), "%lld", (long long)m->input_tokens);
	if (m->output_tokens > 0)
		(void)snprintf(
		    out, sizeof(out), "%lld", (long long)m->output_tokens);
	const struct pair pairs[] = {
		{ "action", why != NULL ? "deny" : "allow" },
		{ "method", a->method },
		{ "path", a->path },
		{ "protocol",
		    a->is_known ? api_protocol_name(a->api.protocol) : NULL },
		{ "route", r != NULL ? r->name : NULL },
		{ "provider", r != NULL ? r->provider : NULL },
		{ "model", r != NULL ? r->model : NULL },
		{ "status", status_text },
		{ "latency_ms", latency },
		{ "input_tokens", *in != '\0' ? in : NULL },
		{ "output_tokens", *out != '\0' ? out : NULL },
		{ "reason", why },
	};
	events_add(x->worker->events, is_denial, x->scopes->sandbox,
	    "INFERENCE", pairs, sizeof(pairs) / sizeof(pairs[0]));
}
