/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_profile.c - files that describe types of providers: a refusal always
 * says why; what is accepted is within its limits, and its rules are a policy.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/policy/policy.h"
#include "common/xalloc.h"
#include "gatewayd/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_rules(const struct profile *p)
{
	char *text = xasprintf(
	    "{\"version\":1,\"network_policies\":{\"a\":%s}}", p->block);
	struct violations bad = { 0 };
	struct policy *policy = NULL;

	if (strlen(text) <= POLICY_TEXT_MAX) {
		assert(
		    policy_parse(text, strlen(text), &policy, &bad, NULL) == 0);
		policy_free(policy);
	}
	free(text);
}

static void
check(const struct profile *p, size_t size)
{
	assert(strlen(p->id) <= 63 && strpbrk(p->id, "/.") == NULL);
	assert(p->display_name != NULL && p->category != NULL);
	assert(p->variables.n <= PROFILE_LIST_MAX);
	assert(p->n_endpoints <= PROFILE_LIST_MAX);
	assert(strlen(p->text) == size);
	assert(profile_is_called(p, p->id));
	if (p->block != NULL)
		check_rules(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct violations bad = { 0 }, warnings = { 0 };
	struct profile *p = NULL;

	if (profile_parse((const char *)data, size, &p, &bad, &warnings) < 0) {
		assert(bad.n > 0 && bad.v[0].message[0] != '\0');
	} else {
		assert(bad.n == 0);
		check(p, size);
		profile_free(p);
	}
	violations_clear(&bad);
	violations_clear(&warnings);
	return 0;
}
