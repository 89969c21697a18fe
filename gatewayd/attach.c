/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach.c - see attach.h.
 *
 *	GetListeners --> ResolveLinks --> Proxy.Attach --> done
 *
 * The links are resolved inside the sandbox, since that is where the paths of
 * its binaries mean something.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/policy/policy.h"
#include "common/varlink/client.h"
#include "common/wire/proxy.h"
#include "common/wire/supervisor.h"
#include "common/xalloc.h"
#include "gatewayd/attach.h"
#include "gatewayd/attachment.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inference.h"
#include "gatewayd/link.h"
#include "gatewayd/revision.h"
#include "gatewayd/sandbox.h"
#include "gatewayd/seal.h"

struct attach {
	struct sandbox *s; /* a reference */
	attach_done_fn *done;
	struct supervisor_listeners got; /* owned descriptors */
	struct revision revision;
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void
attach_undo(struct gateway *gw, const char *sandbox)
{
	struct proxy_detach params = { sandbox };

	if (link_is_up(gw->proxy))
		link_call(gw->proxy, &proxy_detach_method, &params, NULL, NULL);
}

/* The end of every attach; nothing may follow but return. */
static void
finish(struct attach *a, const struct error *e)
{
	struct sandbox *s = a->s;

	close_fd(&a->got.explicit_proxy);
	close_fd(&a->got.transparent);
	close_fd(&a->got.dns_udp);
	close_fd(&a->got.dns_tcp);
	close_fd(&a->got.names);
	for (size_t i = 0; i < a->got.owners.n; i++)
		close_fd(&a->got.owners.v[i]);
	free(a->got.owners.v);
	s->attaching = 0;
	s->attached = e == NULL && sandbox_is_up(s);
	/* It went while proxyd took it. */
	if (!sandbox_is_up(s))
		attach_undo(s->gw, s->id);
	if (s->attached)
		s->loaded_version = a->revision.version;
	a->done(s, e);
	if (s->attached && !s->gone) {
		if (strcmp(a->revision.status, "pending") == 0)
			revision_decided(s, a->revision.version, NULL);
		/* One may have come since, or while proxyd was away. */
		attachment_push(s);
		revision_push(s);
	}
	revision_clear(&a->revision);
	free(a);
	sandbox_unref(s);
}

static void
on_attached(void *arg, const struct varlink_result *r)
{
	finish(arg, r->error);
}

static void
on_links(void *arg, const struct varlink_result *r)
{
	struct attach *a = arg;
	struct sandbox *s = a->s;
	const struct supervisor_resolved *resolved = r->reply;
	autofree char *label = xasprintf("sandbox/%s/ca-key", s->id);
	char scope[INFERENCE_SCOPE_SIZE];
	struct objects credentials;
	char *key = NULL;
	struct error e;

	if (r->error != NULL) {
		finish(a, r->error);
		return;
	}
	if (!link_is_up(s->gw->proxy) || !sandbox_is_up(s)) {
		(void)error_set(&e, ERR_UNAVAILABLE,
		    "proxyd is not up, or the sandbox no longer is");
		finish(a, &e);
		return;
	}
	if (seal_unlock(
		s->gw->seal, label, s->ca_key, s->ca_key_len, &key, &e) < 0) {
		finish(a, &e);
		return;
	}
	inference_scope(s->owner, scope);
	s->secrets_outdated = false;
	attachment_secrets(s, &credentials);
	struct proxy_attach params = {
		.sandbox = s->id,
		.name = s->name,
		.owner = scope,
		.policy = a->revision.policy,
		.version = a->revision.version,
		.links = resolved->links,
		.credentials = credentials,
		.ca_cert = s->ca_cert,
		.ca_key = key,
		.explicit_proxy = a->got.explicit_proxy,
		.transparent = a->got.transparent,
		.dns_udp = a->got.dns_udp,
		.dns_tcp = a->got.dns_tcp,
		.names = a->got.names,
		.owners = a->got.owners,
	};
	link_call(s->gw->proxy, &proxy_attach_method, &params, on_attached, a);
	attachment_secrets_clear(&credentials);
	free_secret(key);
}

static void
take_listeners(struct attach *a, struct supervisor_listeners *from)
{
	a->got.explicit_proxy = steal_fd(&from->explicit_proxy);
	a->got.transparent = steal_fd(&from->transparent);
	a->got.dns_udp = steal_fd(&from->dns_udp);
	a->got.dns_tcp = steal_fd(&from->dns_tcp);
	a->got.names = steal_fd(&from->names);
	a->got.owners.v = xcalloc(from->owners.n, sizeof(int));
	for (; a->got.owners.n < from->owners.n; a->got.owners.n++)
		a->got.owners.v[a->got.owners.n] =
		    steal_fd(&from->owners.v[a->got.owners.n]);
}

static void
on_listeners(void *arg, const struct varlink_result *r)
{
	struct attach *a = arg;
	struct supervisor_resolve params = { { NULL, 0 } };
	struct policy *policy = NULL;

	if (r->error != NULL) {
		finish(a, r->error);
		return;
	}
	take_listeners(a, r->reply);
	if (revision_binaries(a->revision.policy, &params.paths, &policy) < 0) {
		struct error e;

		(void)error_set(&e, ERR_SYSTEM,
		    "stored policy version %lld can't be read",
		    (long long)a->revision.version);
		finish(a, &e);
		return;
	}
	varlink_client_call(a->s->control, &supervisor_resolve_method, &params,
	    false, on_links, a);
	free(params.paths.v);
	policy_free(policy);
}

void
attach_sandbox(struct sandbox *s, attach_done_fn *done)
{
	struct supervisor_listeners_params params = { (int64_t)link_workers(
	    s->gw->proxy) };
	struct attach *a = xcalloc(1, sizeof(*a));
	struct error e;

	a->s = sandbox_ref(s);
	a->done = done;
	a->got = (struct supervisor_listeners){ -1, -1, -1, -1, -1, { 0 } };
	if (revision_get_current(s, &a->revision, &e) < 0) {
		finish(a, &e);
		return;
	}
	s->attaching = a->revision.version;
	s->outdated = false;
	revision_complete(s, &a->revision);
	varlink_client_call(s->control, &supervisor_listeners_method, &params,
	    false, on_listeners, a);
}
