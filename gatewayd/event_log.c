/* SPDX-License-Identifier: Apache-2.0 */
/* event_log.c - see event_log.h. */
#include <assert.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/varlink/codec.h"
#include "common/varlink/server.h"
#include "common/when.h"
#include "common/wire/gateway.h"
#include "common/wire/limits.h"
#include "common/xalloc.h"
#include "gatewayd/event_log.h"
#include "gatewayd/gateway.h"
#include "gatewayd/store.h"

#define NOTE_FIELDS_MAX 8

static const struct timeval flush_interval = { 0, EVENT_LOG_FLUSH_MS * 1000L };

static const char *const levels[] = { "error", "warn", "info", "debug", "trace",
	NULL };
static const char *const sources[] = { "all", "gateway", "sandbox", NULL };

struct queued {
	char *sandbox;
	char *json;
	int64_t time_ms;
};

struct follower {
	LIST_ENTRY(follower) next;
	struct call *call;
	char *sandbox;
	char *source; /* NULL: all */
	int rank;
};

struct event_log {
	struct store *store;
	struct event *flush_timer;
	struct queued queue[EVENT_LOG_QUEUE_MAX];
	size_t n;
	LIST_HEAD(, follower) followers;
};

static void flush(struct event_log *);

static int
find_word(const char *const *words, const char *word)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

int
event_level_rank(const char *level)
{
	return find_word(levels, level);
}

static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush(arg);
}

struct event_log *
event_log_new(struct event_base *base, struct store *store)
{
	struct event_log *l = xcalloc(1, sizeof(*l));

	l->store = store;
	LIST_INIT(&l->followers);
	l->flush_timer = evtimer_new(base, on_flush, l);
	if (l->flush_timer == NULL)
		fatalx("cannot make a timer");
	return l;
}

static void
follower_free(void *arg)
{
	struct follower *f = arg;

	LIST_REMOVE(f, next);
	free(f->sandbox);
	free(f->source);
	free(f);
}

void
event_log_free(struct event_log *l)
{
	if (l == NULL)
		return;
	flush(l);
	/* The server's end ended every call. */
	assert(LIST_EMPTY(&l->followers));
	event_free(l->flush_timer);
	free(l);
}

static void
flush(struct event_log *l)
{
	autofree struct store_event *rows = xcalloc(l->n, sizeof(*rows));
	struct error e;

	if (l->n == 0)
		return;
	for (size_t i = 0; i < l->n; i++)
		rows[i] = (struct store_event){ l->queue[i].sandbox,
			l->queue[i].time_ms, l->queue[i].json };
	if (store_events_append(l->store, rows, l->n, &e) < 0)
		log_warnx("events lost count=%zu: %s", l->n, e.text);
	for (size_t i = 0; i < l->n; i++) {
		free(l->queue[i].sandbox);
		free(l->queue[i].json);
	}
	l->n = 0;
}

static bool
is_wanted(const struct log_event *event, int rank, const char *source)
{
	int mine = event_level_rank(event->level);

	return mine >= 0 && mine <= rank &&
	       (source == NULL || strcmp(source, event->source) == 0);
}

static void
tell_followers(struct event_log *l, const struct log_event *event)
{
	struct log_event copy = *event;
	struct gateway_log_events reply = { { &copy, 1 } };
	struct follower *f, *next;

	copy.sandbox = NULL; /* who follows knows which */
	for (f = LIST_FIRST(&l->followers); f != NULL; f = next) {
		next = LIST_NEXT(f, next);
		if (strcmp(f->sandbox, event->sandbox) == 0 &&
		    is_wanted(event, f->rank, f->source))
			call_reply_more(f->call, &reply);
	}
}

void
event_log_add(struct event_log *l, const struct log_event *event)
{
	_cleanup_(buf_free) struct buf json = BUF_INIT;
	struct passed none;
	struct log_event stored = *event;
	struct queued *q;

	stored.sandbox = NULL; /* the row has it */
	if (codec_encode(&json, event_fields, &stored, &none) < 0)
		return;
	if (l->n == EVENT_LOG_QUEUE_MAX)
		flush(l);
	q = &l->queue[l->n++];
	q->sandbox = xstrdup(event->sandbox);
	q->json = buf_take_str(&json);
	q->time_ms = event->time_ms;
	if (!evtimer_pending(l->flush_timer, NULL))
		(void)evtimer_add(l->flush_timer, &flush_interval);
	tell_followers(l, event);
}

