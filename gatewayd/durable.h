/* SPDX-License-Identifier: Apache-2.0 */
/*
 * durable.h - files of ours that a crash must not spoil.
 *
 * When these return 0 the change is on the disk.  A crash at any point leaves
 * what was there before or what is there afterwards, and perhaps a hidden file
 * beside it (".NAME.new"), which the next change of the same file removes.
 */
#ifndef GATEWAYD_DURABLE_H
#define GATEWAYD_DURABLE_H

#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

/* path is absolute; what it names is replaced as a whole. */
int durable_write(const char *path, const void *data, size_t len, mode_t mode,
    struct error *);
/* One that isn't there is fine. */
int durable_remove(const char *path, struct error *);

#endif
