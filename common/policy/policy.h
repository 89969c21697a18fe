/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - the policy language: parse, validate, write, compile, decide.
 *
 * Pure functions: no I/O, no clock, no log.  gatewayd, proxyd, supervisord and
 * `openshell policy check` use the same code, so that they can't disagree.
 *
 *	text --policy_parse--> struct policy --policy_compile--> struct matcher
 *	                         |                                  |
 *	                 policy_to_json/yaml            matcher_connect/_request
 *
 * Input is hostile: at most POLICY_TEXT_MAX bytes, YAML without anchors,
 * aliases and tags, nested at most 16 deep; every violation is reported with
 * its line and column, POLICY_VIOLATIONS_MAX of them.  JSON is YAML: the
 * canonical form parses with the same function.
 */
#ifndef COMMON_POLICY_POLICY_H
#define COMMON_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/error.h"
#include "common/field.h"

#define POLICY_TEXT_MAX 262144
#define POLICY_VIOLATIONS_MAX 64

struct policy;  /* validated; immutable */
struct matcher; /* compiled; immutable */
struct yaml_node;

struct violation {
	unsigned line; /* from 1; 0: unknown */
	unsigned column;
	char *path; /* "network_policies.github.endpoints[0].port" */
	char *message;
};

/* What is wrong with a text (or only odd with it: warnings). */
struct violations {
	struct violation v[POLICY_VIOLATIONS_MAX];
	size_t n;
	bool more; /* there were more than fit */
};
void violations_clear(struct violations *);

/*
 * -1 with at least one violation if the text is not a valid policy.  warnings
 * may be NULL.  The caller clears both.
 */
int policy_parse(const char *text, size_t len, struct policy **ret,
    struct violations *bad, struct violations *warnings);
/* The same for what gatewayd composed: with the rules of providers, in blocks
 * whose names nobody else may use. */
#define POLICY_PROVIDER_PREFIX "_provider_"
int policy_parse_effective(
    const char *text, size_t len, struct policy **ret, struct violations *bad);
/* The same for one block of network_policies whose parts stand in a document
 * of another kind: a policy of nothing but that block.  Without binaries
 * (NULL) it is for every program. */
int policy_parse_block(const char *name, const struct yaml_node *endpoints,
    const struct yaml_node *binaries, struct policy **ret,
    struct violations *bad, struct violations *warnings);
void policy_free(struct policy *);

/* The restrictive policy that a sandbox gets when nobody gives one. */
extern const char policy_default_text[];

/* The canonical form: keys sorted, defaults left out; lossless.  Owned by the
 * caller.  The same policy gives the same bytes, whatever its layout was. */
char *policy_to_json(const struct policy *);
char *policy_to_yaml(const struct policy *);
/* SHA-256 of the canonical JSON, 64 hex digits and a NUL. */
void policy_hash(const struct policy *, char hex[65]);

/* The static sections, for supervisord.  Borrowed from the policy. */
enum policy_landlock { POLICY_BEST_EFFORT, POLICY_HARD_REQUIREMENT };
struct policy_static {
	bool include_workdir;
	const char *const *read_only;
	size_t n_read_only;
	const char *const *read_write;
	size_t n_read_write;
	enum policy_landlock landlock;
	const char *run_as_user; /* NULL: sandbox */
	const char *run_as_group;
};
void policy_get_static(const struct policy *, struct policy_static *ret);

/*
 * May a live sandbox that was created with old go on with new?  Paths may be
 * added to filesystem_policy, nothing else of the static sections may change.
 * -1 with ERR_INVALID that names the section and the path.
 */
int policy_check_update(
    const struct policy *old, const struct policy *new, struct error *);

/* Every binary path without a glob, once: for the caller to resolve symlinks
 * inside the sandbox.  Borrowed from the policy; the array is the caller's. */
size_t policy_binaries(const struct policy *, const char ***ret);

