/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream.c - connections to backends: made, shared, kept, given up.  See
 * upstream.h and link.h.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/net/dial.h"
#include "common/net/tls.h"
#include "common/xalloc.h"
#include "routerd/link.h"
#include "routerd/table.h"

TAILQ_HEAD(links, link);

struct upstreams {
	struct event_base *base;
	struct pool *pool;
	struct resolver *resolver;
	const struct tls_trust *trust;
	struct tls_sessions *sessions;
	struct links links; /* idle ones last, the freshest at the end */
};

static void link_run(struct link *);

int64_t
link_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct upstreams *
upstreams_new(struct event_base *base, struct pool *pool,
    struct resolver *resolver, const struct tls_trust *trust)
{
	struct upstreams *all = xcalloc(1, sizeof(*all));

	all->base = base;
	all->pool = pool;
	all->resolver = resolver;
	all->trust = trust;
	all->sessions = tls_sessions_new();
	TAILQ_INIT(&all->links);
	return all;
}

static bool
is_idle(const struct link *l)
{
	return l->state == LINK_READY && l->user == NULL &&
	       (l->h2 == NULL || h2_streams(l->h2) == 0);
}

static void
link_free(struct link *l)
{
	if (l->running) {
		l->dead = true;
		return;
	}
	TAILQ_REMOVE(&l->all->links, l, next);
	resolve_cancel(&l->wait);
	h2_free(l->h2);
	side_close(&l->side);
	free(l->origin);
	free(l->host);
	free(l);
}

void
upstreams_free(struct upstreams *all)
{
	struct link *l, *next;

	if (all == NULL)
		return;
	for (l = TAILQ_FIRST(&all->links); l != NULL; l = next) {
		next = TAILQ_NEXT(l, next);
		link_free(l);
	}
	tls_sessions_free(all->sessions);
	free(all);
}

void
upstream_fail(struct upstream *u, const struct error *e)
{
	u->link = NULL;
	u->failed = true;
	u->error = *e;
}

void
link_fail(struct link *l, const struct error *e)
{
	struct upstream *u = l->user;

	l->user = NULL;
	if (u != NULL) {
		upstream_fail(u, e);
		u->notify(u->arg);
	}
	if (l->h2 != NULL) {
		/* Who is told may ask again, but not here. */
		l->running = l->dead = true;
		h2_fail(l->h2, e);
		l->running = false;
	}
	link_free(l);
}

/*
 * Connecting.
 */

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	(void)fd;
	side_event(&l->side, what);
	link_run(l);
}

/* Starts on one address; false if that failed at once. */
static bool
dial(struct link *l, struct sockaddr_storage *to)
{
	int fd = dial_begin(to, l->port);

	if (fd < 0)
		return false;
	side_open(&l->side, l->all->base, fd, on_event, l);
	dial_expect(&l->side);
	return true;
}

static void
is_ready(struct link *l)
{
	l->state = LINK_READY;
	l->deadline_ms = 0;
}

/* The steps to READY: 1 the state changed, 0 wait, -1 failed. */
static int
step_dial(struct link *l, struct error *e)
{
	if (l->side.fd >= 0) {
		if (l->side.blocked)
			return 0;
		if (dial_succeeded(&l->side)) {
			if (l->is_tls)
				l->state = LINK_TLS;
			else
				is_ready(l);
			return 1;
		}
		side_close(&l->side);
	}
	while (l->next_address < l->found.n)
		if (dial(l, &l->found.v[l->next_address++]))
			return 0;
	return error_set(
	    e, ERR_UNAVAILABLE, "'%s' can't be reached", l->origin);
}

static int
step_tls(struct link *l, struct error *e)
{
	int r;

	if (l->side.tls == NULL)
		l->side.tls = tls_client_new(l->all->trust, l->all->sessions,
		    l->host, l->is_literal, l->side.fd);
	r = side_handshake(&l->side, e);
	if (r < 0)
		return error_prefix(e, "'%s'", l->origin);
	if (r == 0)
		return 0;
	is_ready(l);
	if (tls_speaks_http_2(l->side.tls)) {
		l->h2 = h2_new(l);
		if (l->user != NULL)
			h2_start(l->user);
		l->user = NULL;
	}
	return 1;
}

