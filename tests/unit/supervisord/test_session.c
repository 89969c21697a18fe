/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_session.c - Exec and Signal as gatewayd sees them: a client and a
 * server on one loop.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/varlink/client.h"
#include "common/varlink/server.h"
#include "common/wire/supervisor.h"
#include "common/xalloc.h"
#include "supervisord/attribution.h"
#include "supervisord/identity.h"
#include "supervisord/records.h"
#include "supervisord/seccomp.h"
#include "supervisord/session.h"

struct world {
	struct event_base *base;
	struct filters filters;
	struct confinement confinement;
	struct sessions *sessions;
	struct service service;
	struct varlink_server *server;
};

/* Sessions live as long as their process: they are no leak. */
static struct world *volatile forever;

static int
exec_command(struct call *call, void *params, struct error *e)
{
	struct world *w = call_ctx(call);

	return sessions_exec(w->sessions, params, call, e);
}

static const struct handler handlers[] = {
	{ &supervisor_exec_method, ROLE_ADMIN, exec_command },
	{ 0 },
};

static enum role
role_of(void *ctx, const struct peer *peer)
{
	(void)ctx;
	(void)peer;
	return ROLE_ADMIN;
}

/* One for all: there is one SIGCHLD. */
static int
set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct error e;

	w->base = event_base_new();
	assert_int_equal(filters_compile(&w->filters, &e), 0);
	w->confinement = (struct confinement){
		.filter = &w->filters.agent,
		.landlock = -1,
		.oom_score = -1,
	};
	w->sessions = sessions_new(w->base, "box", proc, &w->confinement,
	    attribution_new(w->base, identities_new(proc), records_new()));
	w->service = (struct service){
		.product = "test",
		.interface = &supervisor_interface,
		.handlers = handlers,
		.role = role_of,
		.ctx = w,
	};
	w->server = varlink_server_new(w->base, &w->service);
	*state = forever = w;
	return 0;
}

/* What a caller of Exec has. */
struct caller {
	struct world *world;
	struct varlink_client *client;
	int64_t session;
	bool started;
	bool ended;
	int64_t exit_code;
	char *message;
	int fds[3];
};

static void
on_reply(void *arg, const struct varlink_result *r)
{
	struct caller *c = arg;
	struct supervisor_exec_reply *reply = r->reply;

	assert_null(r->error);
	if (r->continues) {
		assert_true(reply->started);
		c->started = true;
		c->session = reply->session;
		c->fds[0] = steal_fd(&reply->in);
		c->fds[1] = steal_fd(&reply->out);
		c->fds[2] = steal_fd(&reply->err);
		return;
	}
	assert_false(reply->started);
	c->ended = true;
	c->exit_code = reply->exit_code;
	if (reply->message != NULL)
		c->message = xstrdup(reply->message);
}

static void
on_closed(void *arg)
{
	(void)arg;
}

static void
call_exec(struct world *w, struct caller *c, const struct supervisor_exec *p)
{
	struct error e;
	int pair[2];

	*c = (struct caller){ .world = w, .fds = { -1, -1, -1 } };
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	(void)evutil_make_socket_nonblocking(pair[1]);
	assert_int_equal(varlink_server_add(w->server, pair[1], &e), 0);
	c->client = varlink_client_new(
	    w->base, &supervisor_interface, pair[0], on_closed, c);
	varlink_client_call(
	    c->client, &supervisor_exec_method, p, true, on_reply, c);
}

static void
hang_up(struct caller *c)
{
	varlink_client_free(c->client);
	c->client = NULL;
	free(c->message);
	for (int i = 0; i < 3; i++)
		if (c->fds[i] >= 0)
			(void)close(c->fds[i]);
}

static void
run_until(struct caller *c, const bool *what)
{
	while (!*what)
		(void)event_base_loop(c->world->base, EVLOOP_ONCE);
}

static void
start(struct world *w, struct caller *c, const char *script, int64_t timeout_ms)
{
	const char *argv[] = { "/bin/sh", "-c", script, NULL };
	struct supervisor_exec p = {
		.argv = { argv, 3 },
		.workdir = "/",
		.timeout_ms = timeout_ms,
	};

	call_exec(w, c, &p);
}

static void
test_a_command_is_told_of_at_its_start_and_at_its_end(void **state)
{
	struct caller c;
	char byte;

	start(*state, &c, "read x; echo \"got $x\" >&2; exit 7", 0);
	run_until(&c, &c.started);
	assert_false(c.ended);
	assert_int_equal(sessions_count(c.world->sessions), 1);
	assert_int_equal(write(c.fds[0], "y\n", 2), 2);
	run_until(&c, &c.ended);
	assert_int_equal(c.exit_code, 7);
	assert_int_equal(read(c.fds[1], &byte, 1), 0);
	assert_int_equal(read(c.fds[2], &byte, 1), 1);
	assert_int_equal(byte, 'g');
	assert_int_equal(sessions_count(c.world->sessions), 0);
	hang_up(&c);
}

