/* SPDX-License-Identifier: Apache-2.0 */
/* proxy.c - see proxy.h. */
#include "common/wire/limits.h"
#include "common/wire/proxy.h"

#define ATTACHED_MAX 65536

#define P(member) offsetof(struct proxy_credential_endpoint, member)
static const struct field scope_fields[] = {
	{ "host", FIELD_STR, REQUIRED, P(host), WIRE_HOST_MAX },
	{ "port", FIELD_INT, REQUIRED, P(port), 65535 },
	{ "path", FIELD_STR, OPTIONAL, P(path), WIRE_PATH_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct proxy_credential, member)
static const struct field credential_fields[] = {
	{ "key", FIELD_STR, REQUIRED, P(key), WIRE_KEY_MAX },
	{ "value", FIELD_STR, REQUIRED, P(value), WIRE_SECRET_MAX,
	    .is_secret = true },
	{ "provider", FIELD_STR, REQUIRED, P(provider), WIRE_HOST_MAX },
	{ "revision", FIELD_INT, REQUIRED, P(revision) },
	{ "oldest", FIELD_INT, REQUIRED, P(oldest) },
	{ "handle", FIELD_STR, REQUIRED, P(handle), WIRE_HASH_MAX },
	{ "expires_at_ms", FIELD_INT, OPTIONAL, P(expires_at_ms) },
	{ "is_bound", FIELD_BOOL, OPTIONAL, P(is_bound) },
	{ "endpoints", FIELD_OBJS, OPTIONAL, P(endpoints), WIRE_SCOPES_MAX,
	    scope_fields, sizeof(struct proxy_credential_endpoint) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct proxy_credentials, member)
static const struct field credentials_fields[] = {
	{ "sandbox", FIELD_STR, REQUIRED, P(sandbox), WIRE_NAME_MAX },
	{ "credentials", FIELD_OBJS, OPTIONAL, P(credentials),
	    WIRE_CREDENTIALS_MAX, credential_fields,
	    sizeof(struct proxy_credential) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct proxy_attach, member)
static const struct field attach_fields[] = {
	{ "sandbox", FIELD_STR, REQUIRED, P(sandbox), WIRE_NAME_MAX },
	{ "name", FIELD_STR, REQUIRED, P(name), WIRE_NAME_MAX },
	{ "owner", FIELD_STR, REQUIRED, P(owner), WIRE_NAME_MAX },
	{ "policy", FIELD_STR, REQUIRED, P(policy), WIRE_POLICY_MAX },
	{ "version", FIELD_INT, REQUIRED, P(version) },
	{ "links", FIELD_MAP, OPTIONAL, P(links), WIRE_LINKS_MAX },
	{ "ca_cert", FIELD_STR, REQUIRED, P(ca_cert), WIRE_PEM_MAX },
	{ "ca_key", FIELD_STR, REQUIRED, P(ca_key), WIRE_PEM_MAX,
	    .is_secret = true },
	{ "explicit_proxy", FIELD_FD, REQUIRED, P(explicit_proxy) },
	{ "transparent", FIELD_FD, REQUIRED, P(transparent) },
	{ "dns_udp", FIELD_FD, REQUIRED, P(dns_udp) },
	{ "dns_tcp", FIELD_FD, REQUIRED, P(dns_tcp) },
	{ "names", FIELD_FD, REQUIRED, P(names) },
	{ "owners", FIELD_FDS, REQUIRED, P(owners), WIRE_OWNERS_MAX },
	{ "credentials", FIELD_OBJS, OPTIONAL, P(credentials),
	    WIRE_CREDENTIALS_MAX, credential_fields,
	    sizeof(struct proxy_credential) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct proxy_policy, member)
static const struct field policy_fields[] = {
	{ "sandbox", FIELD_STR, REQUIRED, P(sandbox), WIRE_NAME_MAX },
	{ "policy", FIELD_STR, REQUIRED, P(policy), WIRE_POLICY_MAX },
	{ "version", FIELD_INT, REQUIRED, P(version) },
	{ "links", FIELD_MAP, OPTIONAL, P(links), WIRE_LINKS_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct proxy_detach, member)
static const struct field detach_fields[] = {
	{ "sandbox", FIELD_STR, REQUIRED, P(sandbox), WIRE_NAME_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct proxy_router, member)
static const struct field router_fields[] = {
	{ "channels", FIELD_FDS, REQUIRED, P(channels), WIRE_OWNERS_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct proxy_status, member)
static const struct field status_fields[] = {
	{ "pid", FIELD_INT, REQUIRED, P(pid), INT32_MAX },
	{ "workers", FIELD_INT, REQUIRED, P(workers) },
	{ "sandboxes", FIELD_INT, REQUIRED, P(sandboxes) },
	{ "connections", FIELD_INT, REQUIRED, P(connections) },
	{ "attached", FIELD_STRS, OPTIONAL, P(attached), ATTACHED_MAX },
	{ 0 },
};
#undef P

const struct method proxy_attach_method = {
	.name = "Attach",
	.doc = "Serves a sandbox from now on; replaces what was attached.",
	.params = attach_fields,
	.params_size = sizeof(struct proxy_attach),
};

const struct method proxy_set_policy_method = {
	.name = "SetPolicy",
	.doc = "Decides by another policy; answers when every worker does.",
	.params = policy_fields,
	.params_size = sizeof(struct proxy_policy),
};

const struct method proxy_set_credentials_method = {
	.name = "SetCredentials",
	.doc = "Replaces a sandbox's credentials; answers when every worker "
	       "goes by them.",
	.params = credentials_fields,
	.params_size = sizeof(struct proxy_credentials),
};

const struct method proxy_detach_method = {
	.name = "Detach",
	.doc = "Closes a sandbox's connections and forgets it.",
	.params = detach_fields,
	.params_size = sizeof(struct proxy_detach),
};

const struct method proxy_set_router_method = {
	.name = "SetRouter",
	.doc = "Hands connections to inference.local to these channels.",
	.params = router_fields,
	.params_size = sizeof(struct proxy_router),
};

const struct method proxy_status_method = {
	.name = "GetStatus",
	.doc = "Says how many workers serve how much.",
	.reply = status_fields,
	.reply_size = sizeof(struct proxy_status),
};

const struct method proxy_events_method = {
	.name = "Events",
	.doc = "Streams what was allowed and denied.",
	.reply = events_fields,
	.reply_size = sizeof(struct log_events),
	.flags = METHOD_MORE,
};

static const struct method *const methods[] = {
	&proxy_attach_method,
	&proxy_set_policy_method,
	&proxy_set_credentials_method,
	&proxy_detach_method,
	&proxy_set_router_method,
	&proxy_status_method,
	&proxy_events_method,
	NULL,
};

const struct interface proxy_interface = {
	.name = "io.openshell.Proxy",
	.doc = "Every byte that leaves a sandbox.",
	.methods = methods,
};
