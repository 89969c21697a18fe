/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.c - see sandbox.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/credential/table.h"
#include "common/log.h"
#include "common/net/tls.h"
#include "common/policy/policy.h"
#include "common/wire/proxy.h"
#include "common/xalloc.h"
#include "proxyd/ca.h"
#include "proxyd/conn.h"
#include "proxyd/dns.h"
#include "proxyd/names.h"
#include "proxyd/owner.h"
#include "proxyd/sandbox.h"
#include "proxyd/worker.h"

struct rules *
rules_ref(struct rules *r)
{
	r->refs++;
	return r;
}

void
rules_unref(struct rules *r)
{
	if (r == NULL || --r->refs > 0)
		return;
	matcher_free(r->matcher);
	free(r);
}

static struct rules *
rules_new(const char *text, const struct pairs *links, int64_t version,
    struct error *e)
{
	struct violations bad = { 0 };
	struct policy *policy = NULL;
	struct rules *r;

	if (policy_parse_effective(text, strlen(text), &policy, &bad) < 0) {
		(void)error_set(e, ERR_INVALID, "policy: %.100s: %.100s",
		    bad.v[0].path, bad.v[0].message);
		violations_clear(&bad);
		return NULL;
	}
	r = xcalloc(1, sizeof(*r));
	r->refs = 1;
	r->version = version;
	r->matcher = policy_compile(policy, links->v, links->n);
	policy_free(policy);
	return r;
}

static void
on_explicit(void *arg, int fd)
{
	conn_run(conn_new(arg, fd, MODE_EXPLICIT));
}

static void
on_transparent(void *arg, int fd)
{
	conn_run(conn_new(arg, fd, MODE_TRANSPARENT));
}

static struct sandbox *
find(struct worker *w, const char *id)
{
	struct sandbox *sb;

	LIST_FOREACH(sb, &w->sandboxes, next)
	if (strcmp(sb->id, id) == 0)
		return sb;
	return NULL;
}

/* What can fail; the descriptors are still the parameters'. */
static int
make_parts(struct sandbox *sb, const struct proxy_attach *p, struct error *e)
{
	if (p->owners.n != 1)
		return error_set(
		    e, ERR_INVALID, "a worker has one owner channel");
	if (sb->worker->n_sandboxes >= WORKER_SANDBOXES_MAX)
		return error_set(e, ERR_LIMIT, "%d sandboxes are attached",
		    WORKER_SANDBOXES_MAX);
	sb->rules = rules_new(p->policy, &p->links, p->version, e);
	if (sb->rules == NULL ||
	    credentials_new(&p->credentials, &sb->credentials, e) < 0 ||
	    ca_new(p->ca_cert, p->ca_key, &sb->ca, e) < 0)
		return -1;
	/* The first worker serves DNS, and so writes. */
	return name_map_open(p->names, sb->worker->index == 0, &sb->names, e);
}

static void
open_parts(struct sandbox *sb, struct proxy_attach *p)
{
	struct event_base *base = sb->worker->base;

	sb->sessions = tls_sessions_new();
	sb->owners = owner_channel_new(base, steal_fd(&p->owners.v[0]));
	if (sb->worker->index == 0)
		sb->dns = dns_new(base, steal_fd(&p->dns_udp),
		    steal_fd(&p->dns_tcp), sb->names);
	listener_open(&sb->explicit_proxy, base, steal_fd(&p->explicit_proxy),
	    on_explicit, sb);
	listener_open(&sb->transparent, base, steal_fd(&p->transparent),
	    on_transparent, sb);
}

int
sandbox_attach(struct worker *w, struct proxy_attach *p, struct error *e)
{
	struct sandbox *sb;

	sandbox_detach(w, p->sandbox);
	sb = xcalloc(1, sizeof(*sb));
	sb->worker = w;
	(void)snprintf(sb->id, sizeof(sb->id), "%s", p->sandbox);
	(void)snprintf(sb->name, sizeof(sb->name), "%s", p->name);
	(void)snprintf(sb->owner, sizeof(sb->owner), "%s", p->owner);
	TAILQ_INIT(&sb->conns);
	sb->explicit_proxy.fd = sb->transparent.fd = -1;
	LIST_INSERT_HEAD(&w->sandboxes, sb, next);
	if (make_parts(sb, p, e) < 0) {
		w->n_sandboxes++;
		sandbox_free(sb);
		return -1;
	}
	w->n_sandboxes++;
	open_parts(sb, p);
	return 0;
}

static void
rejudge(struct sandbox *sb)
{
	struct conn *c, *next;

	for (c = TAILQ_FIRST(&sb->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, next);
		conn_rejudge(c, sb->rules);
	}
}

int
sandbox_set_policy(
    struct worker *w, const struct proxy_policy *p, struct error *e)
{
	struct sandbox *sb = find(w, p->sandbox);
	struct rules *rules;

	if (sb == NULL)
		return error_set(e, ERR_NOT_FOUND,
		    "sandbox '%s' is not attached", p->sandbox);
	rules = rules_new(p->policy, &p->links, p->version, e);
	if (rules == NULL)
		return -1;
	rules_unref(sb->rules);
	sb->rules = rules;
	rejudge(sb);
	return 0;
}

int
sandbox_set_credentials(
    struct worker *w, const struct proxy_credentials *p, struct error *e)
{
	struct sandbox *sb = find(w, p->sandbox);
	struct credentials *credentials;

	if (sb == NULL)
		return error_set(e, ERR_NOT_FOUND,
		    "sandbox '%s' is not attached", p->sandbox);
	if (credentials_new(&p->credentials, &credentials, e) < 0)
		return -1;
	credentials_free(sb->credentials);
	sb->credentials = credentials;
	/* Bytes that nobody reads may now go where a credential may. */
	rejudge(sb);
	return 0;
}

void
sandbox_detach(struct worker *w, const char *id)
{
	sandbox_free(find(w, id));
}

void
sandbox_free(struct sandbox *sb)
{
	struct conn *c;

	if (sb == NULL)
		return;
	listener_close(&sb->explicit_proxy);
	listener_close(&sb->transparent);
	dns_free(sb->dns);
	while ((c = TAILQ_FIRST(&sb->conns)) != NULL)
		conn_free(c);
	LIST_REMOVE(sb, next);
	sb->worker->n_sandboxes--;
	if (sb->owners != NULL)
		owner_channel_free(sb->owners);
	name_map_free(sb->names);
	if (sb->sessions != NULL)
		tls_sessions_free(sb->sessions);
	ca_free(sb->ca);
	credentials_free(sb->credentials);
	rules_unref(sb->rules);
	free(sb);
}

static void
hold_if_full(struct sandbox *sb)
{
	bool full = sb->n_conns >= SANDBOX_CONNECTIONS_MAX ||
		    sb->worker->n_conns >= sb->worker->conns_max;

	listener_hold(&sb->explicit_proxy, full);
	listener_hold(&sb->transparent, full);
}

void
sandbox_count(struct sandbox *sb, int change)
{
	bool was_full = sb->worker->n_conns >= sb->worker->conns_max;
	struct sandbox *other;

	sb->n_conns += (unsigned)change;
	worker_count(sb->worker, change);
	hold_if_full(sb);
	if (was_full == (sb->worker->n_conns >= sb->worker->conns_max))
		return;
	LIST_FOREACH(other, &sb->worker->sandboxes, next)
	hold_if_full(other);
}
