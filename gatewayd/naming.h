/* SPDX-License-Identifier: Apache-2.0 */
/* naming.h - names and ids of sandboxes, names of credentials. */
#ifndef GATEWAYD_NAMING_H
#define GATEWAYD_NAMING_H

#include "common/error.h"

#define NAMING_ID_SIZE 37 /* a UUID (RFC 9562) and a NUL */

/* A DNS label (RFC 1123): lower-case letters, digits and inner hyphens, at
 * most 63 bytes.  ERR_INVALID says what is wrong with it. */
int naming_check(const char *name, struct error *);
/* Two words with a hyphen; owned. */
char *naming_make(void);
/* A credential's key: an environment variable's name, and none of the forms
 * that placeholders have for themselves. */
int naming_check_key(const char *key, struct error *);
/* A random UUID, version 4. */
void naming_make_id(char ret[NAMING_ID_SIZE]);

#endif
