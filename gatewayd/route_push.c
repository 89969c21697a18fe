/* SPDX-License-Identifier: Apache-2.0 */
/* route_push.c - see route_push.h. */
#include "common/buf.h"
#include "common/log.h"
#include "common/varlink/client.h"
#include "common/varlink/codec.h"
#include "common/wire/router.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inference.h"
#include "gatewayd/link.h"
#include "gatewayd/route_push.h"

/*
 * Of a message's routes.  A single one that is longer, by its privacy section
 * and its fallbacks, goes alone: with every byte of its fields escaped it has
 * little more than half of VARLINK_FRAME_MAX.
 */
#define PIECE_BYTES (1u << 20)

bool
route_push_begin(struct gateway *gw)
{
	struct route_push *p = &gw->route_push;

	p->outdated = p->unanswered > 0;
	return !p->outdated && gw->router != NULL && link_is_up(gw->router);
}

/* A piece that wasn't taken takes those behind it along: that is said once. */
static void
on_answer(void *arg, const struct varlink_result *r)
{
	struct gateway *gw = arg;
	struct route_push *p = &gw->route_push;

	if (r->error != NULL && !p->failed)
		log_warnx(
		    "routerd doesn't take the routes: %s", r->error->text);
	p->failed |= r->error != NULL;
	if (--p->unanswered == 0 && p->outdated)
		inference_push(gw);
}

static size_t
encoded_size(const struct router_route *r)
{
	struct buf json = BUF_INIT;
	size_t n;

	(void)codec_encode(&json, router_route_fields, r, NULL);
	n = json.len;
	buf_wipe(&json);
	return n;
}

/* How many of them go together. */
static size_t
piece_of(const struct router_route *routes, size_t n)
{
	size_t bytes = 0, i = 0;

	while (i < n && (bytes += encoded_size(&routes[i])) <= PIECE_BYTES)
		i++;
	return i > 0 || n == 0 ? i : 1;
}

void
route_push_send(struct gateway *gw, const struct router_route *routes, size_t n)
{
	struct router_set_routes piece = { .total = (int64_t)n };
	size_t from = 0;

	gw->route_push.failed = false;
	do {
		piece.from = (int64_t)from;
		piece.routes.n = piece_of(&routes[from], n - from);
		piece.routes.v = (void *)(uintptr_t)&routes[from];
		gw->route_push.unanswered++;
		link_call(gw->router, &router_set_routes_method, &piece,
		    on_answer, gw);
		from += piece.routes.n;
	} while (from < n);
}
