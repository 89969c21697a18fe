/* SPDX-License-Identifier: Apache-2.0 */
/* test_owner.c - what is believed of an answer about who connected. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "proxyd/owner.h"

#define UNHEARD "nobody could say who connected"

/* A datagram: the head, then the paths as they are. */
static size_t
compose(
    uint8_t *to, const struct owner_reply *head, const char *paths, size_t n)
{
	memcpy(to, head, sizeof(*head));
	memcpy(to + sizeof(*head), paths, n);
	return sizeof(*head) + n;
}

#define PATHS(text) text, sizeof(text) - 1

static const struct {
	const char *why;
	uint32_t status;
	uint32_t ancestors;
	const char *paths;
	size_t n;
	int more; /* the head claims so many bytes more */
	const char *reason;
} bad[] = {
	{ "no record", OWNER_UNKNOWN, 0, PATHS(""), 0,
	    "no record of who connected" },
	{ "a changed program", OWNER_CHANGED, 0, PATHS("/bin/a\0"), 0,
	    "the program's file was changed" },
	{ "a status that we don't know", 77, 0, PATHS("/bin/a\0"), 0, UNHEARD },
	{ "no path at all", OWNER_KNOWN, 0, PATHS(""), 0, UNHEARD },
	{ "a path without its end", OWNER_KNOWN, 0, PATHS("/bin/a"), 0,
	    UNHEARD },
	{ "fewer ancestors than it says", OWNER_KNOWN, 2,
	    PATHS("/bin/a\0/bin/b\0"), 0, UNHEARD },
	{ "more ancestors than there can be", OWNER_KNOWN,
	    OWNER_ANCESTORS_MAX + 1,
	    PATHS("a\0b\0c\0d\0e\0f\0g\0h\0i\0j\0k\0l\0m\0n\0o\0p\0q\0r\0"), 0,
	    UNHEARD },
	{ "more bytes than came", OWNER_KNOWN, 0, PATHS("/bin/a\0"), 1,
	    UNHEARD },
	{ "fewer bytes than came", OWNER_KNOWN, 0, PATHS("/bin/a\0"), -1,
	    UNHEARD },
};

static void
test_an_answer_that_says_nothing_names_nobody(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t bytes[512];
		const struct owner_reply head = { 42, bad[i].status, 7, { 0 },
			bad[i].ancestors,
			(uint32_t)((int)bad[i].n + bad[i].more) };
		size_t n = compose(bytes, &head, bad[i].paths, bad[i].n);
		const char *why = NULL;
		uint64_t cookie;

		printf("%s\n", bad[i].why);
		assert_null(owner_reply_parse(bytes, n, &cookie, &why));
		assert_int_equal(cookie, 42);
		assert_string_equal(why, bad[i].reason);
	}
}

static void
test_a_cut_head_names_nobody(void **state)
{
	uint8_t bytes[sizeof(struct owner_reply)] = { 1 };
	const char *why = NULL;
	uint64_t cookie = 1;

	(void)state;
	assert_null(owner_reply_parse(bytes, sizeof(bytes) - 1, &cookie, &why));
	assert_int_equal(cookie, 0);
	assert_string_equal(why, UNHEARD);
}

static void
test_an_answer_is_copied_whole(void **state)
{
	static const char paths[] = "/usr/bin/curl\0/bin/sh\0/usr/bin/node";
	const struct owner_reply head = { 9, OWNER_KNOWN, 58, { 0 }, 2,
		sizeof(paths) };
	uint8_t bytes[512];
	size_t n = compose(bytes, &head, paths, sizeof(paths));
	const char *why = "set";
	struct identity *who;
	uint64_t cookie;

	(void)state;
	who = owner_reply_parse(bytes, n, &cookie, &why);
	memset(bytes, 0xff, sizeof(bytes));
	assert_non_null(who);
	assert_null(why);
	assert_int_equal(who->pid, 58);
	assert_string_equal(who->caller.exe, "/usr/bin/curl");
	assert_int_equal(who->caller.n_ancestors, 2);
	assert_string_equal(who->caller.ancestors[0], "/bin/sh");
	assert_string_equal(who->caller.ancestors[1], "/usr/bin/node");
	free(who);
}

static void
test_a_path_that_was_too_long_is_unknown(void **state)
{
	const struct owner_reply head = { 9, OWNER_KNOWN, 58, { 0 }, 1, 9 };
	uint8_t bytes[512];
	size_t n = compose(bytes, &head, "\0/bin/sh", 9);
	const char *why;
	struct identity *who;
	uint64_t cookie;

	(void)state;
	who = owner_reply_parse(bytes, n, &cookie, &why);
	assert_non_null(who);
	assert_null(who->caller.exe);
	assert_int_equal(who->caller.n_ancestors, 1);
	free(who);
}

/*
 * The channel.
 */

struct asked {
	struct owner_wait wait;
	int times;
	char who[64];
	char why[64];
};

static void
on_done(void *arg, struct identity *who, const char *why)
{
	struct asked *a = arg;

	a->times++;
	(void)snprintf(
	    a->who, sizeof(a->who), "%s", who != NULL ? who->caller.exe : "");
	(void)snprintf(a->why, sizeof(a->why), "%s", why != NULL ? why : "");
	free(who);
}

