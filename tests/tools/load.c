/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - a client that keeps connections busy through a proxy, for the
 * benchmarks: CONNECT, then TLS or not, then request after request.
 *
 *	load [-p] [-c CONNECTIONS] [-d SECONDS] [-k] [-s] [-b JSON]
 *	    [-H 'NAME: VALUE']... ADDR:PORT HOST:PORT PATH
 *	load -n TIMES ADDR:PORT		times connect(2) alone
 *
 * -k keeps connections, -s speaks TLS in them; -b posts that body instead of
 * getting.  ADDR:PORT is the proxy with -p, else the server.  Of the events
 * that backend.c streams it tells how long after they were written they came
 * (delay), and how long after each other (gap).  One epoll loop; prints a JSON
 * object.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/http/chunked.h"

#define CONNECTIONS_MAX 1024
#define SAMPLES_MAX (4u << 20)
#define BUFFER 65536

enum state { DIALLING, ASKING, ANSWERED, SHAKING, SENDING, READING };

struct conn {
	int fd;
	SSL *ssl;
	enum state state;
	uint32_t events;
	char head[4096];
	size_t held;   /* of the head */
	uint64_t body; /* left */
	bool in_body;
	bool is_chunked;
	struct http_chunked chunks;
	int64_t began_us;
	int64_t last_us; /* when an event came; 0: none has */
};

struct series {
	uint32_t *us;
	size_t n;
};

static struct {
	struct sockaddr_in to;
	bool proxied;
	bool keep;
	bool tls;
	char connect[512];
	char request[4096];
	char headers[1024];
	const char *post;
	const char *host;
	SSL_CTX *ctx;
	SSL_SESSION *session;
	int epoll;
	uint64_t requests;
	uint64_t bytes;
	uint64_t errors;
	struct series whole, first, delay, gap;
	struct conn conns[CONNECTIONS_MAX];
	char buffer[BUFFER];
} load;

static int64_t
now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
sample(struct series *s, int64_t us)
{
	if (s->us == NULL)
		s->us = calloc(SAMPLES_MAX, sizeof(*s->us));
	if (s->us == NULL)
		exit(1);
	if (s->n < SAMPLES_MAX)
		s->us[s->n++] = (uint32_t)us;
}

static void
watch(struct conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data = { .ptr = c } };

	if (c->events == events)
		return;
	(void)epoll_ctl(load.epoll,
	    c->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &ev);
	c->events = events;
}

static void
hang_up(struct conn *c)
{
	if (c->ssl != NULL)
		SSL_free(c->ssl);
	if (c->fd >= 0)
		(void)close(c->fd);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

static void
dial(struct conn *c)
{
	const int on = 1;

	memset(c, 0, sizeof(*c));
	c->began_us = now_us();
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(c->fd, (struct sockaddr *)&load.to, sizeof(load.to)) < 0 &&
	    errno != EINPROGRESS) {
		fprintf(stderr, "connect: %s\n", strerror(errno));
		exit(1);
	}
	watch(c, EPOLLOUT);
}

static ssize_t
io(struct conn *c, ssize_t n)
{
	if (c->ssl == NULL)
		return n < 0 && errno != EAGAIN ? -2 : n;
	if (n > 0)
		return n;
	switch (SSL_get_error(c->ssl, (int)n)) {
	case SSL_ERROR_WANT_READ:
		watch(c, EPOLLIN);
		return -1;
	case SSL_ERROR_WANT_WRITE:
		watch(c, EPOLLOUT);
		return -1;
	default:
		ERR_clear_error();
		return -2;
	}
}

static ssize_t
get(struct conn *c, void *to, size_t n)
{
	return io(c, c->ssl != NULL ? SSL_read(c->ssl, to, (int)n)
				    : recv(c->fd, to, n, 0));
}

static ssize_t
put(struct conn *c, const char *text)
{
	size_t n = strlen(text);

	return io(c, c->ssl != NULL ? SSL_write(c->ssl, text, (int)n)
				    : send(c->fd, text, n, MSG_NOSIGNAL));
}

static void
start_tls(struct conn *c)
{
	c->ssl = SSL_new(load.ctx);
	(void)SSL_set_fd(c->ssl, c->fd);
	(void)SSL_ctrl(c->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
	    TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)load.host);
	c->state = SHAKING;
}

