/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile.h - what gatewayd knows of each type of provider: a YAML file each.
 *
 * Files are in share/openshell/providers of the installation and in providers/
 * of the configuration; of two with one id the configuration's counts.  A file
 * says which environment variables hold the credentials, where they may go,
 * and which programs may use them there:
 *
 *	id: github
 *	aliases: [gh]
 *	display_name: GitHub
 *	category: source_control
 *	inference_capable: false
 *	credentials:
 *	  - env_vars: [GITHUB_TOKEN, GH_TOKEN]
 *	    refresh:            # how such a one is fetched anew; or nothing
 *	      strategy: oauth2-refresh-token
 *	      token_url: https://github.com/login/oauth/access_token
 *	      material: {client_id: abc}    # defaults; no secrets
 *	endpoints: ...          # as in a policy's network_policies
 *	binaries: ...           # the same; without them no rule is added
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

struct profile_endpoint {
	const char *host;
	int64_t port;
	const char *path; /* glob; NULL: all */
};

/* refresh.h; what an operator says goes before it. */
struct profile_refresh {
	struct strings keys; /* of the credentials that it is for */
	const char *strategy;
	const char *token_url; /* or NULL */
	struct pairs material;
};

struct profile {
	TAILQ_ENTRY(profile) next;
	struct arena arena; /* of everything here */
	const char *id;
	const char *display_name;
	const char *category;
	bool inference_capable;
	struct strings aliases;
	struct strings variables; /* environment, of all credentials */
	struct profile_refresh *refreshes;
	size_t n_refreshes;
	struct profile_endpoint *endpoints;
	size_t n_endpoints;
	const char *block; /* canonical JSON of its policy block, or NULL */
};

TAILQ_HEAD(profiles, profile);

/* Pure: one file's text. */
int profile_parse(
    const char *text, size_t n, struct profile **ret, struct error *);
void profile_free(struct profile *);

/* NULL: it says nothing for that credential. */
const struct profile_refresh *profile_refresh(
    const struct profile *, const char *key);

/* Files that can't be read are named in the log and passed over. */
void profiles_load(struct profiles *, const char *config_dir);
void profiles_clear(struct profiles *);
/* By id or alias; NULL: none. */
const struct profile *profile_find(const struct profiles *, const char *type);

#endif
