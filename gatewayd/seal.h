/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.h - secrets at rest: AES-256-GCM (NIST SP 800-38D) under one key.
 *
 * The key comes from $CREDENTIALS_DIRECTORY/openshell-key (systemd.exec(5)) or
 * from a file of 32 bytes, mode 0600, that the first start makes.  What is
 * sealed is bound to its place by a label ("sandbox/<id>/ca-key"): moved to
 * another row it doesn't open.
 */
#ifndef GATEWAYD_SEAL_H
#define GATEWAYD_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define SEAL_KEY_LEN 32
#define SEAL_OVERHEAD 29 /* version, nonce, tag */

struct seal;

/* ERR_DENIED if the file can be read by others or isn't ours. */
int seal_open(const char *path, struct seal **ret, struct error *);
void seal_free(struct seal *); /* wipes the key */

/* ret has len + SEAL_OVERHEAD bytes. */
void seal_lock(const struct seal *, const char *label, const void *secret,
    size_t len, uint8_t *ret);
/* An owned C string (len - SEAL_OVERHEAD bytes and a NUL), to be wiped by the
 * caller.  ERR_DENIED if the key or the label is another or a byte changed. */
int seal_unlock(const struct seal *, const char *label, const void *sealed,
    size_t len, char **ret, struct error *);

#endif
