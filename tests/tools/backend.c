/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend.c - answers chat completions as an OpenAI backend would, fast, for
 * benchmarks and tests.
 *
 *	backend ADDR:PORT KEY
 *
 * Whoever doesn't bring KEY as bearer token gets a 401.  A body with "stream":
 * true gets "max_tokens" events (100), one a write, "seed" microseconds apart
 * (0); each event's content is the monotonic clock in microseconds when it was
 * written.  With "include_usage": true an event of usage follows.  Prints
 * "ready" when it listens.  One epoll loop.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 65536
#define EVENTS_DEFAULT 100
#define READY_MAX 64

struct conn {
	int fd;
	int timer; /* of a paced stream; -1: none */
	size_t held;
	long left; /* events of a stream */
	bool tells_usage;
	bool dead; /* but the batch of events at hand may name it */
	struct conn *next_dead;
	char request[REQUEST_MAX];
};

/* A timer's place in epoll is its connection's address and one. */
#define TIMER_BIT 1u

static int epoll;
static struct conn *dead;
static char bearer[256];

static const char completion[] =
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,"
    "\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
    "\"assistant\",\"content\":\"All is well, and here are a few words more "
    "so that the answer has a usual size.\"},\"finish_reason\":\"stop\"}],"
    "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":17,"
    "\"total_tokens\":26}}";