struct ends {
	struct event_base *base;
	struct owner_channel *channel;
	int other;
};

static int
open_ends(void **state)
{
	static struct ends e;
	int fds[2];

	assert_int_equal(
	    socketpair(
		AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
	    0);
	e.base = event_base_new();
	e.channel = owner_channel_new(e.base, fds[0]);
	e.other = fds[1];
	*state = &e;
	return 0;
}

static int
close_ends(void **state)
{
	struct ends *e = *state;

	owner_channel_free(e->channel);
	event_base_free(e->base);
	if (e->other >= 0)
		(void)close(e->other);
	return 0;
}

static bool
ask(struct ends *e, struct asked *a)
{
	struct sockaddr_storage from = { 0 }, to = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&from;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&to;

	in->sin_family = AF_INET;
	in->sin_port = htons(40000);
	in->sin_addr.s_addr = htonl(0x7f000001);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(443);
	in6->sin6_addr.s6_addr[0] = 0xfd;
	a->wait.done = on_done;
	a->wait.arg = a;
	return owner_ask(e->channel, &from, &to, &a->wait);
}

static void
answer(struct ends *e, uint64_t cookie, const char *exe)
{
	const struct owner_reply head = { cookie, OWNER_KNOWN, 1, { 0 }, 0,
		(uint32_t)strlen(exe) + 1 };
	uint8_t bytes[512];
	size_t n = compose(bytes, &head, exe, strlen(exe) + 1);

	assert_int_equal(send(e->other, bytes, n, 0), n);
}

static struct owner_query
heard(struct ends *e)
{
	struct owner_query q;

	assert_int_equal(recv(e->other, &q, sizeof(q), 0), sizeof(q));
	return q;
}

static void
run_once(struct ends *e)
{
	assert_true(event_base_loop(e->base, EVLOOP_NONBLOCK) >= 0);
}

static void
test_a_question_has_the_tuple_with_ipv4_mapped(void **state)
{
	static const uint8_t source[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
	struct ends *e = *state;
	struct asked a = { 0 };
	struct owner_query q;

	assert_true(ask(e, &a));
	q = heard(e);
	assert_memory_equal(q.source, source, 16);
	assert_int_equal(q.source_port, 40000);
	assert_int_equal(q.destination[0], 0xfd);
	assert_int_equal(q.destination_port, 443);
	owner_cancel(&a.wait);
}

static void
test_answers_find_their_questions_in_any_order(void **state)
{
	struct ends *e = *state;
	struct asked a[3] = { 0 };
	uint64_t cookies[3];

	for (int i = 0; i < 3; i++) {
		assert_true(ask(e, &a[i]));
		cookies[i] = heard(e).cookie;
	}
	owner_cancel(&a[1].wait);
	answer(e, cookies[2], "/two");
	answer(e, cookies[1], "/one");
	answer(e, 4711, "/nobody");
	answer(e, cookies[0], "/zero");
	answer(e, cookies[0], "/again");
	run_once(e);
	assert_string_equal(a[0].who, "/zero");
	assert_string_equal(a[2].who, "/two");
	assert_int_equal(a[0].times, 1);
	assert_int_equal(a[1].times, 0);
	assert_int_equal(a[2].times, 1);
}

static void
test_a_broken_channel_names_nobody_ever(void **state)
{
	struct ends *e = *state;
	struct asked a = { 0 }, b = { 0 };

	assert_true(ask(e, &a));
	(void)close(e->other);
	e->other = -1;
	run_once(e);
	assert_int_equal(a.times, 1);
	assert_string_equal(a.who, "");
	assert_string_equal(a.why, UNHEARD);
	assert_false(ask(e, &b));
}

static void
test_a_full_channel_asks_later(void **state)
{
	enum { MANY = 4096 };
	struct ends *e = *state;
	struct asked *a = calloc(MANY, sizeof(*a));
	struct owner_query q;
	uint64_t last = 0;

	for (int i = 0; i < MANY; i++)
		assert_true(ask(e, &a[i]));
	assert_false(a[MANY - 1].wait.sent);
	while (last < MANY) {
		while (recv(e->other, &q, sizeof(q), 0) > 0) {
			assert_int_equal(q.cookie, last + 1);
			last = q.cookie;
		}
		assert_int_equal(errno, EAGAIN);
		run_once(e);
	}
	answer(e, MANY, "/last");
	run_once(e);
	assert_string_equal(a[MANY - 1].who, "/last");
	for (int i = 0; i < MANY; i++)
		owner_cancel(&a[i].wait);
	free(a);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_ends, close_ends)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer_that_says_nothing_names_nobody),
		cmocka_unit_test(test_a_cut_head_names_nobody),
		cmocka_unit_test(test_an_answer_is_copied_whole),
		cmocka_unit_test(test_a_path_that_was_too_long_is_unknown),
		TEST(test_a_question_has_the_tuple_with_ipv4_mapped),
		TEST(test_answers_find_their_questions_in_any_order),
		TEST(test_a_broken_channel_names_nobody_ever),
		TEST(test_a_full_channel_asks_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
