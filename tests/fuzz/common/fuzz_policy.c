/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_policy.c - policy texts: a refusal always says why; what is accepted
 * has one canonical form, which reads back as itself, and can be judged by.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
judge(const struct policy *p)
{
	static const char *const ancestors[] = { "/usr/bin/bash" };
	const struct caller caller = { "/usr/bin/curl", ancestors, 1 };
	struct matcher *m = policy_compile(p, NULL, 0);
	struct sockaddr_storage a = { .ss_family = AF_INET };
	struct decision d;
	const char *detail;

	/* 169.254.169.254: no policy admits it. */
	((struct sockaddr_in *)&a)->sin_addr.s_addr = htonl(0xa9fea9fe);
	matcher_connect(m, "api.example.com", 443, &caller, &d);
	assert(d.verdict == VERDICT_ALLOW || d.reason[0] != '\0');
	matcher_request(m, "api.example.com", 443, &caller, "GET", "/a/b%2Fc",
	    "q=1&r=%41", &d);
	(void)matcher_allows_encoded_slash(
	    m, "api.example.com", 443, &caller, "/a/b%2Fc");
	matcher_addresses(
	    m, "api.example.com", 443, &caller, &a, 1, &d, &detail);
	assert(d.verdict == VERDICT_DENY && detail != NULL);
	matcher_free(m);
}

static void
check_round_trip(const struct policy *p)
{
	struct violations bad = { 0 };
	struct policy *again = NULL;
	char *json = policy_to_json(p), *yaml = policy_to_yaml(p);
	char *json_again;
	const char *const texts[] = { json, yaml };

	for (size_t i = 0; i < 2; i++) {
		if (strlen(texts[i]) > POLICY_TEXT_MAX)
			continue;
		assert(policy_parse(texts[i], strlen(texts[i]), &again, &bad,
			   NULL) == 0);
		json_again = policy_to_json(again);
		assert(strcmp(json, json_again) == 0);
		free(json_again);
		policy_free(again);
	}
	free(json);
	free(yaml);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct violations bad = { 0 }, warnings = { 0 };
	struct policy *p = NULL;

	if (policy_parse((const char *)data, size, &p, &bad, &warnings) < 0) {
		assert(bad.n > 0 && bad.v[0].message[0] != '\0');
	} else {
		assert(bad.n == 0);
		check_round_trip(p);
		judge(p);
		policy_free(p);
	}
	violations_clear(&bad);
	violations_clear(&warnings);
	return 0;
}