/* What came on a connection that nobody uses is no answer. */
static bool
idle_is_broken(struct link *l)
{
	return side_fill(&l->side) > 0 || side_held(&l->side) > 0 ||
	       l->side.eof || l->side.failed;
}

/* 1 more, 0 wait, -1 the link is of no use. */
static int
step_ready(struct link *l, struct error *e)
{
	if (l->h2 != NULL)
		return h2_run(l, e) ? 0 : -1;
	if (l->user != NULL)
		l->user->notify(l->user->arg);
	else if (idle_is_broken(l))
		return error_set(e, ERR_UNAVAILABLE, "it was closed");
	return 0;
}

static int
step(struct link *l, struct error *e)
{
	switch (l->state) {
	case LINK_RESOLVE:
		return 0;
	case LINK_DIAL:
		return step_dial(l, e);
	case LINK_TLS:
		return step_tls(l, e);
	case LINK_READY:
		break;
	}
	return step_ready(l, e);
}

/* What the loop won't tell of is told from it all the same: nobody may be
 * called back in the middle of a call. */
static void
link_wait(struct link *l)
{
	if (is_idle(l) && l->deadline_ms == 0)
		l->deadline_ms = link_now_ms() + UPSTREAM_IDLE_MS;
	side_update(&l->side);
	if (l->h2 != NULL && h2_has_work(l->h2))
		side_again(&l->side);
}

static void
link_run(struct link *l)
{
	struct error e;
	int r;

	if (l->running)
		return;
	l->running = true;
	do
		r = step(l, &e);
	while (r > 0 && !l->dead);
	l->running = false;
	if (l->dead) {
		link_free(l);
	} else if (r < 0) {
		link_fail(l, &e);
	} else {
		link_wait(l);
	}
}

static void
on_resolved(void *arg, const struct addresses *found)
{
	struct link *l = arg;

	l->found = *found;
	l->state = LINK_DIAL;
	link_run(l);
}

static struct link *
link_new(struct upstreams *all, const struct route *r)
{
	struct link *l = xcalloc(1, sizeof(*l));

	l->all = all;
	l->origin = xstrdup(r->origin);
	l->host = xstrdup(r->authority.host);
	l->port = r->authority.port;
	l->is_tls = r->is_tls;
	l->is_literal = r->authority.kind != HTTP_HOST_NAME;
	l->deadline_ms = link_now_ms() + UPSTREAM_CONNECT_MS;
	l->wait.done = on_resolved;
	l->wait.arg = l;
	side_init(&l->side, all->pool);
	TAILQ_INSERT_TAIL(&all->links, l, next);
	return l;
}

/* The addresses; false if they will come later. */
static bool
literal(struct link *l)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&l->found.v[0];
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&l->found.v[0];

	l->found.n = 1;
	l->found.v[0].ss_family = AF_INET;
	if (inet_pton(AF_INET, l->host, &in->sin_addr) == 1)
		return true;
	l->found.v[0].ss_family = AF_INET6;
	return inet_pton(AF_INET6, l->host, &in6->sin6_addr) == 1;
}

static void
link_start(struct link *l)
{
	bool found = l->is_literal ? literal(l)
				   : resolver_find(l->all->resolver, l->host,
					 &l->found, &l->wait) == 1;

	if (!found)
		return;
	l->state = LINK_DIAL;
	while (l->next_address < l->found.n) {
		if (dial(l, &l->found.v[l->next_address++])) {
			side_update(&l->side);
			return;
		}
	}
	/* What fails at once is told from the loop, like everything else. */
	l->deadline_ms = 1;
}

void
upstreams_tick(struct upstreams *all, int64_t now_ms)
{
	struct link *l, *next;
	struct error e;

	for (l = TAILQ_FIRST(&all->links); l != NULL; l = next) {
		next = TAILQ_NEXT(l, next);
		if (l->deadline_ms == 0 || now_ms < l->deadline_ms)
			continue;
		if (l->state == LINK_READY) {
			if (is_idle(l))
				link_free(l);
			continue;
		}
		(void)error_set(
		    &e, ERR_TIMEOUT, "'%s' can't be reached", l->origin);
		link_fail(l, &e);
		/* The list may have changed. */
		next = TAILQ_FIRST(&all->links);
	}
}

