/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_standalone.c - a file of routes: a table, or an error that names it. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "routerd/backend.h"
#include "routerd/standalone.h"
#include "routerd/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct scopes nobody = { "", "" };
	const struct api_request chat = { .protocol = PROTOCOL_CHAT };
	const struct route *r;
	struct table *t;
	struct error e;

	if (standalone_parse("routes", (const char *)data, size, &t, &e) < 0) {
		assert(e.code == ERR_INVALID || e.code == ERR_LIMIT);
		return 0;
	}
	if (table_choose(t, &nobody, &chat, NULL, &r) == CHOICE_OK)
		assert(r->backend != NULL && r->authority.port != 0 &&
		       (r->is_mock || strncmp(r->origin, "http", 4) == 0) &&
		       backend_offers(r->backend, PROTOCOL_CHAT));
	table_unref(t);
	return 0;
}
