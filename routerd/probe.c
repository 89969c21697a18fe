/* SPDX-License-Identifier: Apache-2.0 */
/* probe.c - see probe.h. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/credential/redact.h"
#include "common/json/scan.h"
#include "common/utf8.h"
#include "common/varlink/codec.h"
#include "common/wire/router.h"
#include "common/xalloc.h"
#include "routerd/ask.h"
#include "routerd/backend.h"
#include "routerd/link.h"
#include "routerd/probe.h"
#include "routerd/table.h"
#include "routerd/worker.h"

#define SHOWN_MAX 300 /* of what a backend says */
#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"ping\"}]"

/* In this order: what most backends have comes first. */
static const struct trial {
	const char *path;
	const char *body;
} trials[] = {
	{ "/v1/chat/completions",
	    "{" MESSAGES ",\"max_completion_tokens\":32}" },
	{ "/v1/chat/completions", "{" MESSAGES ",\"max_tokens\":32}" },
	{ "/v1/messages", "{" MESSAGES ",\"max_tokens\":1}" },
	{ "/v1/responses", "{\"input\":\"ping\",\"max_output_tokens\":16}" },
	{ "/v1/completions", "{\"prompt\":\"ping\",\"max_tokens\":1}" },
	{ "/v1/embeddings", "{\"input\":\"ping\"}" },
	{ "/model/x/invoke",
	    "{\"anthropic_version\":\"bedrock-2023-05-31\"," MESSAGES
	    ",\"max_tokens\":1}" },
	{ "/model/x/invoke",
	    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":"
	    "\"ping\"}]}]}" },
};
#define N_TRIALS (sizeof(trials) / sizeof(trials[0]))

struct probe {
	TAILQ_ENTRY(probe) next;
	struct worker *worker;
	struct table *table; /* of the one route */
	const struct route *route;
	struct ask ask;
	struct buf body;
	struct upstream *upstream;
	struct buf answer; /* its beginning */
	unsigned status;   /* 0: no head yet */
	size_t trial;      /* the next one */
	int fd;
	int64_t deadline_ms;
	bool running;
};

static void
probe_free(struct probe *p)
{
	upstream_free(p->upstream);
	ask_clear(&p->ask);
	buf_free(&p->body);
	buf_free(&p->answer);
	table_unref(p->table);
	if (p->fd >= 0)
		(void)close(p->fd);
	TAILQ_REMOVE(&p->worker->probes, p, next);
	free(p);
}

/* Says it; what is left to do is to free it. */
static void
result(struct probe *p, bool ok, const char *why)
{
	_cleanup_(buf_free) struct buf text = BUF_INIT;
	autofree char *url =
	    p->ask.target.len > 0
		? xasprintf("http%s://%s%s", p->route->is_tls ? "s" : "",
		      p->ask.route->host, buf_str(&p->ask.target))
		: NULL;

	(void)codec_encode(&text, router_probed_fields,
	    &(struct router_probed){
		.ok = ok,
		.url = url,
		.protocol = api_protocol_name(p->ask.api.protocol),
		.why = why,
	    },
	    NULL);
	/* It is small: a socket's buffer takes it, or nobody listens. */
	(void)!write(p->fd, buf_data(&text), text.len);
}

/* "error" of the answer, or its "message": what backends say in words. */
static void
find_words(const char *text, size_t n, struct buf *ret)
{
	struct json_span top, error, message;
	struct error e;

	if (json_parse(text, n, &top, &e) < 0)
		return;
	if (json_find(&top, "error", &error) != 1)
		error = top;
	if (error.type == JSON_STRING)
		message = error;
	else if (json_find(&error, "message", &message) != 1 ||
		 message.type != JSON_STRING)
		return;
	char *words = xcalloc(1, message.n + 1);

	(void)buf_append(ret, words, json_unescape(&message, words));
	free(words);
}

/* What a backend says, as a terminal may show it. */
static void
put_shown(struct buf *to, const char *words)
{
	for (size_t n; *words != '\0' && to->len < SHOWN_MAX; words += n) {
		n = utf8_length(words);
		if (n == 0 || utf8_is_control(words))
			(void)buf_puts(to, " ");
		else
			(void)buf_append(to, words, n);
		n = n > 0 ? n : 1;
	}
}

static void
describe_answer(const struct probe *p, struct buf *ret)
{
	_cleanup_(buf_free) struct buf words = BUF_INIT, safe = BUF_INIT;

	find_words((const char *)buf_data(&p->answer), p->answer.len, &words);
	if (words.len == 0)
		return;
	if (p->route->redact != NULL)
		(void)redact_text(
		    p->route->redact, buf_data(&words), words.len, &safe);
	else
		(void)buf_append(&safe, buf_data(&words), words.len);
	(void)buf_puts(ret, ": ");
	put_shown(ret, buf_str(&safe));
}

