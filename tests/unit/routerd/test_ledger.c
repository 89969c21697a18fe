/* SPDX-License-Identifier: Apache-2.0 */
/* test_ledger.c - usage is added up, told once, and never dropped. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include <event2/event.h>
#include <sys/socket.h>

#include "common/varlink/client.h"
#include "common/varlink/server.h"
#include "common/wire/event.h"
#include "common/wire/events.h"
#include "common/wire/router.h"
#include "routerd/ledger.h"

struct stage {
	struct event_base *base;
	struct events *events;
	struct ledger *ledger;
	struct varlink_server *server;
	struct varlink_client *client;
	unsigned batches;
	/* All that was told. */
	unsigned told;
	int64_t requests;
	int64_t failures;
	int64_t input_tokens;
	int64_t output_tokens;
	char last[512];
};

static int
get_events(struct call *call, void *params, struct error *e)
{
	(void)params;
	(void)e;
	events_serve(call_ctx(call), call);
	return 0;
}

static const struct handler handlers[] = {
	{ &router_events_method, ROLE_ADMIN, get_events },
	{ 0 },
};

static enum role
role_of(void *ctx, const struct peer *peer)
{
	(void)ctx;
	(void)peer;
	return ROLE_ADMIN;
}

static struct service service = {
	.product = "test",
	.interface = &router_interface,
	.handlers = handlers,
	.role = role_of,
};

static int
start(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	struct error e;
	int fds[2];

	assert_non_null(s);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	s->base = event_base_new();
	s->events = events_new(s->base, "router");
	s->ledger = ledger_new();
	service.ctx = s->events;
	s->server = varlink_server_new(s->base, &service);
	assert_int_equal(varlink_server_add(s->server, fds[0], &e), 0);
	s->client =
	    varlink_client_new(s->base, &router_interface, fds[1], NULL, NULL);
	*state = s;
	return 0;
}

static int
stop(void **state)
{
	struct stage *s = *state;

	varlink_client_free(s->client);
	varlink_server_free(s->server);
	ledger_free(s->ledger);
	events_free(s->events);
	event_base_free(s->base);
	free(s);
	return 0;
}

static int64_t
number(const struct log_event *event, size_t field, const char *name)
{
	assert_string_equal(event->fields.v[field].name, name);
	return strtoll(event->fields.v[field].value, NULL, 10);
}

static void
on_batch(void *arg, const struct varlink_result *r)
{
	struct stage *s = arg;
	const struct log_events *got = r->reply;
	const struct log_event *v;

	assert_null(r->error);
	s->batches++;
	v = got->events.v;
	for (size_t i = 0; i < got->events.n; i++) {
		if (strcmp(v[i].message, ROUTER_USAGE) != 0)
			continue;
		assert_int_equal(v[i].fields.n, 7);
		assert_string_equal(v[i].target, "router");
		(void)snprintf(s->last, sizeof(s->last), "%s %s %s %s",
		    v[i].sandbox, v[i].fields.v[0].value,
		    v[i].fields.v[1].value, v[i].fields.v[2].value);
		s->told++;
		s->requests += number(&v[i], 3, "requests");
		s->failures += number(&v[i], 4, "failures");
		s->input_tokens += number(&v[i], 5, "input_tokens");
		s->output_tokens += number(&v[i], 6, "output_tokens");
	}
}

static void
next_batch(struct stage *s)
{
	unsigned before = s->batches;

	varlink_client_call(
	    s->client, &router_events_method, NULL, true, on_batch, s);
	while (s->batches == before)
		assert_int_equal(event_base_loop(s->base, EVLOOP_ONCE), 0);
}

static void
test_the_same_adds_up(void **state)
{
	struct stage *s = *state;

	for (int i = 0; i < 1000; i++)
		ledger_add(
		    s->ledger, &(struct ledger_entry){ "box", "inference.local",
				   "p", "m", 1, i % 10 == 0, 3, 4 });
	ledger_tell(s->ledger, s->events);
	ledger_tell(s->ledger, s->events);
	next_batch(s);
	assert_int_equal(s->told, 1);
	assert_string_equal(s->last, "box inference.local p m");
	assert_int_equal(s->requests, 1000);
	assert_int_equal(s->failures, 100);
	assert_int_equal(s->input_tokens, 3000);
	assert_int_equal(s->output_tokens, 4000);
}

static void
test_what_differs_in_one_name_is_another(void **state)
{
	struct stage *s = *state;
	const struct ledger_entry entries[] = {
		{ "a", "r", "p", "m", 1, 0, 0, 0 },
		{ "b", "r", "p", "m", 1, 0, 0, 0 },
		{ "a", "s", "p", "m", 1, 0, 0, 0 },
		{ "a", "r", "q", "m", 1, 0, 0, 0 },
		{ "a", "r", "p", "n", 1, 0, 0, 0 },
	};

	for (size_t i = 0; i < 10; i++)
		ledger_add(s->ledger, &entries[i % 5]);
	ledger_tell(s->ledger, s->events);
	next_batch(s);
	assert_int_equal(s->told, 5);
	assert_int_equal(s->requests, 10);
}

/* Log events that nobody reads take their part of a batch, and no more. */
static void
test_what_has_no_room_is_told_later(void **state)
{
	struct stage *s = *state;
	struct events_quota quota = { 0 };
	char sandbox[16];
	const int n = 3000;

	for (int i = 0; i < n; i++) {
		(void)snprintf(sandbox, sizeof(sandbox), "box-%d", i);
		ledger_add(s->ledger, &(struct ledger_entry){
					  sandbox, "r", "p", "m", 1, 0, 2, 0 });
	}
	for (int i = 0; s->told < (unsigned)n && i < n; i++) {
		while (events_wants(s->events, &quota, false))
			events_add(
			    s->events, false, "box", "INFERENCE", NULL, 0);
		ledger_tell(s->ledger, s->events);
		next_batch(s);
	}
	assert_int_equal(s->told, n);
	assert_int_equal(s->requests, n);
	assert_int_equal(s->input_tokens, 2 * n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_the_same_adds_up, start, stop),
		cmocka_unit_test_setup_teardown(
		    test_what_differs_in_one_name_is_another, start, stop),
		cmocka_unit_test_setup_teardown(
		    test_what_has_no_room_is_told_later, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