/* The head of an answer, when it is whole; its body's length. */
static bool
take_head(struct conn *c, ssize_t n, uint64_t *ret_rest)
{
	size_t room = sizeof(c->head) - 1 - c->held;
	size_t take = (size_t)n < room ? (size_t)n : room;
	const char *end, *length;

	memcpy(c->head + c->held, load.buffer, take);
	c->held += take;
	c->head[c->held] = '\0';
	end = strstr(c->head, "\r\n\r\n");
	if (end == NULL)
		return false;
	length = strcasestr(c->head, "\r\ntransfer-encoding: chunked");
	c->is_chunked = length != NULL && length < end;
	c->chunks = (struct http_chunked){ 0 };
	c->last_us = 0;
	length = strcasestr(c->head, "\r\ncontent-length:");
	c->body = length != NULL && length < end
		      ? strtoull(length + 17, NULL, 10)
		      : 0;
	/* What was read beyond the head. */
	*ret_rest =
	    (uint64_t)n - (uint64_t)(end + 4 - c->head) + (c->held - take);
	return true;
}

static bool
is_status(const struct conn *c, const char *status)
{
	return c->held > 12 && memcmp(c->head + 9, status, 3) == 0;
}

/* When events of a stream came; one in two pieces isn't timed. */
static void
time_events(struct conn *c, const char *p, size_t n)
{
	static const char mark[] = "\"content\":\"";
	const size_t mark_n = sizeof(mark) - 1, clock_n = 24;
	const char *end = p + n, *at;
	int64_t now = now_us(), written;

	while ((at = memmem(p, (size_t)(end - p), mark, mark_n)) != NULL &&
	       (size_t)(end - at) > mark_n + clock_n) {
		p = at + mark_n;
		written = strtoll(p, NULL, 10);
		if (written <= 0)
			continue;
		sample(&load.delay, now - written);
		if (c->last_us == 0)
			sample(&load.first, now - c->began_us);
		else
			sample(&load.gap, now - c->last_us);
		c->last_us = now;
	}
}

/* 1: that was the end of the body, 0: it wasn't, -1: it is broken. */
static int
take_body(struct conn *c, const char *p, size_t n)
{
	struct http_slice data;
	struct error e;
	ssize_t used;

	if (load.post != NULL)
		time_events(c, p, n);
	if (!c->is_chunked) {
		c->body -= n < c->body ? n : c->body;
		return c->body == 0;
	}
	for (; n > 0 && !c->chunks.done; p += used, n -= (size_t)used) {
		used = http_chunked_decode(&c->chunks, p, n, &data, &e);
		if (used < 0)
			return -1;
	}
	return c->chunks.done;
}

static void
start_request(struct conn *c)
{
	if (load.keep)
		c->began_us = now_us();
	c->held = 0;
	c->in_body = false;
}

/* False: wait, or it is over. */
static bool
step(struct conn *c)
{
	uint64_t rest;
	ssize_t n = -1;
	int whole;

	switch (c->state) {
	case DIALLING:
		c->state = load.proxied ? ASKING : SENDING;
		if (!load.proxied && load.tls)
			start_tls(c);
		return true;
	case ASKING:
		n = put(c, load.connect);
		if (n <= 0)
			break;
		c->state = ANSWERED;
		watch(c, EPOLLIN);
		return true;
	case ANSWERED:
		n = get(c, load.buffer, BUFFER);
		if (n <= 0)
			break;
		if (!take_head(c, n, &rest))
			return true;
		if (!is_status(c, "200")) {
			n = -2;
			break;
		}
		c->held = 0;
		c->state = SENDING;
		if (load.tls)
			start_tls(c);
		return true;
	case SHAKING:
		n = io(c, SSL_connect(c->ssl));
		if (n <= 0)
			break;
		c->state = SENDING;
		return true;
	case SENDING:
		start_request(c);
		n = put(c, load.request);
		if (n <= 0)
			break;
		c->state = READING;
		watch(c, EPOLLIN);
		return true;
	case READING:
		n = get(c, load.buffer, BUFFER);
		if (n <= 0)
			break;
		load.bytes += (uint64_t)n;
		if (!c->in_body) {
			if (!take_head(c, n, &rest))
				return true;
			if (!is_status(c, "200")) {
				n = -2;
				break;
			}
			c->in_body = true;
		} else {
			rest = (uint64_t)n;
		}
		whole = take_body(c, load.buffer + (size_t)n - rest, rest);
		if (whole < 0) {
			n = -2;
			break;
		}
		if (whole == 0)
			return true;
		load.requests++;
		sample(&load.whole, now_us() - c->began_us);
		c->state = SENDING;
		if (!load.keep) {
			hang_up(c);
			dial(c);
			return false;
		}
		return true;
	}
	if (n == 0 || n == -2) {
		load.errors++;
		hang_up(c);
		dial(c);
	}
	return false;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void
report_series(const char *prefix, struct series *s)
{
	if (s->n == 0)
		return;
	qsort(s->us, s->n, sizeof(*s->us), compare);
	printf(", \"%sp50_us\": %u, \"%sp99_us\": %u", prefix, s->us[s->n / 2],
	    prefix, s->us[s->n * 99 / 100]);
}

static void
report(double seconds)
{
	printf("{\"per_second\": %.1f, \"mb_per_second\": %.1f, "
	       "\"errors\": %llu",
	    (double)load.requests / seconds, (double)load.bytes / 1e6 / seconds,
	    (unsigned long long)load.errors);
	report_series("", &load.whole);
	report_series("first_", &load.first);
	report_series("delay_", &load.delay);
	report_series("gap_", &load.gap);
	printf("}\n");
}

static void
run(int connections, double seconds)
{
	int64_t start = now_us(), end = start + (int64_t)(seconds * 1e6);
	struct epoll_event ready[256];

	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < connections; i++)
		dial(&load.conns[i]);
	while (now_us() < end) {
		int n = epoll_wait(load.epoll, ready, 256, 100);

		for (int i = 0; i < n; i++)
			while (step(ready[i].data.ptr))
				;
	}
	report((double)(now_us() - start) / 1e6);
}

