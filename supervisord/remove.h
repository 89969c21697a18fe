/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remove.h - supervisord --remove: a sandbox's directory, with files that
 * belong to users of the caller's range.
 */
#ifndef SUPERVISORD_REMOVE_H
#define SUPERVISORD_REMOVE_H

#include "common/error.h"

/* In a user namespace of the map that sandboxes of this user have. */
int remove_tree_as_sandbox(const char *path, struct error *);

#endif
