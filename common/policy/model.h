/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.h - struct policy from inside: the schema's objects as C structs.
 *
 * For this folder only.  Strings are owned by the policy; host names and hosts'
 * patterns are in lower case, methods in upper case.
 */
#ifndef COMMON_POLICY_MODEL_H
#define COMMON_POLICY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/policy/address.h"
#include "common/policy/policy.h"

#define POLICY_PATHS_MAX 256 /* of the file system, all lists together */
#define POLICY_PATH_MAX 4096 /* bytes */
#define POLICY_NAME_MAX 253  /* bytes of a block's name */
#define POLICY_BLOCKS_MAX 256
#define POLICY_ENDPOINTS_MAX 1024 /* of all blocks */
#define POLICY_LIST_MAX 256       /* binaries, rules, ports, ... of one list */

/* Where something stands in the author's text. */
struct place {
	unsigned line;
	unsigned column;
};

struct string_list {
	char **v;
	struct place *at; /* where each stands */
	size_t n;
};

enum protocol { PROTOCOL_NONE, PROTOCOL_TCP, PROTOCOL_REST };
enum tls_mode { TLS_AUTO, TLS_SKIP };
enum enforcement { ENFORCEMENT_AUDIT, ENFORCEMENT_ENFORCE };
enum access { ACCESS_NONE, ACCESS_READ_ONLY, ACCESS_READ_WRITE, ACCESS_FULL };

struct query_rule {
	char *name;
	struct string_list globs; /* any of them */
	bool any;                 /* was written {any: [..]} */
};

struct rule {
	char *method;
	char *path;
	struct query_rule *query;
	size_t n_query;
	struct place place;
};

struct rule_list {
	struct rule *v;
	size_t n;
};

struct endpoint {
	char *host; /* "" with allowed_ips: any */
	uint16_t *ports;
	size_t n_ports;
	char *path; /* "" is all */
	int protocol;
	int tls;
	int enforcement;
	bool has_enforcement; /* the key was written */
	int access;
	struct rule_list rules;
	bool has_rules;
	struct rule_list deny_rules;
	bool has_deny_rules;
	struct string_list allowed_ips;
	bool allow_encoded_slash;
	int signing; /* enum policy_signing */
	char *signing_service;
	char *signing_region;
	char *provider; /* credential_binding.provider */
	bool rewrite_body;
	bool allow_uninspected;
	struct place place;
};

struct binary {
	char *path;
	bool ancestors;
	struct place place;
};

struct block {
	char *key;
	char *name; /* NULL: the key */
	struct endpoint *endpoints;
	size_t n_endpoints;
	struct binary *binaries;
	size_t n_binaries;
	struct place place;
};

struct policy {
	unsigned references;
	bool has_filesystem;
	bool include_workdir;
	struct string_list read_only;
	struct string_list read_write;
	int landlock;
	char *run_as_user;
	char *run_as_group;
	struct place filesystem_at;
	struct place process_at;
	struct block *blocks; /* sorted by key */
	size_t n_blocks;
};

/* One more reference to an immutable policy; policy_free() drops one. */
struct policy *policy_ref(const struct policy *);

/*
 * Collects violations and warnings with the path of the object at hand.
 */
struct report {
	struct violations *bad;
	struct violations *warnings; /* may be NULL */
	size_t misread;    /* violations of the reading: what they are about has
			    * no value to judge, and is not told of again */
	bool is_effective; /* of gatewayd: blocks of providers are fine */
	char path[512];
	size_t path_len;
};

/* Appends ".name" or "[index]"; returns what report_leave() needs. */
size_t report_enter(struct report *, const char *name);
size_t report_enter_index(struct report *, size_t index);
void report_leave(struct report *, size_t before);
void report_bad(struct report *, struct place, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void report_warn(struct report *, struct place, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* What the schema can't say about one object: validate.c. */
void policy_validate(const struct policy *, struct report *);
/* What endpoints that may meet must agree on: ambiguity.c. */
void policy_check_ambiguity(const struct policy *, struct report *);

/* A host of the policy language: is it one, is it a pattern, a literal? */
bool host_is_pattern(const char *host);
/* NULL, or what is wrong with it. */
const char *host_pattern_error(const char *host);

#endif
