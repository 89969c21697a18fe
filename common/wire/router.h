/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router.h - io.openshell.Router: what gatewayd asks of routerd.
 *
 * routerd keeps nothing on disk: after it came back gatewayd sets its routes
 * and its channels again.
 *
 * A channel is a SOCK_SEQPACKET pair between proxyd and one worker of routerd.
 * Each connection to inference.local is one message on it: the sandbox's id, a
 * space and its owner's scope, with one end of a stream socket as SCM_RIGHTS,
 * on which the sandbox speaks HTTP/1.1.  A sandbox's connections all go to the
 * same worker (router_channel_of()), so that its budgets need no other's
 * memory.
 */
#ifndef COMMON_WIRE_ROUTER_H
#define COMMON_WIRE_ROUTER_H

#include <stddef.h>
#include <stdint.h>

#include "common/varlink/varlink.h"
#include "common/wire/event.h"

#define ROUTER_ROUTES_MAX 1024
#define ROUTER_KEY_MAX 8192
#define ROUTER_PRIVACY_MAX 65536

/* The routes that everybody knows by these names. */
#define ROUTER_DEFAULT "inference.local"
#define ROUTER_SYSTEM "sandbox-system"

/* The message of an event that says what was used: sums, and nothing to show.
 */
#define ROUTER_USAGE "INFERENCE_USAGE"

extern const struct interface router_interface;

struct router_route {
	const char *scope;        /* a sandbox's id, or its owner's scope */
	const char *name;         /* ROUTER_DEFAULT, or an alias */
	const char *provider;     /* its name, also a prefix of paths */
	const char *type;         /* of the provider: "openai", "anthropic" */
	const char *endpoint;     /* base URL; NULL: the route can't be asked */
	struct strings protocols; /* offered; empty: all that its type speaks */
	const char *model;
	const char *key;           /* a secret: memory only */
	const char *access_key;    /* aws-bedrock: its id, and region; key is */
	const char *session_token; /* the secret one */
	const char *region;
	int64_t expires_at_ms;    /* the first of these; 0: never */
	int64_t timeout_s;        /* of an answer that isn't streamed; 0: 60 */
	struct strings fallbacks; /* names of routes in the same scope */
	/* Of one sandbox on this route; 0: without bounds. */
	int64_t requests_per_minute;
	int64_t tokens_per_minute;
	int64_t concurrent;
	const char *privacy; /* JSON, or NULL */
};

extern const struct field router_route_fields[];

/*
 * A piece of all routes: any one fits a message, and all together needn't.
 * They take the place of those before at once, when the last has come; a piece
 * that doesn't follow the one before is refused, and with it those to come.
 */
struct router_set_routes {
	struct objects routes; /* struct router_route */
	int64_t from;          /* how many came before; 0 begins anew */
	int64_t total;         /* of all pieces */
};

struct router_serve {
	struct fds channels; /* one a worker; the ones before are closed */
};

/*
 * Is there a model at the end of a route?  The call is answered at once; the
 * result comes on the descriptor, as JSON of a struct router_probed, and its
 * end: a backend may take long, and other calls mustn't wait for it.
 */
struct router_probe {
	struct router_route *route;
	int result; /* descriptor */
};

struct router_probed {
	bool ok;
	const char *url; /* that was asked last */
	const char *protocol;
	const char *why; /* it isn't ok; for people */
};
extern const struct field router_probed_fields[];

struct router_status {
	int64_t pid;
	int64_t workers;
	int64_t connections;
};

extern const struct method router_set_routes_method;
extern const struct method router_serve_method;
extern const struct method router_probe_method;
extern const struct method router_status_method;
extern const struct method router_events_method; /* more */

/* Which of n channels a sandbox's connections take. */
size_t router_channel_of(const char *sandbox, size_t n);

#endif
