/* SPDX-License-Identifier: Apache-2.0 */
/* proxy.c - see proxy.h. */
#include "common/wire/limits.h"
#include "common/wire/proxy.h"

#define ATTACHED_MAX 65536

#define P(member) offsetof(struct proxy_attach, member)
static const struct field attach_fields[] = {
	{ "sandbox", FIELD_STR, REQUIRED, P(sandbox), WIRE_NAME_MAX },
	{ "name", FIELD_STR, REQUIRED, P(name), WIRE_NAME_MAX },
	{ "policy", FIELD_STR, REQUIRED, P(policy), WIRE_POLICY_MAX },
	{ "version", FIELD_INT, REQUIRED, P(version) },
	{ "links", FIELD_MAP, OPTIONAL, P(links), WIRE_LINKS_MAX },
	{ "ca_cert", FIELD_STR, REQUIRED, P(ca_cert), WIRE_PEM_MAX },
	{ "ca_key", FIELD_STR, REQUIRED, P(ca_key), WIRE_PEM_MAX },
	{ "explicit_proxy", FIELD_FD, REQUIRED, P(explicit_proxy) },
	{ "transparent", FIELD_FD, REQUIRED, P(transparent) },
	{ "dns_udp", FIELD_FD, REQUIRED, P(dns_udp) },
	{ "dns_tcp", FIELD_FD, REQUIRED, P(dns_tcp) },
	{ "names", FIELD_FD, REQUIRED, P(names) },
	{ "owners", FIELD_FDS, REQUIRED, P(owners), WIRE_OWNERS_MAX },
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

const struct method proxy_detach_method = {
	.name = "Detach",
	.doc = "Closes a sandbox's connections and forgets it.",
	.params = detach_fields,
	.params_size = sizeof(struct proxy_detach),
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
	&proxy_detach_method,
	&proxy_status_method,
	&proxy_events_method,
	NULL,
};

const struct interface proxy_interface = {
	.name = "io.openshell.Proxy",
	.doc = "Every byte that leaves a sandbox.",
	.methods = methods,
};