/*
 * links: where binary paths of the policy lead inside the sandbox; the target
 * is accepted besides the path itself.
 */
struct matcher *policy_compile(
    const struct policy *, const struct pair *links, size_t n_links);
void matcher_free(struct matcher *);

/* Who asks. */
struct caller {
	const char *exe; /* NULL: unknown, which no entry matches */
	const char *const *ancestors; /* nearest first */
	size_t n_ancestors;
};

enum verdict { VERDICT_DENY, VERDICT_ALLOW, VERDICT_AUDIT };
enum policy_layer { LAYER_L4, LAYER_SSRF, LAYER_L7 };

/* How the bytes of a connection are to be treated. */
enum inspection {
	INSPECT_AUTO, /* no rules: TLS is opened, HTTP is parsed, but all passes
		       */
	INSPECT_REST, /* every request is judged */
	INSPECT_NONE, /* tls: skip, or protocol: tcp: spliced */
};

#define DECISION_REASON_MAX 512

struct decision {
	enum verdict verdict;
	enum policy_layer layer;
	const char *policy; /* name of the block, or NULL; borrowed */
	int endpoint;       /* index in the block, or -1 */
	int rule;           /* index in rules (allow) or deny_rules, or -1 */
	enum inspection inspection;       /* of matcher_connect */
	char reason[DECISION_REASON_MAX]; /* of a denial, else "" */
};

/*
 * Host, port and caller.  host is a name or an address literal, as the client
 * gave it; it is checked against host-name grammar first.
 */
void matcher_connect(const struct matcher *, const char *host, uint16_t port,
    const struct caller *, struct decision *ret);

/*
 * One request inside a connection that matcher_connect allowed.  path is
 * canonical and without query (http/path.h), query is raw or NULL.
 * VERDICT_AUDIT: a rule denies, but the endpoint only audits.
 */
void matcher_request(const struct matcher *, const char *host, uint16_t port,
    const struct caller *, const char *method, const char *path,
    const char *query, struct decision *ret);

/* Is this a name that sandboxes have for the host they run on?  It stands for
 * the host's loopback, and a policy must name it exactly. */
bool policy_is_host_alias(const char *host);

/* Does the endpoint that governs this path keep %2F in it? */
bool matcher_allows_encoded_slash(const struct matcher *, const char *host,
    uint16_t port, const struct caller *, const char *path);

/* How secrets get into a request (common/credential/). */
enum policy_signing {
	POLICY_NO_SIGNING,
	POLICY_SIGV4, /* the payload's hash as the request has it */
	POLICY_SIGV4_BODY,
	POLICY_SIGV4_NO_BODY,
};

/* What the endpoint that governs a path says of credentials; borrowed. */
struct policy_credentials {
	const char *provider; /* credential_binding.provider, or NULL */
	enum policy_signing signing;
	const char *service;
	const char *region; /* NULL: as the host says */
	bool rewrite_body;
};
void matcher_credentials(const struct matcher *, const char *host,
    uint16_t port, const struct caller *, const char *path,
    struct policy_credentials *ret);

/* The providers that endpoints of this connection bind, whatever their path:
 * the i-th; NULL behind the last. */
const char *matcher_bound_provider(const struct matcher *, const char *host,
    uint16_t port, const struct caller *, size_t i);
/* Do all endpoints of this connection say allow_uninspected_credentials? */
bool matcher_allows_uninspected(const struct matcher *, const char *host,
    uint16_t port, const struct caller *);

/*
 * The SSRF guard: may this connection, which matcher_connect allowed, go to
 * these addresses?  All must pass, by the selection order and the table of
 * common/policy/address.h.  VERDICT_DENY has a reason; detail is the class
 * that may be told to the client ("internal address").
 */
void matcher_addresses(const struct matcher *, const char *host, uint16_t port,
    const struct caller *, const struct sockaddr_storage *addresses, size_t n,
    struct decision *ret, const char **detail);

#endif