static void
refused(struct probe *p)
{
	static const struct {
		unsigned from, to;
		const char *why;
	} meanings[] = {
		{ 401, 401, "it refuses the credentials" },
		{ 403, 403, "it refuses the credentials" },
		{ 429, 429, "it limits the rate of requests" },
		{ 500, 599, "it isn't healthy" },
		{ 0, 999, "it answered none of the protocols it is for" },
	};
	_cleanup_(buf_free) struct buf words = BUF_INIT;
	autofree char *why = NULL;
	size_t i = 0;

	while (p->status < meanings[i].from || p->status > meanings[i].to)
		i++;
	describe_answer(p, &words);
	why = xasprintf("%s (status %u%s)", meanings[i].why, p->status,
	    words.len > 0 ? buf_str(&words) : "");
	result(p, false, why);
}

/* Another protocol may be what it speaks. */
static bool
may_be_another(unsigned status)
{
	return status == 400 || status == 404 || status == 405 || status == 422;
}

static void on_upstream(void *arg);

/* The next trial that the backend offers; false: there is none. */
static bool
try_next(struct probe *p, struct error *e)
{
	const struct trial *t = NULL;

	upstream_free(p->upstream);
	p->upstream = NULL;
	while (t == NULL && p->trial < N_TRIALS) {
		ask_clear(&p->ask);
		if (ask_make(&p->ask, "POST", trials[p->trial].path) &&
		    backend_offers(p->route->backend, p->ask.api.protocol))
			t = &trials[p->trial];
		p->trial++;
	}
	if (t == NULL)
		return false;
	p->status = 0;
	p->ask.first = p->ask.route = p->route;
	buf_consume(&p->answer, p->answer.len);
	buf_consume(&p->body, p->body.len);
	(void)buf_puts(&p->body, t->body);
	if (ask_compose(&p->ask, &p->body, time(NULL), e) < 0)
		return false;
	p->upstream = upstream_new(p->worker->upstreams,
	    &(struct upstream_request){
		.route = p->route,
		.method = p->ask.method,
		.target = buf_str(&p->ask.target),
		.headers = p->ask.headers,
		.body = buf_data(&p->ask.body),
		.n = p->ask.body.len,
	    },
	    on_upstream, p);
	return true;
}

/* The answer's beginning is here, or all of it; false: wait. */
static bool
read_answer(struct probe *p, struct error *e)
{
	struct http_head *head = &p->worker->scratch.head;
	enum upstream_progress progress = UPSTREAM_READY;
	struct http_slice data;

	if (p->status == 0) {
		progress = upstream_head(p->upstream, head, e);
		if (progress == UPSTREAM_READY)
			p->status = head->status;
	}
	while (progress == UPSTREAM_READY && p->answer.len < PROBE_ANSWER_MAX) {
		progress = upstream_body(p->upstream, &data, e);
		if (progress != UPSTREAM_READY)
			break;
		(void)buf_append(&p->answer, data.p, data.n);
		upstream_consume(p->upstream, data.n);
	}
	return progress != UPSTREAM_WAIT;
}

/* True: it is over, and its result was said. */
static bool
probe_run(struct probe *p)
{
	struct error e = { 0 };
	unsigned status;

	do {
		if (!read_answer(p, &e))
			return false;
		if (p->status == 0 || p->status < 300) {
			result(
			    p, p->status != 0, p->status != 0 ? NULL : e.text);
			return true;
		}
		status = p->status;
	} while (may_be_another(status) && try_next(p, &e));
	p->status = status;
	refused(p);
	return true;
}

static void
on_upstream(void *arg)
{
	struct probe *p = arg;
	bool is_over;

	/* It may be told of something while it is at it. */
	if (p->running)
		return;
	p->running = true;
	is_over = probe_run(p);
	p->running = false;
	if (is_over)
		probe_free(p);
}

int
probe_start(
    struct worker *w, struct router_route *route, int fd, struct error *e)
{
	struct probe *p = xcalloc(1, sizeof(*p));

	p->worker = w;
	p->fd = fd;
	p->deadline_ms = link_now_ms() + PROBE_MS;
	TAILQ_INSERT_TAIL(&w->probes, p, next);
	if (table_new(&(struct router_set_routes){ { route, 1 } }, true,
		&p->table, e) < 0) {
		probe_free(p);
		return -1;
	}
	p->route = table_first(p->table);
	if (route_is_closed(p->route)) {
		result(p, false, "its credentials have expired");
		probe_free(p);
		return 0;
	}
	(void)error_set(e, ERR_INVALID, "nothing can be asked of it");
	if (p->route->is_mock) {
		result(p, true, NULL);
		probe_free(p);
		return 0;
	}
	p->running = true;
	if (!try_next(p, e)) {
		probe_free(p);
		return -1;
	}
	p->running = false;
	/* A connection that was kept says nothing before it is asked. */
	on_upstream(p);
	return 0;
}

void
probes_check_time(struct worker *w, int64_t now_ms)
{
	struct probe *p, *next;

	for (p = TAILQ_FIRST(&w->probes); p != NULL; p = next) {
		next = TAILQ_NEXT(p, next);
		if (now_ms < p->deadline_ms)
			continue;
		result(p, false, "it took too long to answer");
		probe_free(p);
	}
}
