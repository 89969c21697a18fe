/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration that is taken can be compiled, and what is written of it is
 * taken again and means the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/privacy/model.h"
#include "common/xalloc.h"

static void
check(const struct privacy *p)
{
	_cleanup_(privacy_freep) struct privacy *again = NULL;
	_cleanup_(privacy_matcher_freep) struct privacy_matcher *m = NULL;
	autofree char *json = privacy_to_json(p);
	struct error e;

	if (privacy_compile(p, &m, &e) < 0)
		abort();
	/* Escapes may make it longer than a configuration may be. */
	if (strlen(json) > PRIVACY_TEXT_MAX)
		return;
	if (privacy_parse(json, strlen(json), &again, &e) < 0)
		abort();
	autofree char *twice = privacy_to_json(again);
	if (strcmp(json, twice) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(privacy_freep) struct privacy *p = NULL;
	/* Exactly its bytes, so that a read beyond them is seen. */
	autofree char *text = xmemdup(data, size > 0 ? size : 1);
	struct error e;

	if (privacy_parse(text, size, &p, &e) == 0)
		check(p);
	return 0;
}
