/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile.h - what gatewayd knows of each type of provider: a YAML file each.
 *
 * A file says which environment variables hold the credentials, where they may
 * go, and which programs may use them there:
 *
 *	id: github
 *	aliases: [gh]
 *	display_name: GitHub
 *	description: reading, clone and fetch
 *	category: source_control  # or other, inference, agent, messaging, ...
 *	inference_capable: false
 *	credentials:
 *	  - name: token
 *	    env_vars: [GITHUB_TOKEN, GH_TOKEN]
 *	    required: true          # a provider must have one of env_vars
 *	    auth_style: header      # or basic, bearer, query, path
 *	    header_name: X-Token    # query_param, path_template
 *	    refresh:                # how it is fetched anew; or nothing
 *	      strategy: oauth2-refresh-token
 *	      token_url: https://github.com/login/oauth/access_token
 *	      material: {client_id: abc}    # defaults; no secrets
 *	discovery:
 *	  credentials: [token] # what --from-existing looks for; default: all
 *	endpoints: ...         # as in a policy's network_policies
 *	binaries: ...          # the same; without them no rule is added
 *
 * How a service wants its credential (auth_style and what goes with it) is
 * checked, and decides how its models are asked (models.h), if it has any.  A
 * placeholder is resolved wherever it stands in a request to one of the
 * endpoints.
 */
#ifndef GATEWAYD_PROFILE_H
#define GATEWAYD_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/error.h"
#include "common/field.h"
#include "common/varlink/arena.h"

#define PROFILE_FILE_MAX 65536
#define PROFILES_MAX 256
#define PROFILE_LIST_MAX 64 /* of each of its lists */

struct violations;

struct profile_endpoint {
	const char *host;
	int64_t port;
	const char *path; /* glob; NULL: all */
};

/* refresh.h; what an operator says goes before it. */
struct profile_refresh {
	const char *strategy;  /* NULL: it isn't refreshed */
	const char *token_url; /* or NULL */
	struct pairs material; /* defaults; no secrets */
};

struct profile_credential {
	const char *name;         /* or NULL */
	struct strings variables; /* environment */
	bool required;
	const char *auth_style; /* or NULL; what it takes: */
	const char *header_name;
	const char *query_param;
	const char *path_template;
	struct profile_refresh refresh;
};

struct profile {
	TAILQ_ENTRY(profile) next;
	struct arena arena; /* of everything here */
	const char *id;
	unsigned line; /* of the id, in its file */
	unsigned column;
	const char *display_name;
	const char *description; /* or NULL */
	const char *category;
	bool inference_capable;
	struct strings aliases;
	struct profile_credential *credentials;
	size_t n_credentials;
	struct strings variables; /* of all that are discovered */
	struct profile_endpoint *endpoints;
	size_t n_endpoints;
	const char *block; /* canonical JSON of its policy block, or NULL */
	const char *text;  /* the file, as it was written */
	const char *path;  /* of it; NULL: it isn't in one yet */
	bool is_built_in;
};

TAILQ_HEAD(profiles, profile);

/*
 * Pure: one file's text.  -1 with at least one violation, each with its line
 * and key ("credentials[0].auth_style").  warnings may be NULL.  The caller
 * clears both.
 */
int profile_parse(const char *text, size_t n, struct profile **ret,
    struct violations *bad, struct violations *warnings);
void profile_free(struct profile *); /* NULL is fine */

/* NULL: it says nothing for that credential. */
const struct profile_refresh *profile_refresh(
    const struct profile *, const char *key);

/* Is it called so, by its id or an alias? */
bool profile_is_called(const struct profile *, const char *name);
/* By id or alias; NULL: none. */
const struct profile *profile_find(const struct profiles *, const char *type);

#endif
