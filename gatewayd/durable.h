/* SPDX-License-Identifier: Apache-2.0 */
/*
 * durable.h - files of ours that a crash must not spoil.
 *
 * When these return 0 the change is on the disk.  A crash at any point leaves
 * what was there before or what is there afterwards, and perhaps a hidden file
 * beside it (".NAME.new"), which durable_clean() or the next change of the
 * same file removes.
 */
#ifndef GATEWAYD_DURABLE_H
#define GATEWAYD_DURABLE_H

#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

/* path is absolute; what it names is replaced as a whole. */
int durable_write(const char *path, const void *data, size_t len, mode_t mode,
    struct error *);
/* Wipes and removes what a crash left beside path; nothing is fine. */
int durable_clean(const char *path, struct error *);
/* Overwrites what is in a file, where the file system writes in place;
 * elsewhere nothing more can be done. */
void durable_wipe(int fd);
/* One that isn't there is fine. */
int durable_remove(const char *path, struct error *);

#endif
