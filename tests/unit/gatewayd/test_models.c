/* SPDX-License-Identifier: Apache-2.0 */
/* test_models.c - where the models of a type are that only a profile describes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/policy/policy.h"
#include "gatewayd/gateway.h"
#include "gatewayd/models.h"
#include "gatewayd/profile.h"
#include "gatewayd/provider.h"

/* A profile's first endpoint, and the base URL that it gives. */
static const struct place {
	const char *endpoint;
	const char *url; /* NULL: none */
} places[] = {
	{ "host: m.example", "https://m.example:443/v1" },
	{ "host: m.example, path: /openai/v1/**",
	    "https://m.example:443/openai/v1" },
	{ "host: m.example, path: /a/v*/chat", "https://m.example:443/a" },
	{ "host: 192.0.2.1", "https://192.0.2.1:443/v1" },
	{ "host: '2001:db8::1'", "https://[2001:db8::1]:443/v1" },
	{ "host: '*.m.example'", NULL },
};

static void
test_the_first_endpoint_is_the_base_url(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		static char type[] = "mine", name[] = "p";
		struct gateway gw = { 0 };
		struct provider p = { .gw = &gw, .name = name, .type = type };
		struct violations bad = { 0 };
		struct models m = { 0 };
		struct profile *profile = NULL;
		struct error e;
		char text[256];

		(void)snprintf(text, sizeof(text),
		    "id: mine\ninference_capable: true\nendpoints:\n"
		    "  - {%s, port: 443, protocol: rest, access: full}\n",
		    places[i].endpoint);
		assert_int_equal(
		    profile_parse(text, strlen(text), &profile, &bad, NULL), 0);
		TAILQ_INIT(&gw.profiles);
		TAILQ_INSERT_TAIL(&gw.profiles, profile, next);
		if (places[i].url != NULL) {
			assert_int_equal(models_find(&p, &m, &e), 0);
			assert_string_equal(m.endpoint, places[i].url);
		} else {
			assert_int_equal(models_find(&p, &m, &e), -1);
			assert_string_equal(e.text,
			    "provider 'p' says no endpoint: set its config "
			    "MINE_BASE_URL");
		}
		models_clear(&m);
		profile_free(profile);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_endpoint_is_the_base_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
