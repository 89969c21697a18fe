/* SPDX-License-Identifier: Apache-2.0 */
/* injected.c - see injected.h. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/xalloc.h"
#include "common/credential/injected.h"

bool
injected_add(
    struct injected *in, const char *key, const char *value, size_t len)
{
	struct injected_secret *s = &in->v[in->n];

	for (size_t i = 0; i < in->n; i++)
		if (in->v[i].len == len &&
		    memcmp(in->v[i].value, value, len) == 0 &&
		    (key == NULL || (in->v[i].key != NULL &&
					strcmp(in->v[i].key, key) == 0)))
			return true;
	if (in->n == INJECTED_MAX)
		return false;
	s->key = key != NULL ? xstrdup(key) : NULL;
	s->value = xmemdup(value, len);
	s->len = len;
	in->n++;
	return true;
}

void
injected_clear(struct injected *in)
{
	for (size_t i = 0; i < in->n; i++) {
		explicit_bzero(in->v[i].value, in->v[i].len);
		free(in->v[i].value);
		free(in->v[i].key);
	}
	in->n = 0;
}

void
injected_describe(const struct injected *in, struct buf *b)
{
	for (size_t i = 0; i < in->n; i++)
		if (in->v[i].key != NULL)
			(void)buf_printf(b, "%s%s=" INJECTED_SHOWN,
			    b->len > 0 ? " " : "", in->v[i].key);
}
