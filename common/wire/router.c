/* SPDX-License-Identifier: Apache-2.0 */
/* router.c - see router.h. */
#include "common/hash.h"
#include "common/wire/router.h"
#include "common/wire/limits.h"

#define FALLBACKS_MAX 8
#define PROTOCOLS_MAX 16
#define PER_MINUTE_MAX 1000000000

#define P(member) offsetof(struct router_route, member)
const struct field router_route_fields[] = {
	{ "scope", FIELD_STR, REQUIRED, P(scope), WIRE_NAME_MAX },
	{ "name", FIELD_STR, REQUIRED, P(name), WIRE_NAME_MAX },
	{ "provider", FIELD_STR, REQUIRED, P(provider), WIRE_PATH_MAX },
	{ "type", FIELD_STR, REQUIRED, P(type), WIRE_NAME_MAX },
	{ "endpoint", FIELD_STR, OPTIONAL, P(endpoint), WIRE_PATH_MAX },
	{ "protocols", FIELD_STRS, OPTIONAL, P(protocols), PROTOCOLS_MAX },
	{ "model", FIELD_STR, OPTIONAL, P(model), WIRE_TEXT_MAX },
	{ "key", FIELD_STR, OPTIONAL, P(key), ROUTER_KEY_MAX,
	    .is_secret = true },
	{ "access_key", FIELD_STR, OPTIONAL, P(access_key), ROUTER_KEY_MAX },
	{ "session_token", FIELD_STR, OPTIONAL, P(session_token),
	    ROUTER_KEY_MAX, .is_secret = true },
	{ "region", FIELD_STR, OPTIONAL, P(region), WIRE_NAME_MAX },
	{ "expires_at_ms", FIELD_INT, OPTIONAL, P(expires_at_ms) },
	{ "timeout_s", FIELD_INT, OPTIONAL, P(timeout_s), 86400 },
	{ "fallbacks", FIELD_STRS, OPTIONAL, P(fallbacks), FALLBACKS_MAX },
	{ "requests_per_minute", FIELD_INT, OPTIONAL, P(requests_per_minute),
	    PER_MINUTE_MAX },
	{ "tokens_per_minute", FIELD_INT, OPTIONAL, P(tokens_per_minute),
	    PER_MINUTE_MAX },
	{ "concurrent", FIELD_INT, OPTIONAL, P(concurrent), PER_MINUTE_MAX },
	{ "privacy", FIELD_STR, OPTIONAL, P(privacy), ROUTER_PRIVACY_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct router_set_routes, member)
static const struct field set_routes_fields[] = {
	{ "routes", FIELD_OBJS, REQUIRED, P(routes), ROUTER_ROUTES_MAX,
	    router_route_fields, sizeof(struct router_route) },
	{ "from", FIELD_INT, REQUIRED, P(from), ROUTER_ROUTES_MAX },
	{ "total", FIELD_INT, REQUIRED, P(total), ROUTER_ROUTES_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct router_serve, member)
static const struct field serve_fields[] = {
	{ "channels", FIELD_FDS, REQUIRED, P(channels), WIRE_OWNERS_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct router_probe, member)
static const struct field probe_fields[] = {
	{ "route", FIELD_OBJ, REQUIRED, P(route), 0, router_route_fields,
	    sizeof(struct router_route) },
	{ "result", FIELD_FD, REQUIRED, P(result) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct router_probed, member)
const struct field router_probed_fields[] = {
	{ "ok", FIELD_BOOL, OPTIONAL, P(ok) },
	{ "url", FIELD_STR, OPTIONAL, P(url), 2 * WIRE_PATH_MAX },
	{ "protocol", FIELD_STR, OPTIONAL, P(protocol), WIRE_NAME_MAX },
	{ "why", FIELD_STR, OPTIONAL, P(why), WIRE_TEXT_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct router_status, member)
static const struct field status_fields[] = {
	{ "pid", FIELD_INT, REQUIRED, P(pid), INT32_MAX },
	{ "workers", FIELD_INT, REQUIRED, P(workers) },
	{ "connections", FIELD_INT, REQUIRED, P(connections) },
	{ 0 },
};
#undef P

const struct method router_set_routes_method = {
	.name = "SetRoutes",
	.doc = "Replaces all routes, piece by piece; requests under way "
	       "finish on theirs.",
	.params = set_routes_fields,
	.params_size = sizeof(struct router_set_routes),
};

const struct method router_serve_method = {
	.name = "Serve",
	.doc = "Takes a channel of connections for each worker.",
	.params = serve_fields,
	.params_size = sizeof(struct router_serve),
};

const struct method router_probe_method = {
	.name = "Probe",
	.doc = "Asks the model at the end of a route something small.",
	.params = probe_fields,
	.params_size = sizeof(struct router_probe),
};

const struct method router_status_method = {
	.name = "GetStatus",
	.doc = "Says how it is.",
	.reply = status_fields,
	.reply_size = sizeof(struct router_status),
};

const struct method router_events_method = {
	.name = "Events",
	.doc = "Tells what was asked of models, in batches.",
	.reply = events_fields,
	.reply_size = sizeof(struct log_events),
	.flags = METHOD_MORE,
};

static const struct method *const methods[] = { &router_set_routes_method,
	&router_serve_method, &router_probe_method, &router_status_method,
	&router_events_method, NULL };

const struct interface router_interface = {
	.name = "io.openshell.Router",
	.doc = "What gatewayd asks of routerd.",
	.methods = methods,
};

size_t
router_channel_of(const char *sandbox, size_t n)
{
	return n > 0 ? hash_text(HASH_START, sandbox) % n : 0;
}