static void
test_the_end_of_input_arrives(void **state)
{
	struct caller c;

	start(*state, &c, "cat; exit 4", 0);
	run_until(&c, &c.started);
	(void)close(steal_fd(&c.fds[0]));
	run_until(&c, &c.ended);
	assert_int_equal(c.exit_code, 4);
	hang_up(&c);
}

static void
test_what_does_not_start_has_one_reply_that_says_why(void **state)
{
	const char *argv[] = { "no-such-program", NULL };
	const struct supervisor_exec p = { .argv = { argv, 1 },
		.workdir = "/" };
	struct caller c;

	call_exec(*state, &c, &p);
	run_until(&c, &c.ended);
	assert_false(c.started);
	assert_int_equal(c.exit_code, 127);
	assert_non_null(strstr(c.message, "no-such-program"));
	hang_up(&c);
}

static void
test_what_takes_too_long_ends_with_all_that_it_started(void **state)
{
	struct caller c;
	char byte;

	/* Both hold the output open: its end shows that both are gone. */
	start(*state, &c, "cat & read never", 20);
	run_until(&c, &c.ended);
	assert_int_equal(c.exit_code, 124);
	assert_non_null(c.message);
	assert_int_equal(read(c.fds[1], &byte, 1), 0);
	hang_up(&c);
}

static void
test_a_signal_reaches_the_command(void **state)
{
	struct caller c;
	struct error e;
	char byte;

	start(*state, &c, "trap 'exit 9' TERM; echo .; while :; do :; done", 0);
	run_until(&c, &c.started);
	assert_int_equal(read(c.fds[1], &byte, 1), 1);
	assert_int_equal(
	    sessions_signal(c.world->sessions, c.session, SIGTERM, &e), 0);
	run_until(&c, &c.ended);
	assert_int_equal(c.exit_code, 9);
	assert_int_equal(
	    sessions_signal(c.world->sessions, c.session, SIGTERM, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	hang_up(&c);
}

static void
test_death_by_a_signal_is_128_and_its_number(void **state)
{
	struct caller c;

	start(*state, &c, "kill -SEGV $$", 0);
	run_until(&c, &c.ended);
	assert_int_equal(c.exit_code, 128 + SIGSEGV);
	hang_up(&c);
}

static void
test_a_command_outlives_whoever_asked_for_it(void **state)
{
	struct caller c;
	struct error e;
	int64_t session;

	start(*state, &c, "read x", 0);
	run_until(&c, &c.started);
	session = c.session;
	varlink_client_free(c.client);
	(void)event_base_loop(c.world->base, EVLOOP_NONBLOCK);
	(void)event_base_loop(c.world->base, EVLOOP_NONBLOCK);
	assert_int_equal(sessions_count(c.world->sessions), 1);
	assert_int_equal(
	    sessions_signal(c.world->sessions, session, SIGKILL, &e), 0);
	while (sessions_count(c.world->sessions) > 0)
		(void)event_base_loop(c.world->base, EVLOOP_ONCE);
	c.client = NULL;
	hang_up(&c);
}

static void
test_several_commands_have_each_their_own_end(void **state)
{
	struct caller c[8];

	for (int i = 0; i < 8; i++) {
		char script[32];

		(void)snprintf(script, sizeof(script), "read x; exit %d", i);
		start(*state, &c[i], script, 0);
	}
	for (int i = 7; i >= 0; i--) {
		run_until(&c[i], &c[i].started);
		(void)close(steal_fd(&c[i].fds[0]));
		run_until(&c[i], &c[i].ended);
		assert_int_equal(c[i].exit_code, i);
		hang_up(&c[i]);
	}
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	varlink_server_free(w->server);
	filters_free(&w->filters);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_command_is_told_of_at_its_start_and_at_its_end),
		cmocka_unit_test(test_the_end_of_input_arrives),
		cmocka_unit_test(
		    test_what_does_not_start_has_one_reply_that_says_why),
		cmocka_unit_test(
		    test_what_takes_too_long_ends_with_all_that_it_started),
		cmocka_unit_test(test_a_signal_reaches_the_command),
		cmocka_unit_test(test_death_by_a_signal_is_128_and_its_number),
		cmocka_unit_test(test_a_command_outlives_whoever_asked_for_it),
		cmocka_unit_test(test_several_commands_have_each_their_own_end),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