/*
 * Requests.
 */

/* What lies there before anything was asked must not become an answer. */
static bool
is_quiet(struct link *l)
{
	l->side.readable = true;
	if (!idle_is_broken(l))
		return true;
	l->deadline_ms = 1;
	return false;
}

/* A connection to this very origin that has room. */
static struct link *
find_link(struct upstreams *all, const char *origin)
{
	struct link *l;

	TAILQ_FOREACH_REVERSE(l, &all->links, links, next)
	{
		if (l->state != LINK_READY || l->dead || l->user != NULL ||
		    strcmp(l->origin, origin) != 0)
			continue;
		if (l->h2 != NULL ? h2_has_room(l->h2) : is_quiet(l))
			return l;
	}
	return NULL;
}

static void
update(struct link *l)
{
	if (l == NULL || l->running || l->side.fd < 0)
		return;
	if (l->h2 != NULL)
		h2_flush(l->h2);
	link_wait(l);
}

struct upstream *
upstream_new(struct upstreams *all, const struct upstream_request *request,
    void (*notify)(void *arg), void *arg)
{
	struct upstream *u = xcalloc(1, sizeof(*u));
	struct link *l = find_link(all, request->route->origin);

	u->all = all;
	u->request = *request;
	u->notify = notify;
	u->arg = arg;
	if (l != NULL) {
		l->deadline_ms = 0;
		l->reused = true;
	} else {
		l = link_new(all, request->route);
	}
	u->link = l;
	if (l->h2 != NULL)
		h2_start(u);
	else
		l->user = u;
	if (l->state == LINK_RESOLVE)
		link_start(l);
	else
		update(l);
	return u;
}

static unsigned
count_idle(const struct upstreams *all)
{
	const struct link *l;
	unsigned n = 0;

	TAILQ_FOREACH(l, &all->links, next)
	n += is_idle(l);
	return n;
}

/* Its last request is over. */
static void
link_release(struct link *l, bool is_clean)
{
	l->user = NULL;
	if (!is_clean || count_idle(l->all) > UPSTREAM_IDLE_MAX) {
		link_free(l);
		return;
	}
	l->deadline_ms = link_now_ms() + UPSTREAM_IDLE_MS;
	/* The freshest is found first: the others may grow old and go. */
	TAILQ_REMOVE(&l->all->links, l, next);
	TAILQ_INSERT_TAIL(&l->all->links, l, next);
	if (!l->running)
		side_update(&l->side);
}

void
upstream_free(struct upstream *u)
{
	if (u == NULL)
		return;
	if (u->stream != 0) {
		h2_end(u);
		update(u->link);
	} else if (u->link != NULL) {
		link_release(u->link, h1_is_clean(u));
	}
	buf_wipe(&u->head);
	buf_free(&u->text);
	buf_free(&u->in);
	free(u);
}

enum upstream_progress
upstream_head(struct upstream *u, struct http_head *ret, struct error *e)
{
	enum upstream_progress r;

	if (u->failed) {
		*e = u->error;
		return UPSTREAM_FAILED;
	}
	if (u->stream == 0 && u->link->state != LINK_READY)
		return UPSTREAM_WAIT;
	r = u->stream != 0 ? h2_head(u, ret, e) : h1_head(u, ret, e);
	update(u->link);
	return r;
}

enum upstream_progress
upstream_body(struct upstream *u, struct http_slice *ret, struct error *e)
{
	enum upstream_progress r;

	if (u->failed && u->in.len == 0) {
		*e = u->error;
		return UPSTREAM_FAILED;
	}
	r = u->stream != 0 ? h2_body(u, ret, e) : h1_body(u, ret, e);
	update(u->link);
	return r;
}

void
upstream_consume(struct upstream *u, size_t n)
{
	if (u->stream != 0)
		h2_consume(u, n);
	else
		h1_consume(u, n);
}

bool
upstream_was_stale(const struct upstream *u)
{
	return u->stale;
}