static void
watch(int fd, uint64_t data)
{
	struct epoll_event ev = { .events = EPOLLIN, .data = { .u64 = data } };

	(void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
}

static void
hang_up(struct conn *c)
{
	if (c->timer >= 0)
		(void)close(c->timer);
	(void)close(c->fd);
	c->dead = true;
	c->next_dead = dead;
	dead = c;
}

static void
bury(void)
{
	struct conn *next;

	for (; dead != NULL; dead = next) {
		next = dead->next_dead;
		free(dead);
	}
}

/* Answers are small: a peer that takes none of it is of no interest. */
static bool
put(const struct conn *c, const void *p, size_t n)
{
	return send(c->fd, p, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool
put_answer(const struct conn *c, const char *status, const char *body)
{
	char text[1024];
	int n = snprintf(text, sizeof(text),
	    "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    status, strlen(body), body);

	return put(c, text, (size_t)n);
}

static bool __attribute__((format(printf, 2, 3)))
put_event(const struct conn *c, const char *fmt, ...)
{
	char data[512], text[640];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(data, sizeof(data), fmt, ap);
	va_end(ap);
	n = snprintf(text, sizeof(text), "%x\r\ndata: %s\n\n\r\n", n + 8, data);
	return put(c, text, (size_t)n);
}

static bool
put_content(const struct conn *c)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return put_event(c,
	    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\","
	    "\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,"
	    "\"delta\":{\"content\":\"%lld\"},\"finish_reason\":null}]}",
	    (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

/* The next event; false: the connection is broken. */
static bool
go_on(struct conn *c)
{
	if (!put_content(c))
		return false;
	if (--c->left > 0)
		return true;
	if (c->timer >= 0)
		(void)close(c->timer);
	c->timer = -1;
	if (c->tells_usage &&
	    !put_event(c,
		"{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\","
		"\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":"
		"{\"prompt_tokens\":9,\"completion_tokens\":100,"
		"\"total_tokens\":109}}"))
		return false;
	return put_event(c, "[DONE]") && put(c, "0\r\n\r\n", 5);
}

static long
number_of(const char *body, const char *name, long fallback)
{
	const char *at = strstr(body, name);

	return at != NULL ? strtol(at + strlen(name), NULL, 10) : fallback;
}

static bool
start_stream(struct conn *c, const char *body)
{
	static const char head[] =
	    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n";
	long pace_us = number_of(body, "\"seed\":", 0);
	struct timespec pace = { pace_us / 1000000, pace_us % 1000000 * 1000 };

	c->left = number_of(body, "\"max_tokens\":", EVENTS_DEFAULT);
	c->tells_usage = strstr(body, "\"include_usage\":true") != NULL;
	if (!put(c, head, sizeof(head) - 1))
		return false;
	if (pace_us == 0) {
		while (c->left > 0)
			if (!go_on(c))
				return false;
		return true;
	}
	c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	(void)timerfd_settime(
	    c->timer, 0, &(struct itimerspec){ pace, pace }, NULL);
	watch(c->timer, (uint64_t)(uintptr_t)c | TIMER_BIT);
	return true;
}

static bool
answer(struct conn *c, const char *body)
{
	if (strcasestr(c->request, bearer) == NULL)
		return put_answer(
		    c, "401 Unauthorized", "{\"error\":\"no key\"}");
	if (strstr(body, "\"stream\":true") != NULL)
		return start_stream(c, body);
	return put_answer(c, "200 OK", completion);
}

/* Head and body are there: taken out and answered.  False: broken. */
static bool
take_request(struct conn *c)
{
	const char *end = strstr(c->request, "\r\n\r\n"), *length;
	char body[REQUEST_MAX];
	size_t head, n;

	if (end == NULL)
		return c->held < REQUEST_MAX - 1;
	length = strcasestr(c->request, "\r\ncontent-length:");
	n = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
	head = (size_t)(end + 4 - c->request);
	if (n > REQUEST_MAX - 1 - head)
		return false;
	if (c->held < head + n)
		return true;
	memcpy(body, c->request + head, n);
	body[n] = '\0';
	c->request[head] = '\0';
	c->held = 0; /* nobody pipelines */
	return answer(c, body);
}

static void
on_conn(struct conn *c)
{
	ssize_t n;

	if (c->dead)
		return;
	n = recv(c->fd, c->request + c->held, REQUEST_MAX - 1 - c->held, 0);

	if (n > 0) {
		c->held += (size_t)n;
		c->request[c->held] = '\0';
	}
	if (n <= 0 || !take_request(c))
		hang_up(c);
}

static void
on_timer(struct conn *c)
{
	uint64_t times;

	/* One that is late sends one, as a slow backend would. */
	if (!c->dead && c->timer >= 0 &&
	    read(c->timer, &times, sizeof(times)) > 0 && !go_on(c))
		hang_up(c);
}

static void
on_listener(int listener)
{
	struct conn *c;
	int one = 1;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		exit(1);
	c->fd = fd;
	c->timer = -1;
	watch(fd, (uint64_t)(uintptr_t)c);
}

static int
listen_on(const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	char host[64];
	unsigned port;

	if (sscanf(text, "%63[0-9.]:%u", host, &port) != 2 ||
	    inet_pton(AF_INET, host, &a.sin_addr) != 1)
		return -1;
	a.sin_port = htons((uint16_t)port);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(fd, 4096) < 0)
		return -1;
	return fd;
}

static void
dispatch(const struct epoll_event *ev, int listener)
{
	uintptr_t at = (uintptr_t)ev->data.u64 & ~(uintptr_t)TIMER_BIT;

	if (ev->data.u64 == 0)
		on_listener(listener);
	else if ((ev->data.u64 & TIMER_BIT) != 0)
		on_timer((struct conn *)at);
	else
		on_conn((struct conn *)at);
}

int
main(int argc, char **argv)
{
	const struct rlimit files = { 65536, 65536 };
	struct epoll_event ready[READY_MAX];
	int listener, n;

	if (argc != 3)
		return 2;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	(void)snprintf(bearer, sizeof(bearer),
	    "\r\nauthorization: bearer %s\r\n", argv[2]);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	listener = listen_on(argv[1]);
	if (listener < 0) {
		perror(argv[1]);
		return 1;
	}
	watch(listener, 0);
	(void)puts("ready");
	(void)fflush(stdout);
	while ((n = epoll_wait(epoll, ready, READY_MAX, -1)) > 0) {
		for (int i = 0; i < n; i++)
			dispatch(&ready[i], listener);
		bury();
	}
	return 0;
}
