/* SPDX-License-Identifier: Apache-2.0 */
/* refresh_jwt.h - JSON Web Tokens signed with RS256 (RFC 7515, RFC 7518 3.3).
 */
#ifndef GATEWAYD_REFRESH_JWT_H
#define GATEWAYD_REFRESH_JWT_H

#include "common/error.h"

struct buf;

#define REFRESH_JWT_BITS_MIN 2048 /* RFC 7518 3.3 */
#define REFRESH_JWT_BITS_MAX 4096 /* signing takes the whole gateway's time */

/* Appends header.claims.signature; both are JSON texts.  ERR_INVALID if the
 * key is no RSA private key in PEM, of these sizes, without a passphrase, or
 * if its exponent is longer than its modulus. */
int refresh_jwt_sign(struct buf *, const char *header, const char *claims,
    const char *key_pem, struct error *);

#endif
