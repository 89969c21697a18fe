/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment.h - the environment of an agent: the sandbox's own, then the
 * caller's additions.  Nothing of whoever started us.
 */
#ifndef SUPERVISORD_ENVIRONMENT_H
#define SUPERVISORD_ENVIRONMENT_H

#include "common/field.h"

/*
 * Owned, ends with NULL; environment_free().  An addition replaces what has
 * its name.  term: TERM, or NULL.
 */
char **environment_make(
    const char *sandbox, const struct pairs *added, const char *term);
void environment_free(char **);

#endif
