/* SPDX-License-Identifier: Apache-2.0 */
/* hash.c - what a revision is known by: policy_hash() of policy.h. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/policy/policy.h"

void
policy_hash(const struct policy *p, char hex[65])
{
	autofree char *json = policy_to_json(p);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(json, strlen(json), digest, &n, EVP_sha256(), NULL) != 1)
		abort(); /* out of memory */
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
}
