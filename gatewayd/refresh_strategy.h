/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refresh_strategy.h - the ways in which a credential is fetched anew: what
 * each needs, what it asks, how it reads the answer.
 *
 *	oauth2-refresh-token        RFC 6749 6
 *	oauth2-client-credentials   RFC 6749 4.4
 *	google-service-account-jwt  RFC 7523 2.1, RS256
 *	aws-sts-assume-role         AssumeRole of the STS Query API, signed
 *(SigV4)
 *
 * Pure: no I/O, no clock.  A new way is a row of the table.
 */
#ifndef GATEWAYD_REFRESH_STRATEGY_H
#define GATEWAYD_REFRESH_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/field.h"
#include "common/http/authority.h"
#include "common/http/write.h"
#include "gatewayd/refresh_answer.h"

#define REFRESH_HEADERS_MAX 6

struct refresh_strategy;

/* NULL and e, which names those there are, if there is none of that name. */
const struct refresh_strategy *refresh_strategy_find(
    const char *name, struct error *);
const char *refresh_strategy_name(const struct refresh_strategy *);
/* The token endpoint if nobody says another; or NULL. */
const char *refresh_strategy_url(const struct refresh_strategy *);
/* The credentials that it gives together, in the order of an answer's values;
 * empty: the one that it was configured for. */
struct strings refresh_strategy_outputs(const struct refresh_strategy *);

/* Material is what the operator gives: names and values. */
bool refresh_material_is_secret(
    const struct refresh_strategy *, const char *name);
/* All that is needed and nothing else?  ERR_INVALID names what isn't so. */
int refresh_material_check(const struct refresh_strategy *,
    const struct pairs *material, struct error *);
/* NULL: not there. */
const char *refresh_material_get(const struct pairs *, const char *name);
/* The URL with {name} replaced by the material of that name, which is none of
 * the secret ones; owned.  NULL and e: there is none, or it has characters
 * that have no place in a URL. */
char *refresh_expand_url(const struct refresh_strategy *, const char *url,
    const struct pairs *material, struct error *);

/* A POST.  Zero it; everything in it may be secret. */
struct refresh_request {
	struct http_extra headers[REFRESH_HEADERS_MAX + 1];
	struct buf body;
	struct buf authorization;
	char authority[HTTP_AUTHORITY_SIZE];
	char date[32];
};
void refresh_request_clear(struct refresh_request *);

/* url is text, parsed; the material has been checked and outlives the
 * request. */
int refresh_build(const struct refresh_strategy *, const char *text,
    const struct http_url *url, const struct pairs *material, int64_t now_s,
    struct refresh_request *, struct error *);

/* See refresh_answer.h. */
enum refresh_outcome refresh_read(const struct refresh_strategy *,
    unsigned status, struct http_slice body, int64_t now_s,
    struct refresh_answer *, struct error *);

#endif
