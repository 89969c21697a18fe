/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_client_hello.c - a verdict once given stays, whatever comes behind,
 * and a name is one in the host grammar.
 */
#include <assert.h>

#include "proxyd/client_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum client_hello_kind kind, before;
	char host[HTTP_HOST_MAX + 1];
	enum http_host_kind host_kind;
	struct client_hello h;
	struct error e;

	before = client_hello_parse(data, size / 2, &h, &e);
	kind = client_hello_parse(data, size, &h, &e);
	if (before == CLIENT_HELLO_NOT_TLS || before == CLIENT_HELLO_BAD)
		assert(kind == before);
	if (before == CLIENT_HELLO_TLS)
		assert(kind == CLIENT_HELLO_TLS);
	if (kind != CLIENT_HELLO_TLS || h.sni[0] == '\0')
		return 0;
	assert(http_host_parse((struct http_slice){ h.sni, strlen(h.sni) },
		   host, &host_kind, &e) == 0);
	assert(host_kind == HTTP_HOST_NAME && strcmp(host, h.sni) == 0);
	return 0;
}
