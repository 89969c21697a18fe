/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.c - see events.h.
 *
 * A batch is kept in the form in which it is sent, its strings in one piece
 * of memory.  Most of that is never touched on a quiet machine.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/varlink/server.h"
#include "common/when.h"
#include "common/wire/proxy.h"
#include "common/xalloc.h"
#include "common/wire/events.h"

#define TEXT_BYTES (256u << 10)
#define TEXT_ALLOWED (96u << 10)
/* What one event may take at most. */
#define EVENT_TEXT_MAX                                                         \
	(EVENTS_FIELDS_MAX * (EVENTS_TEXT_MAX + 1) + WIRE_NAME_MAX + 1)

struct events {
	struct log_event v[WIRE_EVENTS_MAX];
	struct pair pairs[WIRE_EVENTS_MAX][EVENTS_FIELDS_MAX];
	char text[TEXT_BYTES];
	size_t n;
	size_t used; /* bytes of text */
	int64_t dropped;
	uint64_t batch;
	bool due;          /* the timer has run since the last batch */
	struct call *call; /* who waits; NULL: nobody */
	struct event *timer;
	const char *target;
};

static void
on_call_end(void *arg)
{
	struct events *ev = arg;

	ev->call = NULL;
}

static void
send_batch(struct events *ev)
{
	struct log_events reply = { { ev->v, ev->n }, ev->dropped };
	struct call *call = ev->call;

	call_on_end(call, NULL, NULL);
	ev->call = NULL;
	call_reply(call, &reply);
	ev->n = ev->used = 0;
	ev->dropped = 0;
	ev->batch++;
	ev->due = false;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct events *ev = arg;

	(void)fd;
	(void)what;
	ev->due = true;
	if (ev->call != NULL && ev->n > 0)
		send_batch(ev);
}

struct events *
events_new(struct event_base *base, const char *target)
{
	struct events *ev = xcalloc(1, sizeof(*ev));

	ev->target = target;
	ev->timer = evtimer_new(base, on_timer, ev);
	if (ev->timer == NULL)
		abort();
	return ev;
}

void
events_free(struct events *ev)
{
	if (ev == NULL)
		return;
	if (ev->call != NULL)
		call_on_end(ev->call, NULL, NULL);
	event_free(ev->timer);
	free(ev);
}

static bool
fit(const struct events *ev, size_t limit, size_t bytes)
{
	return ev->n < limit && ev->used + EVENT_TEXT_MAX <= bytes;
}

bool
events_have_room(const struct events *ev)
{
	return fit(ev, WIRE_EVENTS_MAX, TEXT_BYTES);
}

bool
events_wants(struct events *ev, struct events_quota *quota, bool is_denial)
{
	bool fits = is_denial ? events_have_room(ev)
			      : fit(ev, EVENTS_ALLOWED_MAX, TEXT_ALLOWED);

	if (is_denial) {
		if (quota->batch != ev->batch) {
			quota->batch = ev->batch;
			quota->denials = 0;
		}
		fits = fits && quota->denials++ < EVENTS_QUOTA;
	}
	if (!fits)
		ev->dropped++;
	return fits;
}

/* Cut between characters, so that what is left is still UTF-8. */
static const char *
keep(struct events *ev, const char *s)
{
	size_t n = strnlen(s, EVENTS_TEXT_MAX + 1);
	char *at = ev->text + ev->used;

	if (n > EVENTS_TEXT_MAX) {
		n = EVENTS_TEXT_MAX;
		while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(at, s, n);
	at[n] = '\0';
	ev->used += n + 1;
	return at;
}

void
events_add(struct events *ev, bool is_denial, const char *sandbox,
    const char *message, const struct pair *pairs, size_t n)
{
	static const struct timeval soon = { 0, EVENTS_FLUSH_MS * 1000 };
	struct log_event *event = &ev->v[ev->n];
	struct pair *to = ev->pairs[ev->n];
	size_t kept = 0;

	for (size_t i = 0; i < n && kept < EVENTS_FIELDS_MAX; i++)
		if (pairs[i].value != NULL)
			to[kept++] = (struct pair){ pairs[i].name,
				keep(ev, pairs[i].value) };
	*event = (struct log_event){
		.time_ms = when_now_ms(),
		.sandbox = keep(ev, sandbox),
		.source = "sandbox",
		.level = is_denial ? "warn" : "info",
		.target = ev->target,
		.message = message,
		.fields = { to, kept },
	};
	if (ev->n++ == 0)
		(void)event_add(ev->timer, &soon);
}

void
events_serve(struct events *ev, struct call *call)
{
	if (ev->call != NULL)
		send_batch(ev);
	ev->call = call;
	call_on_end(call, on_call_end, ev);
	if (ev->due && ev->n > 0)
		send_batch(ev);
}
