/* SPDX-License-Identifier: Apache-2.0 */
/* pairs.h - KEY=VALUE arguments: --env, --label, --selector. */
#ifndef CLI_PAIRS_H
#define CLI_PAIRS_H

#include "common/field.h"

struct cJSON;
struct list;

/* Both: -1 and an error said that names the flag.  ret is owned. */
int pairs_parse(const char *flag, const struct list *, struct pairs *ret);
int pairs_parse_selector(const char *text, struct pairs *ret);
/* One more; it doesn't change one that is there. */
void pairs_add(struct pairs *, const char *name, const char *value);
void pairs_clear(struct pairs *);

struct cJSON *pairs_to_json(const struct pairs *);

#endif
