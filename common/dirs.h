/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dirs.h - where things lie: DESIGN's table of runtime, state and
 * configuration directories, for the system and for a person.
 *
 * The system's are used by uid 0 and by the user "openshell"; anyone else is
 * a person.  OPENSHELL_RUNTIME_DIR, OPENSHELL_STATE_DIR and
 * OPENSHELL_CONFIG_DIR override each.
 */
#ifndef COMMON_DIRS_H
#define COMMON_DIRS_H

#include <stdbool.h>

#include "common/error.h"

struct dirs {
	char *runtime; /* sockets, 0700 */
	char *state;
	char *config;
};

/* Fills ret with owned paths; makes nothing. */
int dirs_find(struct dirs *ret, struct error *);
void dirs_clear(struct dirs *);

/* Refuses (ERR_DENIED) a last component that is a symlink, belongs to somebody
 * else or can be written by others. */
int dirs_check(const char *path, struct error *);
/* Makes path and its missing parents, 0700, and checks what it got. */
int dirs_make(const char *path, struct error *);

/* Absolute, not "/", without "", "." and ".." between its slashes. */
bool dirs_is_plain(const char *path);
/* Is path dir itself or below it?  As text: both are plain. */
bool dirs_is_within(const char *path, const char *dir);

#endif