static void
time_connects(int times)
{
	int64_t start = now_us();

	for (int i = 0; i < times; i++) {
		const struct linger reset = { 1, 0 };
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		struct timespec a, b;

		(void)clock_gettime(CLOCK_MONOTONIC, &a);
		if (connect(fd, (struct sockaddr *)&load.to, sizeof(load.to)) <
		    0)
			load.errors++;
		(void)clock_gettime(CLOCK_MONOTONIC, &b);
		/* In tenths of a microsecond. */
		sample(&load.whole, (b.tv_sec - a.tv_sec) * 10000000 +
					(b.tv_nsec - a.tv_nsec) / 100);
		load.requests++;
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		(void)close(fd);
	}
	report((double)(now_us() - start) / 1e6);
}

static void
parse_address(const char *text)
{
	char host[64];
	unsigned port;

	if (sscanf(text, "%63[0-9.]:%u", host, &port) != 2 ||
	    inet_pton(AF_INET, host, &load.to.sin_addr) != 1) {
		fprintf(stderr, "'%s' is no ADDR:PORT\n", text);
		exit(2);
	}
	load.to.sin_family = AF_INET;
	load.to.sin_port = htons((uint16_t)port);
}

static void
write_request(const char *host, const char *path)
{
	const char *body = load.post != NULL ? load.post : "";
	int room = (int)sizeof(load.request);

	if (load.post != NULL)
		(void)snprintf(load.headers + strlen(load.headers),
		    sizeof(load.headers) - strlen(load.headers),
		    "Content-Type: application/json\r\n"
		    "Content-Length: %zu\r\n",
		    strlen(body));
	if (snprintf(load.request, sizeof(load.request),
		"%s %s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n%s",
		load.post != NULL ? "POST" : "GET", path, host, load.headers,
		load.keep ? "" : "Connection: close\r\n", body) >= room) {
		fprintf(stderr, "the request is too long\n");
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	struct rlimit files;
	int connections = 1, times = 0, option;
	double seconds = 2;
	static char host[256];

	while ((option = getopt(argc, argv, "pc:d:ksn:b:H:")) != -1) {
		if (option == 'p')
			load.proxied = true;
		else if (option == 'c')
			connections = atoi(optarg);
		else if (option == 'd')
			seconds = atof(optarg);
		else if (option == 'k')
			load.keep = true;
		else if (option == 's')
			load.tls = true;
		else if (option == 'n')
			times = atoi(optarg);
		else if (option == 'b')
			load.post = optarg;
		else if (option == 'H')
			(void)snprintf(load.headers + strlen(load.headers),
			    sizeof(load.headers) - strlen(load.headers),
			    "%s\r\n", optarg);
		else
			return 2;
	}
	argv += optind;
	if (argv[0] == NULL || connections > CONNECTIONS_MAX)
		return 2;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	parse_address(argv[0]);
	if (times > 0) {
		time_connects(times);
		return 0;
	}
	if (argv[1] == NULL || argv[2] == NULL)
		return 2;
	(void)snprintf(
	    host, sizeof(host), "%.*s", (int)strcspn(argv[1], ":"), argv[1]);
	load.host = host;
	(void)snprintf(load.connect, sizeof(load.connect),
	    "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", argv[1], argv[1]);
	write_request(host, argv[2]);
	load.ctx = SSL_CTX_new(TLS_client_method());
	run(connections, seconds);
	return 0;
}
