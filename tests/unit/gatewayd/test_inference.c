/* SPDX-License-Identifier: Apache-2.0 */
/* test_inference.c - what one owner's routes may be, whatever others have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/xalloc.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inference.h"
#include "gatewayd/provider.h"
#include "gatewayd/store.h"

#define OWNERS 2

/* Owners 0 and 1, each with a provider "p"; routerd is away. */
struct place {
	char path[64];
	struct gateway gw;
	struct providers providers;
	struct provider of[OWNERS];
};

static int
set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));
	struct error e;
	int fd;

	(void)snprintf(p->path, sizeof(p->path), "/tmp/test_inference.XXXXXX");
	fd = mkstemp(p->path);
	if (fd < 0 || close(fd) < 0)
		return -1;
	TAILQ_INIT(&p->gw.routes);
	TAILQ_INIT(&p->providers.list);
	p->gw.providers = &p->providers;
	for (uid_t i = 0; i < OWNERS; i++) {
		static char name[] = "p", type[] = "openai";
		static struct pair url = { "OPENAI_BASE_URL",
			"http://127.0.0.1/v1" };

		p->of[i].gw = &p->gw;
		p->of[i].owner = i;
		p->of[i].name = name;
		p->of[i].type = type;
		p->of[i].config = (struct pairs){ &url, 1 };
		TAILQ_INSERT_TAIL(&p->providers.list, &p->of[i], next);
	}
	*state = p;
	return store_open(p->path, &p->gw.store, &e);
}

static int
tear_down(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct place *p = *state;

	inference_free(&p->gw);
	store_close(p->gw.store);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char *path = xasprintf("%s%s", p->path, suffixes[i]);

		(void)unlink(path);
		free(path);
	}
	free(p);
	return 0;
}

/* A section of about 60000 bytes. */
static char *
long_section(void)
{
	struct buf b = BUF_INIT;

	(void)buf_puts(&b,
	    "detectors: [{type: literal, name: n, action: redact, words: [");
	for (int i = 0; i < 5000; i++)
		(void)buf_printf(&b, "word%05d, ", i);
	(void)buf_puts(&b, "]}]\n");
	return buf_take_str(&b);
}

static int
set(struct place *p, uid_t owner, int n, const char *section, struct error *e)
{
	char name[16];
	struct gateway_set_inference given = {
		.name = name, .provider = "p", .model = "m", .privacy = section
	};
	struct inference_route *r;

	(void)snprintf(name, sizeof(name), "r%d", n);
	return inference_set(&p->gw, owner, "", &given, &r, e);
}

static void
test_one_owner_s_sections_leave_another_s_alone(void **state)
{
	struct place *p = *state;
	char *section = long_section();
	struct error e, other;
	int n = 0;

	while (set(p, 0, n, section, &e) == 0)
		n++;
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(set(p, 1, 0, section, &other), 0);
	assert_string_equal(e.text,
	    "privacy: with that of route 'r17' the sections of your routes are "
	    "longer than 1048576 bytes");
	/* One that is there may be set again. */
	assert_int_equal(set(p, 0, 0, section, &e), 0);
	free(section);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_one_owner_s_sections_leave_another_s_alone, set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