void
event_log_note(struct event_log *l, const char *sandbox, const char *level,
    const char *target, const char *message, ...)
{
	struct pair fields[NOTE_FIELDS_MAX];
	struct log_event event = { .time_ms = when_now_ms(),
		.sandbox = sandbox,
		.source = "gateway",
		.level = level,
		.target = target,
		.message = message,
		.fields = { fields, 0 } };
	const char *name;
	va_list ap;

	va_start(ap, message);
	while (event.fields.n < NOTE_FIELDS_MAX &&
	       (name = va_arg(ap, const char *)) != NULL) {
		const char *value = va_arg(ap, const char *);

		if (value != NULL)
			fields[event.fields.n++] = (struct pair){ name, value };
	}
	va_end(ap);
	event_log_add(l, &event);
}

int
event_query_check(const struct event_query *q, struct error *e)
{
	if (q->level != NULL && event_level_rank(q->level) < 0)
		return error_set(e, ERR_INVALID,
		    "level '%s' is none of error, warn, info, debug, trace",
		    log_safe(q->level));
	if (q->source != NULL && find_word(sources, q->source) < 0)
		return error_set(e, ERR_INVALID,
		    "source '%s' is none of all, gateway, sandbox",
		    log_safe(q->source));
	return 0;
}

/* The newest events that fit, in a ring. */
struct selection {
	struct arena arena;
	struct log_event *ring;
	size_t limit;
	size_t seen;
	int rank;
	const char *source;
};

static void
select_event(void *arg, const struct store_event *row)
{
	struct selection *s = arg;
	struct bad_field bad;
	const struct log_event *event = codec_decode_text(
	    row->json, event_fields, sizeof(*event), &s->arena, &bad);

	if (event == NULL || !is_wanted(event, s->rank, s->source))
		return;
	s->ring[s->seen++ % s->limit] = *event;
}

static void
answer_selected(const struct selection *s, bool follow, struct call *call)
{
	size_t n = s->seen < s->limit ? s->seen : s->limit;
	autofree struct log_event *ordered = xcalloc(n, sizeof(*ordered));
	struct gateway_log_events reply = { { ordered, n } };

	/* proxyd's workers send batches: nearly sorted. */
	for (size_t i = 0; i < n; i++) {
		struct log_event one = s->ring[(s->seen - n + i) % s->limit];
		size_t at = i;

		for (; at > 0 && ordered[at - 1].time_ms > one.time_ms; at--)
			ordered[at] = ordered[at - 1];
		ordered[at] = one;
	}
	if (follow)
		call_reply_more(call, &reply);
	else
		call_reply(call, &reply);
}

int
event_log_answer(struct event_log *l, const struct event_query *q, bool follow,
    struct call *call, struct error *e)
{
	bool all = q->source == NULL || strcmp(q->source, "all") == 0;
	struct selection s = { .limit = WIRE_EVENTS_MAX,
		.rank = event_level_rank(q->level != NULL ? q->level : "info"),
		.source = all ? NULL : q->source };
	struct follower *f;
	int r;

	if (q->limit > 0 && (size_t)q->limit < s.limit)
		s.limit = (size_t)q->limit;
	s.ring = xcalloc(s.limit, sizeof(*s.ring));
	flush(l);
	r = store_events_each(
	    l->store, q->sandbox, q->since_ms, select_event, &s, e);
	if (r == 0 && follow) {
		f = xcalloc(1, sizeof(*f));
		f->call = call;
		f->sandbox = xstrdup(q->sandbox);
		f->source = all ? NULL : xstrdup(q->source);
		f->rank = s.rank;
		LIST_INSERT_HEAD(&l->followers, f, next);
		call_on_end(call, follower_free, f);
	}
	if (r == 0)
		answer_selected(&s, follow, call);
	free(s.ring);
	arena_clear(&s.arena);
	return r;
}
