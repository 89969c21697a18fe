/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/side.h"

struct end {
	struct side side;
	int peer;
	unsigned notified;
	bool greedy; /* asks for another turn in each */
};

static void
on_side(evutil_socket_t fd, short what, void *arg)
{
	struct end *end = arg;

	(void)fd;
	end->notified++;
	side_event(&end->side, what);
	(void)side_flush(&end->side);
	(void)side_fill(&end->side);
	if (end->greedy)
		side_again(&end->side);
	side_update(&end->side);
}

static void
open_end(struct end *end, struct pool *pool, struct event_base *base)
{
	int fds[2];

	memset(end, 0, sizeof(*end));
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	side_init(&end->side, pool);
	side_open(&end->side, base, fds[0], on_side, end);
	(void)side_fill(&end->side);
	end->peer = fds[1];
}

static void
close_end(struct end *end)
{
	side_close(&end->side);
	(void)close(end->peer);
}

/* Until the kernel takes no more. */
static void
stuff(struct end *end)
{
	static const char bytes[4096];

	while (side_flush(&end->side))
		side_put(&end->side, bytes, sizeof(bytes));
	assert_true(end->side.blocked);
}

static void
drain(struct end *end)
{
	char bytes[65536];

	while (read(end->peer, bytes, sizeof(bytes)) > 0)
		;
}

static void
test_asking_for_a_turn_loses_no_wakeup(void **state)
{
	static const struct {
		const char *why;
		bool before, after; /* side_update() */
	} rows[] = {
		{ "asked before the loop was told", true, false },
		{ "asked after the loop was told", false, true },
		{ "asked twice", true, true },
	};
	struct event_base *base = event_base_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pool pool = { 0 };
		struct end end;

		print_message("%s\n", rows[i].why);
		open_end(&end, &pool, base);
		stuff(&end);
		if (rows[i].before)
			side_again(&end.side);
		side_update(&end.side);
		if (rows[i].after)
			side_again(&end.side);
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
		assert_int_equal(end.notified, 1);
		assert_true(end.side.blocked);
		drain(&end);
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
		assert_int_equal(end.notified, 2);
		assert_int_equal(side_pending(&end.side), 0);
		assert_int_equal(write(end.peer, "x", 1), 1);
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
		assert_int_equal(side_held(&end.side), 1);
		close_end(&end);
		pool_clear(&pool);
	}
	event_base_free(base);
}

static void
test_who_always_wants_a_turn_holds_up_nobody(void **state)
{
	struct event_base *base = event_base_new();
	struct pool pool = { 0 };
	struct end greedy, other;

	(void)state;
	open_end(&greedy, &pool, base);
	open_end(&other, &pool, base);
	side_update(&other.side);
	greedy.greedy = true;
	side_again(&greedy.side);
	assert_int_equal(write(other.peer, "x", 1), 1);
	for (int i = 0; i < 3; i++)
		(void)event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(side_held(&other.side), 1);
	assert_true(greedy.notified > 1);
	close_end(&greedy);
	close_end(&other);
	pool_clear(&pool);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asking_for_a_turn_loses_no_wakeup),
		cmocka_unit_test(test_who_always_wants_a_turn_holds_up_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
