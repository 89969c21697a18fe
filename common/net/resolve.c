/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve.c - see resolve.h.
 *
 * One lookup a name at a time, whoever asks; its place in the table is given
 * by the name's hash, and a newer name takes the place of an older.  A lookup
 * that finds its place held by one under way works without a place, and is
 * forgotten when it is answered.
 */
#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/net/resolve.h"
#include "common/policy/policy.h"
#include "common/xalloc.h"

#define TABLE_SIZE 512

struct lookup {
	struct resolver *resolver;
	char *host;
	bool placed;
	bool starting; /* inside evdns_getaddrinfo() */
	bool pending;
	int64_t until_s;
	TAILQ_HEAD(, resolve_wait) waits;
	struct evdns_getaddrinfo_request *request;
	size_t n;
	struct sockaddr_storage *v;
};

struct resolver {
	struct evdns_base *dns;
	struct lookup *table[TABLE_SIZE];
	size_t pending;
};

static int64_t
now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec;
}

struct resolver *
resolver_new(struct event_base *base)
{
	struct resolver *r = xcalloc(1, sizeof(*r));

	r->dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (r->dns == NULL)
		fatalx("cannot make a resolver");
	/* No search list: what a policy names is whole. */
	if (evdns_base_resolv_conf_parse(r->dns,
		DNS_OPTION_NAMESERVERS | DNS_OPTION_MISC | DNS_OPTION_HOSTSFILE,
		"/etc/resolv.conf") != 0)
		log_warnx("no resolver in /etc/resolv.conf");
	(void)evdns_base_set_option(r->dns, "timeout:", "3");
	(void)evdns_base_set_option(r->dns, "attempts:", "2");
	return r;
}

static void
lookup_free(struct lookup *l)
{
	free(l->host);
	free(l->v);
	free(l);
}

void
resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	evdns_base_free(r->dns, 0);
	for (size_t i = 0; i < TABLE_SIZE; i++)
		if (r->table[i] != NULL)
			lookup_free(r->table[i]);
	free(r);
}

static struct lookup **
place_of(struct resolver *r, const char *host)
{
	uint32_t h = 2166136261u;

	for (; *host != '\0'; host++)
		h = (h ^ (unsigned char)*host) * 16777619u;
	return &r->table[h % TABLE_SIZE];
}

static void
take_addresses(struct lookup *l, const struct evutil_addrinfo *found)
{
	l->v = xcalloc(RESOLVE_ADDRESSES_MAX, sizeof(*l->v));
	for (; found != NULL && l->n < RESOLVE_ADDRESSES_MAX;
	     found = found->ai_next)
		if (found->ai_addrlen <= sizeof(l->v[0]))
			memcpy(
			    &l->v[l->n++], found->ai_addr, found->ai_addrlen);
	l->v = xreallocarray(l->v, l->n > 0 ? l->n : 1, sizeof(*l->v));
}

static void
copy_addresses(const struct lookup *l, struct addresses *ret)
{
	memcpy(ret->v, l->v, l->n * sizeof(*l->v));
	ret->n = l->n;
}

static void
wake_all(struct lookup *l)
{
	struct addresses found;
	struct resolve_wait *w;

	copy_addresses(l, &found);
	while ((w = TAILQ_FIRST(&l->waits)) != NULL) {
		resolve_cancel(w);
		w->done(w->arg, &found);
	}
}

static void
on_found(int result, struct evutil_addrinfo *found, void *arg)
{
	struct lookup *l = arg;

	l->request = NULL;
	l->resolver->pending--;
	take_addresses(l, result == 0 ? found : NULL);
	l->until_s = now_s() + (l->n > 0 ? RESOLVE_KEEP_S : RESOLVE_KEEP_BAD_S);
	if (found != NULL)
		evutil_freeaddrinfo(found);
	if (l->starting) {
		l->pending = false;
		return;
	}
	/* Pending until all know: no place is taken from one that is. */
	wake_all(l);
	l->pending = false;
	if (!l->placed)
		lookup_free(l);
}

static struct lookup *
lookup_new(struct resolver *r, const char *host)
{
	struct lookup **place = place_of(r, host);
	struct lookup *l = xcalloc(1, sizeof(*l));

	l->resolver = r;
	l->host = xstrdup(host);
	TAILQ_INIT(&l->waits);
	if (*place != NULL && (*place)->pending)
		return l;
	if (*place != NULL)
		lookup_free(*place);
	*place = l;
	l->placed = true;
	return l;
}

/* Some answers come at once: what is in /etc/hosts, or that nobody can be
 * asked. */
static void
lookup_start(struct lookup *l)
{
	struct evutil_addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_protocol = IPPROTO_TCP,
		.ai_flags = EVUTIL_AI_ADDRCONFIG,
	};

	l->pending = l->starting = true;
	l->resolver->pending++;
	l->request = evdns_getaddrinfo(
	    l->resolver->dns, l->host, NULL, &hints, on_found, l);
	l->starting = false;
}

static bool
find_alias(const char *host, struct addresses *ret)
{
	struct sockaddr_in loopback = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };

	if (!policy_is_host_alias(host))
		return false;
	memset(&ret->v[0], 0, sizeof(ret->v[0]));
	memcpy(&ret->v[0], &loopback, sizeof(loopback));
	ret->n = 1;
	return true;
}

static int
answer_at_once(struct lookup *l, struct addresses *ret)
{
	copy_addresses(l, ret);
	if (!l->placed)
		lookup_free(l);
	return 1;
}

int
resolver_find(struct resolver *r, const char *host, struct addresses *ret,
    struct resolve_wait *wait)
{
	struct lookup *l = *place_of(r, host);

	ret->n = 0;
	if (find_alias(host, ret))
		return 1;
	if (l != NULL && (strcmp(l->host, host) != 0 ||
			     (!l->pending && now_s() >= l->until_s)))
		l = NULL;
	if (l == NULL) {
		if (r->pending >= RESOLVE_PENDING_MAX)
			return 1;
		l = lookup_new(r, host);
		lookup_start(l);
	}
	if (!l->pending)
		return answer_at_once(l, ret);
	TAILQ_INSERT_TAIL(&l->waits, wait, next);
	wait->lookup = l;
	return 0;
}

void
resolve_cancel(struct resolve_wait *w)
{
	if (w->lookup == NULL)
		return;
	TAILQ_REMOVE(&w->lookup->waits, w, next);
	w->lookup = NULL;
}
