/* SPDX-License-Identifier: Apache-2.0 */
/* client_blocking.c - the blocking half of client.h. */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/varlink/client.h"
#include "common/varlink/result.h"
#include "common/varlink/stream.h"

struct exchange {
	const struct interface *interface;
	const struct method *method;
	bool more;
	int timeout_ms;
	struct stream stream;
};

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Sends what is queued and waits for bytes, until the deadline (-1: none). */
static int
fill(struct exchange *x, int64_t deadline_ms, struct error *e)
{
	for (;;) {
		struct pollfd p = { .fd = x->stream.fd, .events = POLLIN };
		int left = -1;
		int r;

		r = stream_flush(&x->stream, e);
		if (r < 0)
			return -1;
		if (r == 0)
			p.events |= POLLOUT;
		r = stream_read(&x->stream, e);
		if (r != 0)
			return r;
		if (deadline_ms >= 0) {
			int64_t ms = deadline_ms - now_ms();

			left = ms > 0 ? (int)ms : 0;
		}
		r = poll(&p, 1, left);
		if (r < 0 && errno != EINTR)
			return error_errno(e, "cannot wait");
		if (r == 0)
			return error_set(e, ERR_TIMEOUT,
			    "no answer to '%s' within %d ms", x->method->name,
			    x->timeout_ms);
	}
}

/* One reply: 1 if more follow, 0 if it was the last. */
static int
take_reply(
    struct exchange *x, varlink_result_fn *done, void *arg, struct error *e)
{
	int64_t deadline_ms =
	    x->timeout_ms >= 0 ? now_ms() + x->timeout_ms : -1;
	struct passed passed;
	struct result result;
	const char *text;
	size_t len;
	int r;

	while ((r = stream_frame(&x->stream, &text, &len, &passed, e)) == 0)
		if (fill(x, deadline_ms, e) < 0)
			return -1;
	if (r < 0)
		return -1;
	r = result_open(
	    &result, x->interface, x->method, x->more, text, len, &passed, e);
	stream_consume(&x->stream, len);
	passed_clear(&passed);
	if (r < 0)
		return -1;
	if (done != NULL)
		done(arg, &result.public);
	r = result.public.continues ? 1 : 0;
	result_clear(&result);
	return r;
}

static int
exchange(struct exchange *x, const void *params, varlink_result_fn *done,
    void *arg, struct error *e)
{
	_cleanup_(buf_free) struct buf frame = BUF_INIT;
	struct passed lent, passed;
	int r;

	if (message_write_call(
		&frame, x->interface, x->method, params, x->more, &lent) < 0)
		return error_set(e, ERR_LIMIT, "call of '%s' is over %u bytes",
		    x->method->name, VARLINK_FRAME_MAX);
	if (passed_dup(&lent, &passed) < 0)
		return error_errno(e, "cannot pass descriptors");
	stream_queue(&x->stream, &frame, &passed);
	do
		r = take_reply(x, done, arg, e);
	while (r > 0);
	if (r == 0 && x->stream.in.len > 0)
		return error_set(
		    e, ERR_PROTOCOL, "bytes behind the last reply");
	return r;
}

int
varlink_call_blocking(int fd, const struct interface *interface,
    const struct method *method, const void *params, bool more, int timeout_ms,
    varlink_result_fn *done, void *arg, struct error *e)
{
	struct exchange x = { interface, method, more, timeout_ms };
	int r;

	stream_init(&x.stream, fd);
	r = exchange(&x, params, done, arg, e);
	x.stream.fd = -1; /* the caller's */
	stream_clear(&x.stream);
	return r;
}
