/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_privacy.c - how long a request of 100 KB is looked at with all built-in
 * detectors, by what is in it; and whether one a hundred times as long takes
 * longer than that.
 *
 *	bench_privacy [NAME]
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/json/scan.h"
#include "common/privacy/model.h"

#define SMALL 100000
#define LARGE 10000000

static const char config[] =
    "detectors:\n"
    "  - { type: credential, action: redact, restore: true }\n"
    "  - { type: private-key, action: redact, restore: true }\n"
    "  - { type: payment-card, action: redact, restore: true }\n"
    "  - { type: email, action: redact, restore: true }\n"
    "  - { type: phone, action: redact, restore: true }\n"
    "  - { type: iban, action: redact, restore: true }\n"
    "  - { type: national-id, action: redact, restore: true }\n";

/* What is repeated until it is long enough. */
static const struct sample {
	const char *name;
	const char *text;
	bool is_json; /* it is a member of an array, and no string */
} samples[] = {
	{ "prose",
	    "The committee met again on Tuesday, 14 May 2024, to discuss the "
	    "results of the second survey: of the 1,204 people who were asked, "
	    "two thirds said that the new line had made their way to work "
	    "shorter, and one in five that they would sell their car. \"It is "
	    "more than we had hoped for,\" the mayor said; the costs, at 12.5 "
	    "million, stay within what was planned.\n\n" },
	{ "code",
	    "static int\nread_text(const struct place *at, size_t max, char "
	    "**ret)\n{\n\tconst struct yaml_node *node = at->node;\n\n\tif "
	    "(node->kind != YAML_SCALAR || yaml_node_is_null(node))\n\t\t"
	    "return bad(at, \"must be a text that isn't empty\");\n\tfor "
	    "(size_t "
	    "i = 0; i < node->n; i++)\n\t\tret[i] = node->text[i] & 0x7f;\n\t"
	    "password = config.get('db.password', None)\n\tself.token = "
	    "os.environ[\"TOKEN\"]\n\treturn 0;\n}\n\n" },
	{ "JSON",
	    "{\"id\":1234567,\"user\":\"jroe\",\"tags\":[\"a\",\"b\"],\"at\":"
	    "\"2024-03-05T10:21:07Z\",\"size\":18.25,\"ok\":true,\"hash\":"
	    "\"9b74c9897bac770ffc029102a200c5de\",\"uuid\":"
	    "\"467987c6-ffb0-4604-8f04-1bb6a5001442\"}",
	    true },
	{ "log",
	    "2024-03-05 10:21:07,123 INFO [http-8080-3] c.e.app.Svc - took "
	    "1709634067123 ns from 203.0.113.7:51234 id=4bf92f3577b34da6\n" },
	{ "people",
	    "Jane Roe <jane.roe@example.com>, +1 415-555-0132, card 4111 1111 "
	    "1111 1111, DE89 3704 0044 0532 0130 00, SSN 536-22-8419, who came "
	    "to us from a competitor in the spring and knows the market;\n" },
	/* Of what begins like something and isn't. */
	{ "numbers", "1234567 23456789 " },
	{ "digits", "1" },
	{ "groups", "12 34 56 78 90 12-3456-7890 (1) " },
	{ "at signs", "a.b@c.d@e_f.g@" },
	{ "tokens", "sk-ey-AKIA-ghp_x-xoxb-eyJ-bearer basic-" },
	{ "assignments", "password=x token: 'y' secret is z, \"pwd\", \"" },
	{ "dashes", "-- --a ----- -----BEGIN A: " },
	{ "keys", "-----BEGIN PRIVATE KEY-----A:-" },
	{ "PuTTY's keys", "PuTTY-User-Key-File- " },
	{ "codes", "DE12 AB12 GB82WEST 12345678Z X1234567 " },
	{ "URLs", "http://a:b-http://c:http://" },
	{ "quotes", "' \" ` , \"',' is ' " },
	{ "words", "phone tel fax ssn 7654321 " },
	{ "lines", "a\nb\n\n" },
	{ "objects", "{\"role\":{\"role\":[{\"a\":[{\"role\":\"\"}]}]}}",
	    true },
};

static void
write_body(const struct sample *s, size_t size, struct buf *b)
{
	size_t n = strlen(s->text);

	(void)buf_puts(b, s->is_json ? "{\"messages\":[{\"role\":\"tool\","
				       "\"content\":[0"
				     : "{\"messages\":[{\"role\":\"user\","
				       "\"content\":\"");
	while (b->len < size)
		if (s->is_json) {
			(void)buf_puts(b, ",");
			(void)buf_puts(b, s->text);
		} else {
			(void)json_put_escaped(b, s->text, n);
		}
	(void)buf_puts(b, s->is_json ? "]}]}" : "\"}]}");
}

static double
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The shortest of some runs. */
static double
measure(const struct privacy_matcher *m, const struct buf *body, int runs,
    size_t *n)
{
	static const uint8_t key[PRIVACY_KEY_LEN];
	double best = 1e9;

	for (int i = 0; i < runs; i++) {
		struct privacy_result r = { 0 };
		struct error e;
		double start = now_ms(), took;

		/* A text with more to find than can be is refused. */
		if (privacy_apply(m, (char *)buf_data(body), body->len, key, &r,
			&e) < 0 &&
		    e.code != ERR_LIMIT)
			errx(1, "%s", e.text);
		took = now_ms() - start;
		best = took < best ? took : best;
		*n = r.n_findings;
		privacy_result_clear(&r);
	}
	return best;
}

int
main(int argc, char **argv)
{
	struct privacy *p = NULL;
	struct privacy_matcher *m = NULL;
	struct error e;

	if (privacy_parse(config, strlen(config), &p, &e) < 0 ||
	    privacy_compile(p, &m, &e) < 0)
		errx(1, "%s", e.text);
	printf("%-14s %8s %8s %6s  found\n", "", "100 KB", "10 MB", "ratio");
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct buf small = BUF_INIT, large = BUF_INIT;
		size_t n, ignored;
		double one, hundred;

		if (argc > 1 && strcmp(argv[1], samples[i].name) != 0)
			continue;
		write_body(&samples[i], SMALL, &small);
		write_body(&samples[i], LARGE, &large);
		one = measure(m, &small, 30, &n);
		hundred = measure(m, &large, 1, &ignored);
		printf("%-14s %5.2f ms %5.0f ms %6.0f  %zu\n", samples[i].name,
		    one, hundred, hundred / one, n);
		buf_free(&small);
		buf_free(&large);
	}
	privacy_matcher_free(m);
	privacy_free(p);
	return 0;
}
