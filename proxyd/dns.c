/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns.c - see dns.h.
 *
 * A query that was sent to some other server's address lands here too; the
 * answer comes from that address, or the client would not take it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http/authority.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "proxyd/dns.h"
#include "proxyd/dns_message.h"
#include "proxyd/listener.h"
#include "proxyd/names.h"

#define QUERIES_PER_TURN 64
#define TTL_S 300
#define LENGTH_PREFIX 2

static const struct timeval tcp_timeout = { 10, 0 };

/* One connection over TCP: one query at a time, then its answer. */
struct dns_conn {
	TAILQ_ENTRY(dns_conn) next;
	struct dns *dns;
	int fd;
	struct event *readable;
	size_t held;
	uint8_t bytes[LENGTH_PREFIX + DNS_UDP_MAX];
};

struct dns {
	struct event_base *base;
	struct name_map *names;
	int udp;
	struct event *readable;
	struct listener tcp;
	TAILQ_HEAD(, dns_conn) conns;
	unsigned n_conns;
};

static bool
is_localhost(const char *name)
{
	static const char suffix[] = ".localhost";
	size_t n = strlen(name), tail = sizeof(suffix) - 1;

	return strcmp(name, suffix + 1) == 0 ||
	       (n > tail && strcmp(name + n - tail, suffix) == 0);
}

/* RFC 6761 6.3: the loopback, of the sandbox. */
static enum dns_rcode
find_address(struct dns *d, const char *name, struct in_addr *ret)
{
	char host[HTTP_HOST_MAX + 1];
	enum http_host_kind kind;
	uint32_t address;
	struct error e;

	if (is_localhost(name)) {
		ret->s_addr = htonl(INADDR_LOOPBACK);
		return DNS_NOERROR;
	}
	/* What can't be connected to has no address. */
	if (http_host_parse((struct http_slice){ name, strlen(name) }, host,
		&kind, &e) < 0 ||
	    kind != HTTP_HOST_NAME)
		return DNS_NXDOMAIN;
	if (name_map_address(d->names, host, &address, &e) < 0)
		return DNS_SERVFAIL;
	ret->s_addr = htonl(address);
	return DNS_NOERROR;
}

/* The answer's length; 0: none. */
static size_t
answer(struct dns *d, const void *query, size_t n, uint8_t ret[DNS_ANSWER_MAX])
{
	struct dns_query q;
	struct in_addr address;
	struct error e;
	enum dns_rcode rcode = dns_query_parse(query, n, &q, &e);
	bool has_address = false;

	if (rcode == DNS_DROP)
		return 0;
	if (rcode == DNS_NOERROR) {
		switch (q.type) {
		case DNS_A:
			rcode = find_address(d, q.name, &address);
			has_address = rcode == DNS_NOERROR;
			break;
		case DNS_AAAA:
		case DNS_HTTPS:
			break; /* no such data, for a name that may exist */
		default:
			rcode = DNS_NOTIMP;
		}
	}
	return dns_answer(&q, rcode, has_address ? &address : NULL, TTL_S, ret);
}

/* Where a query was sent, from its IP_PKTINFO; left as it is for the answer,
 * which it then names the source of. */
