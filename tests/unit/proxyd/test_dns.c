/* SPDX-License-Identifier: Apache-2.0 */
/* test_dns.c - a sandbox's DNS, asked over sockets of the loopback. */
#include <arpa/inet.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/wire/names.h"
#include "proxyd/dns.h"
#include "proxyd/dns_message.h"
#include "proxyd/names.h"

#define HEAD "\x12\x34\x01\x00\0\1\0\0\0\0\0\0"
#define BYTES(text) text, sizeof(text) - 1
#define ANSWER_TAIL 16 /* pointer, type, class, TTL, length, address */

struct server {
	struct event_base *base;
	struct name_map *names;
	struct dns *dns;
	in_port_t udp;
	in_port_t tcp;
};

static int
listen_at(int type, in_port_t *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 16), 0);
	else
		assert_int_equal(
		    setsockopt(fd, SOL_IP, IP_PKTINFO, &one, sizeof(one)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*ret_port = a.sin_port;
	return fd;
}

static int
start(void **state)
{
	static struct server s;
	autoclose int fd =
	    memfd_create("names", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int udp = listen_at(SOCK_DGRAM, &s.udp);
	int tcp = listen_at(SOCK_STREAM, &s.tcp);
	struct error e;

	assert_int_equal(ftruncate(fd, NAMES_SIZE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(name_map_open(fd, true, &s.names, &e), 0);
	s.base = event_base_new();
	s.dns = dns_new(s.base, udp, tcp, s.names);
	*state = &s;
	return 0;
}

static int
stop(void **state)
{
	struct server *s = *state;

	dns_free(s->dns);
	name_map_free(s->names);
	event_base_free(s->base);
	return 0;
}

static int
connect_to(int type, const char *address, in_port_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = port };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, address, &a.sin_addr), 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void
run_once(struct server *s)
{
	assert_true(event_base_loop(s->base, EVLOOP_NONBLOCK) >= 0);
}

/* A connected socket takes answers from where it asked and nowhere else. */
static size_t
ask(struct server *s, const char *server, const char *query, size_t n,
    uint8_t answer[DNS_ANSWER_MAX])
{
	autoclose int fd = connect_to(SOCK_DGRAM, server, s->udp);
	ssize_t got;

	assert_int_equal(send(fd, query, n, 0), n);
	run_once(s);
	got = recv(fd, answer, DNS_ANSWER_MAX, MSG_DONTWAIT);
	return got < 0 ? 0 : (size_t)got;
}

#define API "\3api\6github\3com\0"
#define IN_A "\0\1\0\1"

static const struct {
	const char *why;
	const char *query;
	size_t n;
	unsigned rcode;
	bool has_address;
	uint32_t address; /* 0: a synthetic one */
} cases[] = {
	{ "A", BYTES(HEAD API IN_A), DNS_NOERROR, true, 0 },
	{ "AAAA", BYTES(HEAD API "\0\x1c\0\1"), DNS_NOERROR, false, 0 },
	{ "HTTPS", BYTES(HEAD API "\0\x41\0\1"), DNS_NOERROR, false, 0 },
	{ "TXT", BYTES(HEAD API "\0\x10\0\1"), DNS_NOTIMP, false, 0 },
	{ "MX", BYTES(HEAD API "\0\x0f\0\1"), DNS_NOTIMP, false, 0 },
	{ "ANY", BYTES(HEAD API "\0\xff\0\1"), DNS_NOTIMP, false, 0 },
	{ "a name that nobody has",
	    BYTES(HEAD "\4aaaa\7example\7invalid\0" IN_A), DNS_NOERROR, true,
	    0 },
	{ "localhost", BYTES(HEAD "\11localhost\0" IN_A), DNS_NOERROR, true,
	    INADDR_LOOPBACK },
	{ "below localhost", BYTES(HEAD "\1a\11localhost\0" IN_A), DNS_NOERROR,
	    true, INADDR_LOOPBACK },
	{ "an address as a name", BYTES(HEAD "\1\x31\1\x32\1\x33\1\x34\0" IN_A),
	    DNS_NXDOMAIN, false, 0 },
	{ "what inet_aton(3) takes for one",
	    BYTES(HEAD "\4\x30x7f\1\x31\0" IN_A), DNS_NXDOMAIN, false, 0 },
	{ "the root", BYTES(HEAD "\0" IN_A), DNS_NXDOMAIN, false, 0 },
	{ "a broken question", BYTES(HEAD "\3api"), DNS_FORMERR, false, 0 },
};

static void
test_what_is_answered(void **state)
{
	struct server *s = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t a[DNS_ANSWER_MAX];
		size_t n = ask(s, "127.0.0.1", cases[i].query, cases[i].n, a);
		uint32_t address;

		printf("%s\n", cases[i].why);
		assert_true(n >= 12);
		assert_memory_equal(a, "\x12\x34", 2);
		assert_int_equal(a[3] & 0xf, cases[i].rcode);
		assert_int_equal(a[7], cases[i].has_address);
		if (!cases[i].has_address)
			continue;
		assert_int_equal(n, cases[i].n + ANSWER_TAIL);
		memcpy(&address, a + n - 4, 4);
		address = ntohl(address);
		if (cases[i].address != 0)
			assert_int_equal(address, cases[i].address);
		else
			assert_true(name_is_synthetic(address));
	}
}

static void
test_the_address_leads_back_to_the_name_in_lower_case(void **state)
{
	struct server *s = *state;
	uint8_t a[DNS_ANSWER_MAX], b[DNS_ANSWER_MAX];
	size_t n = ask(s, "127.0.0.1", BYTES(HEAD API IN_A), a);
	uint32_t address;

	assert_int_equal(
	    ask(s, "127.0.0.1", BYTES(HEAD "\3API\6GitHub\3com\0" IN_A), b), n);
	assert_memory_equal(a + n - 4, b + n - 4, 4);
	memcpy(&address, a + n - 4, 4);
	assert_string_equal(
	    name_map_name(s->names, ntohl(address)), "api.github.com");
}

static void
test_an_answer_comes_from_where_it_was_asked(void **state)
{
	struct server *s = *state;
	uint8_t a[DNS_ANSWER_MAX];

	assert_true(ask(s, "127.0.0.53", BYTES(HEAD API IN_A), a) > 0);
	assert_true(ask(s, "127.8.8.8", BYTES(HEAD API IN_A), a) > 0);
}

static void
test_what_is_no_query_gets_no_answer(void **state)
{
	struct server *s = *state;
	uint8_t a[DNS_ANSWER_MAX];
	char large[DNS_UDP_MAX + 1] = HEAD API IN_A;

	assert_int_equal(ask(s, "127.0.0.1", BYTES("\x12\x34"), a), 0);
	assert_int_equal(
	    ask(s, "127.0.0.1",
		BYTES("\x12\x34\x81\x80\0\1\0\0\0\0\0\0" API IN_A), a),
	    0);
	assert_int_equal(ask(s, "127.0.0.1", large, sizeof(large), a), 0);
}

#define LENGTH_OF_ONE 12 + 16 + 4
static const char one[] = "\0\x20" HEAD API IN_A;

static size_t
hear_tcp(struct server *s, int fd, uint8_t *to, size_t size)
{
	ssize_t n;

	run_once(s); /* the connection, */
	run_once(s); /* and what it says */
	n = recv(fd, to, size, MSG_DONTWAIT);
	return n < 0 ? 0 : (size_t)n;
}

static void
test_over_tcp_queries_may_come_in_any_pieces(void **state)
{
	struct server *s = *state;
	autoclose int fd = connect_to(SOCK_STREAM, "127.0.0.1", s->tcp);
	uint8_t a[1024];
	char two[2 * (sizeof(one) - 1)];

	assert_int_equal(sizeof(one) - 1, 2 + LENGTH_OF_ONE);
	assert_int_equal(send(fd, one, 10, 0), 10);
	assert_int_equal(hear_tcp(s, fd, a, sizeof(a)), 0);
	assert_int_equal(
	    send(fd, one + 10, sizeof(one) - 11, 0), sizeof(one) - 11);
	assert_int_equal(
	    hear_tcp(s, fd, a, sizeof(a)), 2 + LENGTH_OF_ONE + ANSWER_TAIL);
	assert_int_equal(a[0] << 8 | a[1], LENGTH_OF_ONE + ANSWER_TAIL);

	memcpy(two, one, sizeof(one) - 1);
	memcpy(two + sizeof(one) - 1, one, sizeof(one) - 1);
	assert_int_equal(send(fd, two, sizeof(two), 0), sizeof(two));
	assert_int_equal(hear_tcp(s, fd, a, sizeof(a)),
	    2 * (2 + LENGTH_OF_ONE + ANSWER_TAIL));
}

static void
test_over_tcp_a_length_that_is_too_large_ends_it(void **state)
{
	struct server *s = *state;
	autoclose int fd = connect_to(SOCK_STREAM, "127.0.0.1", s->tcp);
	uint8_t a[16];

	assert_int_equal(send(fd, "\xff\xff", 2, 0), 2);
	run_once(s);
	run_once(s);
	assert_int_equal(recv(fd, a, sizeof(a), MSG_DONTWAIT), 0);
}

static void
test_connections_over_the_limit_wait(void **state)
{
	struct server *s = *state;
	int fds[DNS_CONNECTIONS_MAX + 1];
	uint8_t a[1024];

	for (int i = 0; i <= DNS_CONNECTIONS_MAX; i++) {
		fds[i] = -1;
		if (i == DNS_CONNECTIONS_MAX)
			for (int j = 0; j <= DNS_CONNECTIONS_MAX; j++)
				run_once(s);
		fds[i] = connect_to(SOCK_STREAM, "127.0.0.1", s->tcp);
		run_once(s);
	}
	assert_true(
	    send(fds[DNS_CONNECTIONS_MAX], one, sizeof(one) - 1, 0) > 0);
	assert_int_equal(
	    hear_tcp(s, fds[DNS_CONNECTIONS_MAX], a, sizeof(a)), 0);
	(void)close(fds[0]);
	run_once(s); /* its end is seen, */
	assert_int_equal(hear_tcp(s, fds[DNS_CONNECTIONS_MAX], a, sizeof(a)),
	    2 + LENGTH_OF_ONE + ANSWER_TAIL);
	for (int i = 1; i <= DNS_CONNECTIONS_MAX; i++)
		(void)close(fds[i]);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_answered),
		TEST(test_the_address_leads_back_to_the_name_in_lower_case),
		TEST(test_an_answer_comes_from_where_it_was_asked),
		TEST(test_what_is_no_query_gets_no_answer),
		TEST(test_over_tcp_queries_may_come_in_any_pieces),
		TEST(test_over_tcp_a_length_that_is_too_large_ends_it),
		TEST(test_connections_over_the_limit_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
