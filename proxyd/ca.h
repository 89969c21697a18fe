/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ca.h - a sandbox's own certificate authority, and the leaves it signs.
 *
 * Leaves share one P-256 key, are made when a name is first needed, and are
 * kept: CA_LEAVES_MAX of them, the least recently used goes first.  A client
 * that cycles through names costs at most CA_SIGN_PER_S signatures a second.
 */
#ifndef PROXYD_CA_H
#define PROXYD_CA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define CA_LEAVES_MAX 256
#define CA_SIGN_PER_S 200
#define CA_LEAF_DAYS 7

struct ca;
struct tls_leaf;
struct ssl_ctx_st;

/* ERR_INVALID if the two aren't PEM of an authority and its key. */
int ca_new(
    const char *cert_pem, const char *key_pem, struct ca **ret, struct error *);
void ca_free(struct ca *);

/* The leaf for a host, lent until the next call; connections made with it
 * keep what they need.  ERR_LIMIT if too many were asked for. */
int ca_leaf(struct ca *, const char *host, bool is_literal, int64_t now_s,
    const struct tls_leaf **ret, struct error *);

/* For tls.c. */
struct ssl_ctx_st *tls_leaf_context(const struct tls_leaf *);

#endif