static void
turn_around(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		struct in_pktinfo info;

		if (c->cmsg_level != SOL_IP || c->cmsg_type != IP_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		info.ipi_spec_dst = info.ipi_addr;
		info.ipi_ifindex = 0;
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
}

static void
on_query(evutil_socket_t fd, short what, void *arg)
{
	struct dns *d = arg;

	(void)what;
	for (int i = 0; i < QUERIES_PER_TURN; i++) {
		uint8_t query[DNS_UDP_MAX], reply[DNS_ANSWER_MAX];
		union {
			struct cmsghdr header;
			char space[CMSG_SPACE(sizeof(struct in_pktinfo))];
		} control;
		struct sockaddr_storage from;
		struct iovec iov = { query, sizeof(query) };
		struct msghdr m = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		ssize_t n = recvmsg((int)fd, &m, MSG_DONTWAIT);
		size_t bytes;

		if (n < 0)
			return;
		if (m.msg_flags & MSG_TRUNC)
			continue;
		bytes = answer(d, query, (size_t)n, reply);
		if (bytes == 0)
			continue;
		turn_around(&m);
		iov = (struct iovec){ reply, bytes };
		/* UDP: who lost an answer asks again. */
		(void)sendmsg((int)fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

static void
dns_conn_free(struct dns_conn *c)
{
	struct dns *d = c->dns;

	TAILQ_REMOVE(&d->conns, c, next);
	d->n_conns--;
	event_free(c->readable);
	(void)close(c->fd);
	free(c);
	listener_hold(&d->tcp, d->n_conns >= DNS_CONNECTIONS_MAX);
}

/* Answers every whole query that is held; false if it is over. */
static bool
answer_held(struct dns_conn *c)
{
	uint8_t reply[LENGTH_PREFIX + DNS_ANSWER_MAX];

	while (c->held >= LENGTH_PREFIX) {
		size_t n = (size_t)c->bytes[0] << 8 | c->bytes[1];
		size_t whole = LENGTH_PREFIX + n, bytes;

		if (n > DNS_UDP_MAX)
			return false;
		if (c->held < whole)
			return true;
		bytes = answer(
		    c->dns, c->bytes + LENGTH_PREFIX, n, reply + LENGTH_PREFIX);
		reply[0] = (uint8_t)(bytes >> 8);
		reply[1] = (uint8_t)bytes;
		/* So little fits into any socket, or the peer doesn't read. */
		if (bytes == 0 || send(c->fd, reply, LENGTH_PREFIX + bytes,
				      MSG_DONTWAIT | MSG_NOSIGNAL) !=
				      (ssize_t)(LENGTH_PREFIX + bytes))
			return false;
		c->held -= whole;
		memmove(c->bytes, c->bytes + whole, c->held);
	}
	return true;
}

static void
on_tcp(evutil_socket_t fd, short what, void *arg)
{
	struct dns_conn *c = arg;
	ssize_t n;

	if (what & EV_TIMEOUT) {
		dns_conn_free(c);
		return;
	}
	n = recv((int)fd, c->bytes + c->held, sizeof(c->bytes) - c->held,
	    MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->held += (size_t)n;
	if (n <= 0 || !answer_held(c))
		dns_conn_free(c);
}

static void
on_accepted(void *arg, int fd)
{
	struct dns *d = arg;
	struct dns_conn *c = xcalloc(1, sizeof(*c));
	int one = 1;

	/* Or the second of two answers would wait for an acknowledgement. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->dns = d;
	c->fd = fd;
	c->readable = event_new(d->base, fd, EV_READ | EV_PERSIST, on_tcp, c);
	if (c->readable == NULL || event_add(c->readable, &tcp_timeout) < 0)
		fatalx("cannot watch a DNS connection");
	TAILQ_INSERT_TAIL(&d->conns, c, next);
	d->n_conns++;
	listener_hold(&d->tcp, d->n_conns >= DNS_CONNECTIONS_MAX);
}

struct dns *
dns_new(struct event_base *base, int udp, int tcp, struct name_map *names)
{
	struct dns *d = xcalloc(1, sizeof(*d));

	d->base = base;
	d->names = names;
	d->udp = udp;
	TAILQ_INIT(&d->conns);
	d->readable = event_new(base, udp, EV_READ | EV_PERSIST, on_query, d);
	if (d->readable == NULL || event_add(d->readable, NULL) < 0)
		fatalx("cannot watch a DNS socket");
	listener_open(&d->tcp, base, tcp, on_accepted, d);
	return d;
}

void
dns_free(struct dns *d)
{
	struct dns_conn *c, *next;

	if (d == NULL)
		return;
	listener_close(&d->tcp);
	for (c = TAILQ_FIRST(&d->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, next);
		dns_conn_free(c);
	}
	event_free(d->readable);
	(void)close(d->udp);
	free(d);
}
