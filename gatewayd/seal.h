/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal.h - secrets at rest: AES-256-GCM (NIST SP 800-38D) under one key.
 *
 * The key comes from $CREDENTIALS_DIRECTORY/openshell-key (systemd.exec(5)) or
 * from a file of 32 bytes, mode 0600, that the first start makes.  What is
 * sealed is bound to its place by a label ("sandbox/<id>/ca-key"): moved to
 * another row it doesn't open.
 *
 * While the key is being changed the file holds two, the old one first: what
 * is sealed opens with either, and is sealed with the new one.  So the file
 * and the database need not change in one step: see rotate.h.
 */
#ifndef GATEWAYD_SEAL_H
#define GATEWAYD_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define SEAL_KEY_LEN 32
#define SEAL_OVERHEAD 29 /* version, nonce, tag */

struct seal;

/* ERR_DENIED if the file can be read by others or isn't ours, ERR_NOT_FOUND if
 * there is none and none may be made: something is sealed already.  What a
 * crash left of a change of the file at path is wiped. */
int seal_open(
    const char *path, bool may_make, struct seal **ret, struct error *);
void seal_free(struct seal *); /* wipes the key */
/* The file that the key is from. */
const char *seal_path(const struct seal *);

/* ret has len + SEAL_OVERHEAD bytes. */
void seal_lock(const struct seal *, const char *label, const void *secret,
    size_t len, uint8_t *ret);
/* An owned C string (len - SEAL_OVERHEAD bytes and a NUL), to be wiped by the
 * caller.  ERR_DENIED if the key or the label is another or a byte changed. */
int seal_unlock(const struct seal *, const char *label, const void *sealed,
    size_t len, char **ret, struct error *);
/* Unlocks, and locks in the same place with the newest key. */
int seal_renew(const struct seal *, const char *label, void *sealed, size_t len,
    struct error *);

/* Are there two keys? */
bool seal_has_two(const struct seal *);
/* Makes a new key beside the old one.  When it returns 0 both are on the disk.
 * ERR_PRECONDITION if the key's file isn't ours to change. */
int seal_begin(struct seal *, struct error *);
/* The old one goes, from the disk too: nothing may be sealed with it any more.
 * ERR_PRECONDITION as above. */
int seal_end(struct seal *, struct error *);

#endif
