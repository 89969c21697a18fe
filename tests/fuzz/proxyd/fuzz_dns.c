/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_dns.c - queries: whatever comes, the answer is whole and says so. */
#include <assert.h>
#include <string.h>

#include "proxyd/dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct in_addr a = { htonl(0xc6120005) };
	uint8_t out[DNS_ANSWER_MAX];
	struct dns_query q, again;
	enum dns_rcode rcode;
	struct error e;
	size_t n;

	rcode = dns_query_parse(data, size, &q, &e);
	if (rcode == DNS_DROP)
		return 0;
	n = dns_answer(&q, rcode, rcode == DNS_NOERROR ? &a : NULL, 1, out);
	assert(n >= 12 && n <= sizeof(out));
	assert(memcmp(out, data, 2) == 0);
	assert(dns_query_parse(out, n, &again, &e) == DNS_DROP);
	if (rcode == DNS_NOERROR)
		assert(
		    strlen(q.name) <= DNS_NAME_MAX &&
		    strspn(q.name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") ==
			strlen(q.name));
	return 0;
}
