/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy.h - io.openshell.Proxy: what gatewayd asks of proxyd.
 *
 * proxyd keeps nothing on disk: after it came back gatewayd attaches every
 * sandbox again.
 */
#ifndef COMMON_WIRE_PROXY_H
#define COMMON_WIRE_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/varlink/varlink.h"
#include "common/wire/event.h"

extern const struct interface proxy_interface;

struct proxy_policy {
	const char *sandbox; /* id */
	const char *policy;  /* canonical JSON */
	int64_t version;
	struct pairs links; /* binary path in the policy -> where it leads */
};

/* Where a credential may go. */
struct proxy_credential_endpoint {
	const char *host; /* as a policy's: a name or a pattern */
	int64_t port;
	const char *path; /* glob; NULL: all */
};

/* What stands behind a placeholder (common/credential/placeholder.h). */
struct proxy_credential {
	const char *key;       /* environment name */
	const char *value;     /* the secret; kept in memory only */
	const char *provider;  /* its provider's name */
	int64_t revision;      /* counts up with each value, from 1 */
	int64_t oldest;        /* revisions before it no longer resolve */
	const char *handle;    /* 64 hex digits; new with each identity */
	int64_t expires_at_ms; /* since the epoch; 0: never */
	bool is_bound; /* spellings without revision or handle are refused */
	/* struct proxy_credential_endpoint.  It also goes, and without any
	 * it only goes, where a policy says credential_binding.provider. */
	struct objects endpoints;
};

struct proxy_credentials {
	const char *sandbox;        /* id */
	struct objects credentials; /* struct proxy_credential */
};

struct proxy_attach {
	const char *sandbox; /* id; attaching again replaces everything */
	const char *name;
	const char *owner; /* scope of its owner's inference routes */
	const char *policy;
	int64_t version;
	struct pairs links;
	const char *ca_cert; /* PEM */
	const char *ca_key;  /* PEM; a secret, kept in memory only */
	int explicit_proxy;
	int transparent;
	int dns_udp;
	int dns_tcp;
	int names;
	struct fds owners;          /* one a worker: see GetStatus */
	struct objects credentials; /* struct proxy_credential */
};

struct proxy_detach {
	const char *sandbox;
};

struct proxy_router {
	struct fds channels; /* see router.h; all workers send on all */
};

struct proxy_status {
	int64_t pid;
	int64_t workers;
	int64_t sandboxes;
	int64_t connections;
	struct strings attached; /* ids: their connections go on */
};

extern const struct method proxy_attach_method;
/* Compiled beside the live policy and swapped in at once; an error leaves the
 * live one as it is.  The reply comes when every worker decides by it. */
extern const struct method proxy_set_policy_method;
/* Replaces all; the next request of every connection goes by them.  The reply
 * comes when it does in every worker. */
extern const struct method proxy_set_credentials_method;
extern const struct method proxy_detach_method;
/* Where connections to inference.local go from now on. */
extern const struct method proxy_set_router_method;
extern const struct method proxy_status_method;
extern const struct method proxy_events_method; /* more */

#endif
