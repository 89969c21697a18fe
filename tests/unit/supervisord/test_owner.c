/* SPDX-License-Identifier: Apache-2.0 */
/* test_owner.c - questions and answers over a channel. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/wire/owner.h"
#include "common/xalloc.h"
#include "supervisord/owner.h"
#include "supervisord/records.h"

struct world {
	struct event_base *base;
	struct records *records;
	int fd; /* proxyd's end */
};

static int
set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct error e;

	w->base = event_base_new();
	w->records = records_new();
	assert_int_equal(owner_open(w->base, w->records, &w->fd, &e), 0);
	*state = w;
	return 0;
}

static void
turn(struct world *w)
{
	(void)event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	if (w->fd >= 0)
		(void)close(w->fd);
	turn(w); /* the channel ends */
	records_free(w->records);
	event_base_free(w->base);
	free(w);
	return 0;
}

static void
put(struct world *w, uint16_t port, const char *path)
{
	struct owner_reply *answer = xcalloc(1, sizeof(*answer) + 256);
	struct tuple t = { .source_port = port, .destination_port = 443 };

	answer->status = OWNER_KNOWN;
	answer->pid = port;
	answer->bytes = (uint32_t)strlen(path) + 1;
	memcpy(answer + 1, path, answer->bytes);
	records_put(w->records, &t, answer, sizeof(*answer) + answer->bytes);
}

static int
ask(struct world *w, uint16_t port, uint64_t cookie)
{
	struct owner_query q = {
		.cookie = cookie, .source_port = port, .destination_port = 443
	};

	return send(w->fd, &q, sizeof(q), MSG_DONTWAIT) == (ssize_t)sizeof(q);
}

static ssize_t
hear(struct world *w, struct owner_reply *head, char path[256])
{
	struct iovec parts[] = { { head, sizeof(*head) }, { path, 256 } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };

	return recvmsg(w->fd, &m, MSG_DONTWAIT);
}

static void
test_who_connected_is_told_once(void **state)
{
	struct world *w = *state;
	struct owner_reply head;
	char path[256];

	put(w, 7, "/usr/bin/curl");
	assert_true(ask(w, 7, 99));
	turn(w);
	assert_int_equal(hear(w, &head, path), sizeof(head) + 14);
	assert_int_equal(head.cookie, 99);
	assert_int_equal(head.status, OWNER_KNOWN);
	assert_string_equal(path, "/usr/bin/curl");

	assert_true(ask(w, 7, 100));
	turn(w);
	assert_int_equal(hear(w, &head, path), sizeof(head));
	assert_int_equal(head.cookie, 100);
	assert_int_equal(head.status, OWNER_UNKNOWN);
}

static void
test_whoever_does_not_read_gets_every_answer_later(void **state)
{
	enum { MANY = 2000 };
	struct world *w = *state;
	struct owner_reply head;
	char path[256];
	unsigned asked = 0, heard = 0;

	for (unsigned i = 0; i < MANY; i++)
		put(w, (uint16_t)i, "/a/path/that/fills/the/socket");
	while (heard < MANY) {
		while (asked < MANY && ask(w, (uint16_t)asked, asked))
			asked++;
		turn(w);
		/* Only when both directions are full is anything read. */
		if (asked < MANY && ask(w, (uint16_t)asked, asked)) {
			asked++;
			continue;
		}
		while (hear(w, &head, path) > 0) {
			assert_int_equal(head.cookie, heard);
			assert_int_equal(head.status, OWNER_KNOWN);
			heard++;
		}
	}
	assert_int_equal(asked, MANY);
}

static void
test_a_question_of_the_wrong_size_ends_the_channel(void **state)
{
	struct world *w = *state;
	struct owner_reply head;
	char path[256];

	assert_int_equal(send(w->fd, "short", 5, 0), 5);
	turn(w);
	assert_int_equal(hear(w, &head, path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_who_connected_is_told_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_whoever_does_not_read_gets_every_answer_later, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_question_of_the_wrong_size_ends_the_channel, set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
