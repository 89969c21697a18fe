/* SPDX-License-Identifier: Apache-2.0 */
/* verify.c - see verify.h. */
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/varlink/client.h"
#include "common/varlink/codec.h"
#include "common/xalloc.h"
#include "gatewayd/gateway.h"
#include "gatewayd/link.h"
#include "gatewayd/verify.h"

#define PATIENCE_S 40 /* routerd gives up before */
#define RESULT_MAX 65536

struct verification {
	struct event *readable;
	struct buf text;
	verify_done_fn *done;
	void *arg;
};

static void
finish(struct verification *v, const struct error *e)
{
	struct arena arena = { 0 };
	struct router_probed *found = NULL;
	struct bad_field bad;
	struct error broken;

	if (e == NULL) {
		found = codec_decode_text(buf_str(&v->text),
		    router_probed_fields, sizeof(*found), &arena, &bad);
		if (found == NULL) {
			(void)error_set(
			    &broken, ERR_UNAVAILABLE, "routerd gave no answer");
			e = &broken;
		}
	}
	v->done(v->arg, found, e);
	arena_clear(&arena);
	(void)close(event_get_fd(v->readable));
	event_free(v->readable);
	buf_free(&v->text);
	free(v);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct verification *v = arg;
	char piece[4096];
	struct error e;
	ssize_t n;

	if ((what & EV_TIMEOUT) != 0) {
		(void)error_set(&e, ERR_TIMEOUT, "routerd gave no answer");
		finish(v, &e);
		return;
	}
	n = read(fd, piece, sizeof(piece));
	if (n <= 0)
		finish(v, NULL);
	else if (buf_append(&v->text, piece, (size_t)n) < 0)
		finish(v, &(struct error){ .code = ERR_LIMIT });
}

/* If it couldn't begin, the descriptor that it got is closed: that is told
 * there. */
static void
on_called(void *arg, const struct varlink_result *r)
{
	(void)arg;
	if (r->error != NULL)
		log_warnx("routerd can't verify: %s", r->error->text);
}

void
verify_start(struct gateway *gw, const struct router_route *route,
    verify_done_fn *done, void *arg)
{
	static const struct timeval patience = { PATIENCE_S, 0 };
	struct router_probe params = {
		.route = (struct router_route *)(uintptr_t)route
	};
	struct verification *v;
	int pair[2];
	struct error e;

	if (!link_is_up(gw->router)) {
		(void)error_set(
		    &e, ERR_UNAVAILABLE, "routerd isn't up; try again");
		done(arg, NULL, &e);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		pair) < 0) {
		(void)error_errno(&e, "cannot make a socket");
		done(arg, NULL, &e);
		return;
	}
	v = xcalloc(1, sizeof(*v));
	v->text.limit = RESULT_MAX;
	v->done = done;
	v->arg = arg;
	v->readable =
	    event_new(gw->base, pair[0], EV_READ | EV_PERSIST, on_readable, v);
	(void)event_add(v->readable, &patience);
	params.result = pair[1];
	link_call(gw->router, &router_probe_method, &params, on_called, NULL);
	(void)close(pair[1]);
}
