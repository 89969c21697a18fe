/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - the routes there are, and which one a request takes.
 *
 * A table is immutable and counted: a request under way keeps the one that it
 * began with.  Secrets are wiped with it.
 */
#ifndef ROUTERD_TABLE_H
#define ROUTERD_TABLE_H

#include <stdint.h>

#include "common/error.h"
#include "common/http/authority.h"
#include "routerd/api.h"

struct backend;
struct privacy_matcher;
struct router_set_routes;

#define TABLE_FALLBACKS_MAX 8

struct route {
	char *scope;
	char *name;
	char *provider;
	char *model; /* NULL: as the client says */
	char *key;   /* a secret; NULL: none is sent */
	char *access_key;
	char *session_token;
	char *region;
	int64_t expires_at_ms; /* the first end of a key; 0: none */
	const struct backend *backend;
	unsigned protocols; /* bits of what it offers of its backend's */
	bool is_mock;       /* there is no backend: mock.h answers */
	bool is_broken; /* something is wrong with it: backend may be NULL */
	bool is_tls;
	struct http_authority authority; /* its port is set */
	char *origin;                    /* "https://api.example.com:443" */
	char *host;                      /* the field: "api.example.com" */
	char *base_path;                 /* "/v1", "" */
	struct redact *redact; /* its secrets, should a backend echo them */
	struct privacy_matcher *privacy; /* NULL: bodies go as they are */
	char *reroute;                   /* whom its section reroutes to */
	int64_t timeout_ms;
	int64_t requests_per_minute; /* of each sandbox; 0: no bound */
	int64_t tokens_per_minute;
	int64_t concurrent;
	char *fallbacks[TABLE_FALLBACKS_MAX + 1]; /* ends with NULL */
};

struct table;

/* Whose routes a connection may take: first its sandbox's, then its owner's. */
struct scopes {
	const char *sandbox;
	const char *owner;
};

/*
 * Strict: all or none; ERR_INVALID and ERR_LIMIT name the route that is wrong.
 * Else that one is closed, and the log says why: it is found, so that no other
 * takes its place, and isn't asked; 0 always.
 */
int table_new(const struct router_set_routes *, bool is_strict,
    struct table **ret, struct error *);
/*
 * Takes a piece of all routes; those that can't be asked are closed.  *coming
 * is what came so far, or NULL; with the last piece it takes *live's place.
 * ERR_PROTOCOL if it doesn't follow those that came: they are forgotten.
 */
int table_take(struct table **coming, struct table **live,
    const struct router_set_routes *, struct error *);
struct table *table_ref(struct table *);
void table_unref(struct table *); /* NULL is fine */
/* Of one that isn't empty. */
const struct route *table_first(const struct table *);

/* Isn't to be asked: it is broken, or its key has expired. */
bool route_is_closed(const struct route *);
bool route_offers(const struct route *, enum protocol);

enum choice {
	CHOICE_OK,
	CHOICE_NONE,         /* no route is configured for it */
	CHOICE_INCOMPATIBLE, /* none that speaks this protocol */
};

/* By the path's prefix, else the body's model as an alias (NULL: none), else
 * the default; the sandbox's own before its owner's. */
enum choice table_choose(const struct table *, const struct scopes *,
    const struct api_request *, const char *model, const struct route **ret);
/* The nth to try after `route`; NULL: no more. */
const struct route *table_fallback(const struct table *, const struct scopes *,
    const struct route *, enum protocol, size_t n);
/* The one that route->reroute names: of a sandbox's route, the sandbox's own
 * before its owner's; of an owner's, the owner's.  NULL: there is none. */
const struct route *table_reroute(
    const struct table *, const struct scopes *, const struct route *);

#endif
