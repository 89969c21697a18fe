/* SPDX-License-Identifier: Apache-2.0 */
/* test_events.c - batches of events: what is kept, cut, counted, dropped. */
#include <event2/event.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/varlink/client.h"
#include "common/varlink/server.h"
#include "common/wire/proxy.h"
#include "common/xalloc.h"
#include "common/wire/events.h"

/* One end serves the batches, the other asks for them. */
struct stage {
	struct event_base *base;
	struct events *events;
	struct varlink_server *server;
	struct varlink_client *client;
	struct service service;
	int64_t dropped;
	size_t n;
	unsigned batches;
	char text[512]; /* of the last event: message name=value ... */
	const char *level;
};

static int
serve(struct call *call, void *params, struct error *e)
{
	(void)params;
	(void)e;
	events_serve(call_ctx(call), call);
	return 0;
}

static const struct handler handlers[] = {
	{ &proxy_events_method, ROLE_ADMIN, serve },
	{ 0 },
};

static enum role
role_of(void *ctx, const struct peer *peer)
{
	(void)ctx;
	(void)peer;
	return ROLE_ADMIN;
}

static int
start(void **state)
{
	struct stage *s = xcalloc(1, sizeof(*s));
	struct error e;
	int fds[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	s->base = event_base_new();
	s->events = events_new(s->base, "proxy");
	s->service = (struct service){ "test", &proxy_interface, handlers,
		role_of, s->events };
	s->server = varlink_server_new(s->base, &s->service);
	assert_int_equal(varlink_server_add(s->server, fds[0], &e), 0);
	s->client =
	    varlink_client_new(s->base, &proxy_interface, fds[1], NULL, NULL);
	*state = s;
	return 0;
}

static int
stop(void **state)
{
	struct stage *s = *state;

	varlink_client_free(s->client);
	varlink_server_free(s->server);
	events_free(s->events);
	event_base_free(s->base);
	free(s);
	return 0;
}

static void
on_batch(void *arg, const struct varlink_result *r)
{
	struct stage *s = arg;
	const struct log_events *got = r->reply;
	const struct log_event *last;
	size_t used;

	assert_null(r->error);
	s->batches++;
	s->dropped = got->dropped;
	s->n = got->events.n;
	if (s->n == 0)
		return;
	last = (const struct log_event *)got->events.v + s->n - 1;
	s->level = strcmp(last->level, "warn") == 0 ? "warn" : "info";
	used = (size_t)snprintf(
	    s->text, sizeof(s->text), "%s %s", last->sandbox, last->message);
	for (size_t i = 0; i < last->fields.n && used < sizeof(s->text); i++)
		used += (size_t)snprintf(s->text + used, sizeof(s->text) - used,
		    " %s=%s", last->fields.v[i].name, last->fields.v[i].value);
}

/* Asks for a batch and waits until it is there. */
static void
next_batch(struct stage *s)
{
	unsigned before = s->batches;

	varlink_client_call(
	    s->client, &proxy_events_method, NULL, true, on_batch, s);
	while (s->batches == before)
		assert_int_equal(event_base_loop(s->base, EVLOOP_ONCE), 0);
}

static bool
tell(struct stage *s, struct events_quota *quota, bool is_denial,
    const char *value)
{
	const struct pair pairs[] = { { "action", "x" }, { "none", NULL },
		{ "value", value } };

	if (!events_wants(s->events, quota, is_denial))
		return false;
	events_add(s->events, is_denial, "sandbox-1", "CONNECT", pairs, 3);
	return true;
}

static void
test_an_event_arrives_without_what_is_null(void **state)
{
	struct stage *s = *state;
	struct events_quota q = { 0 };

	assert_true(tell(s, &q, true, "v"));
	next_batch(s);
	assert_int_equal(s->n, 1);
	assert_int_equal(s->dropped, 0);
	assert_string_equal(s->text, "sandbox-1 CONNECT action=x value=v");
	assert_string_equal(s->level, "warn");
	assert_true(tell(s, &q, false, "v"));
	next_batch(s);
	assert_int_equal(s->n, 1);
	assert_string_equal(s->level, "info");
}

static void
test_what_an_event_says_is_its_own(void **state)
{
	struct stage *s = *state;
	struct events_quota q = { 0 };
	char value[] = "before";

	assert_true(tell(s, &q, true, value));
	memset(value, 'x', sizeof(value) - 1);
	next_batch(s);
	assert_non_null(strstr(s->text, "value=before"));
}

static void
test_allowed_ones_leave_room_for_denials(void **state)
{
	struct stage *s = *state;
	struct events_quota q = { 0 };

	for (int i = 0; i < EVENTS_ALLOWED_MAX; i++)
		assert_true(tell(s, &q, false, "v"));
	assert_false(tell(s, &q, false, "v"));
	assert_false(tell(s, &q, false, "v"));
	assert_true(tell(s, &q, true, "v"));
	next_batch(s);
	assert_int_equal(s->n, EVENTS_ALLOWED_MAX + 1);
	assert_int_equal(s->dropped, 2);
	/* The next begins anew. */
	assert_true(tell(s, &q, false, "v"));
	next_batch(s);
	assert_int_equal(s->n, 1);
	assert_int_equal(s->dropped, 0);
}

static void
test_one_sandbox_s_denials_leave_room_for_another_s(void **state)
{
	struct stage *s = *state;
	struct events_quota loud = { 0 }, quiet = { 0 };

	for (int i = 0; i < EVENTS_QUOTA; i++)
		assert_true(tell(s, &loud, true, "v"));
	assert_false(tell(s, &loud, true, "v"));
	assert_true(tell(s, &quiet, true, "v"));
	next_batch(s);
	assert_int_equal(s->n, EVENTS_QUOTA + 1);
	assert_int_equal(s->dropped, 1);
	assert_true(tell(s, &loud, true, "v"));
}

static void
test_a_batch_has_an_end_whoever_fills_it(void **state)
{
	struct stage *s = *state;
	struct events_quota q[8] = { 0 };
	int kept = 0;

	for (int i = 0; i < 8 * EVENTS_QUOTA; i++)
		kept += tell(s, &q[i % 8], true, "v");
	assert_int_equal(kept, WIRE_EVENTS_MAX);
	next_batch(s);
	assert_int_equal(s->n, WIRE_EVENTS_MAX);
	assert_int_equal(s->dropped, 8 * EVENTS_QUOTA - WIRE_EVENTS_MAX);
}

/* Long ones, so that the memory for text ends before the places do. */
static void
test_long_values_are_dropped_and_never_overrun(void **state)
{
	struct stage *s = *state;
	struct events_quota q[8] = { 0 };
	char value[4 * EVENTS_TEXT_MAX];
	char names[EVENTS_FIELDS_MAX + 2][16];
	struct pair pairs[EVENTS_FIELDS_MAX + 2];
	int kept = 0;

	memset(value, 'y', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (size_t i = 0; i < EVENTS_FIELDS_MAX + 2; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "value%zu", i);
		pairs[i] = (struct pair){ names[i], value };
	}
	for (int i = 0; i < 8 * EVENTS_QUOTA; i++) {
		if (!events_wants(s->events, &q[i % 8], true))
			continue;
		events_add(s->events, true, "sandbox-1", "CONNECT", pairs,
		    EVENTS_FIELDS_MAX + 2);
		kept++;
	}
	assert_in_range(kept, 10, WIRE_EVENTS_MAX - 1);
	next_batch(s);
	assert_int_equal(s->n, kept);
	assert_int_equal(s->dropped, 8 * EVENTS_QUOTA - kept);
}

static void
test_a_long_value_is_cut_between_characters(void **state)
{
	struct stage *s = *state;
	struct events_quota q = { 0 };
	char value[2 * EVENTS_TEXT_MAX + 2];
	const char *at;

	/* An odd byte first: the limit is inside of a character. */
	value[0] = 'a';
	for (size_t i = 1; i + 2 < sizeof(value); i += 2)
		memcpy(value + i, "\xc3\xa4", 2);
	value[sizeof(value) - 1] = '\0';
	assert_true(tell(s, &q, true, value));
	next_batch(s);
	at = strstr(s->text, "value=");
	assert_non_null(at);
	/* What is no UTF-8 would have become U+FFFD on its way. */
	assert_null(strstr(s->text, "\xef\xbf\xbd"));
}

static void
test_who_asks_again_is_answered_with_what_there_is(void **state)
{
	struct stage *s = *state;

	varlink_client_call(
	    s->client, &proxy_events_method, NULL, true, on_batch, s);
	varlink_client_free(s->client);
	s->client = NULL;
	/* The call ends with its connection: nothing is sent into it. */
	assert_true(event_base_loop(s->base, EVLOOP_NONBLOCK) >= 0);
	assert_true(event_base_loop(s->base, EVLOOP_NONBLOCK) >= 0);
	assert_int_equal(s->batches, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(test_an_event_arrives_without_what_is_null),
		TEST(test_what_an_event_says_is_its_own),
		TEST(test_allowed_ones_leave_room_for_denials),
		TEST(test_one_sandbox_s_denials_leave_room_for_another_s),
		TEST(test_a_batch_has_an_end_whoever_fills_it),
		TEST(test_long_values_are_dropped_and_never_overrun),
		TEST(test_a_long_value_is_cut_between_characters),
		TEST(test_who_asks_again_is_answered_with_what_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
