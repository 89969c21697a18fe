/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_h2.c - what a backend sends over HTTP/2 while one request waits: an
 * answer whose head HTTP/1.1 could have had, or a failure; never a wait after
 * the backend has ended.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "routerd/link.h"
#include "routerd/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* As client.c does: head, then body to its end.  True: it is over. */
static bool
pull(struct upstream *u)
{
	struct http_head head;
	struct http_slice data;
	struct error e;
	enum upstream_progress progress;

	if (u->failed)
		return true;
	if (!u->has_head) {
		progress = h2_head(u, &head, &e);
		if (progress != UPSTREAM_READY)
			return progress == UPSTREAM_FAILED;
		assert(head.status >= 200 && head.status <= 599);
	}
	while ((progress = h2_body(u, &data, &e)) == UPSTREAM_READY) {
		assert(data.n > 0 && data.n <= UPSTREAM_WINDOW);
		h2_consume(u, data.n);
	}
	return progress != UPSTREAM_WAIT;
}

static void
on_notify(void *arg)
{
	(void)pull(arg);
}

static void
run(struct link *l, struct upstream *u)
{
	struct error e;

	l->h2 = h2_new(l);
	h2_start(u);
	h2_flush(l->h2); /* or its stream isn't there yet */
	for (int i = 0; i < 8; i++) {
		if (!h2_run(l, &e)) {
			h2_fail(l->h2, &e);
			assert(pull(u));
			break;
		}
		if (!h2_has_work(l->h2))
			break;
	}
	h2_end(u);
	h2_flush(l->h2);
	h2_free(l->h2);
	buf_free(&u->text);
	buf_free(&u->in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct http_extra headers[] = { { NULL, NULL } };
	static struct event_base *base;
	static struct pool pool;
	struct route route = { .host = (char *)(uintptr_t) "x" };
	struct link l = { .origin = (char *)(uintptr_t) "https://x" };
	struct upstream u = { .request = { .route = &route,
				  .method = "POST",
				  .target = "/v1",
				  .headers = headers,
				  .body = "{}",
				  .n = 2 },
		.notify = on_notify,
		.arg = &u,
		.link = &l };
	int fds[2];

	if (base == NULL)
		base = event_base_new();
	if (size > 65536 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		return 0;
	side_init(&l.side, &pool);
	side_open(&l.side, base, fds[0], on_event, NULL);
	if (write(fds[1], data, size) == (ssize_t)size) {
		(void)shutdown(fds[1], SHUT_WR);
		run(&l, &u);
	}
	side_close(&l.side);
	(void)close(fds[1]);
	return 0;
}
