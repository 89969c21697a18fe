/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/wire/router.h"
#include "routerd/table.h"

static const char *names[] = { "spare", "claude", "missing" };

static struct router_route routes[] = {
	{ .scope = "uid:1",
	    .name = ROUTER_DEFAULT,
	    .provider = "o",
	    .type = "openai",
	    .endpoint = "https://api.openai.com/v1/",
	    .key = "k",
	    .fallbacks = { names, 3 } },
	{ .scope = "uid:1",
	    .name = "spare",
	    .provider = "o2",
	    .type = "nvidia",
	    .endpoint = "http://127.0.0.1:8080" },
	{ .scope = "uid:1",
	    .name = "claude",
	    .provider = "a",
	    .type = "anthropic",
	    .endpoint = "https://api.anthropic.com/v1" },
	{ .scope = "uid:1",
	    .name = ROUTER_SYSTEM,
	    .provider = "sys",
	    .type = "openai",
	    .endpoint = "https://s/v1" },
	{ .scope = "box-2",
	    .name = ROUTER_DEFAULT,
	    .provider = "own",
	    .type = "openai",
	    .endpoint = "https://own/v1" },
};

static const struct router_set_routes all = { { routes, 5 } };
static const struct scopes box_1 = { "box-1", "uid:1" };

static const char *
choose(const struct table *t, const char *sandbox, const char *prefix,
    const char *model, enum protocol protocol)
{
	static const char *const results[] = { "?", "none", "incompatible" };
	struct api_request request = { .protocol = protocol };
	const struct route *r;
	enum choice choice;

	if (prefix != NULL)
		request.prefix = (struct http_slice){ prefix, strlen(prefix) };
	choice = table_choose(t,
	    &(struct scopes){
		sandbox, strcmp(sandbox, "box-3") == 0 ? "uid:2" : "uid:1" },
	    &request, model, &r);
	return choice == CHOICE_OK ? r->provider : results[choice];
}

static void
test_a_request_takes_its_route(void **state)
{
	static const struct {
		const char *sandbox, *prefix, *model;
		enum protocol protocol;
		const char *expected;
	} cases[] = {
		{ "box-1", NULL, NULL, PROTOCOL_CHAT, "o" },
		{ "box-1", NULL, "whatever", PROTOCOL_CHAT, "o" },
		{ "box-1", NULL, "spare", PROTOCOL_CHAT, "o2" },
		{ "box-1", "o2", NULL, PROTOCOL_CHAT, "o2" },
		{ "box-1", "spare", NULL, PROTOCOL_CHAT, "o2" },
		{ "box-1", "claude", NULL, PROTOCOL_MESSAGES, "a" },
		{ "box-1", "a", NULL, PROTOCOL_CHAT, "incompatible" },
		{ "box-1", NULL, NULL, PROTOCOL_MESSAGES, "incompatible" },
		{ "box-1", "nobody", NULL, PROTOCOL_CHAT, "none" },
		/* The supervisor's own is nobody else's. */
		{ "box-1", "sys", NULL, PROTOCOL_CHAT, "none" },
		{ "box-1", ROUTER_SYSTEM, NULL, PROTOCOL_CHAT, "none" },
		{ "box-1", NULL, ROUTER_SYSTEM, PROTOCOL_CHAT, "o" },
		/* A sandbox's own comes instead of its owner's, for all
		 * protocols. */
		{ "box-2", NULL, NULL, PROTOCOL_MESSAGES, "incompatible" },
		{ "box-2", NULL, "claude", PROTOCOL_MESSAGES, "a" },
		{ "box-2", NULL, NULL, PROTOCOL_CHAT, "own" },
		{ "box-2", NULL, "spare", PROTOCOL_CHAT, "o2" },
		/* Others' aren't there. */
		{ "box-3", NULL, NULL, PROTOCOL_CHAT, "none" },
		{ "box-3", "o", NULL, PROTOCOL_CHAT, "none" },
		{ "box-1", "own", NULL, PROTOCOL_CHAT, "none" },
	};
	struct table *t;
	struct error e;

	(void)state;
	assert_int_equal(table_new(&all, true, &t, &e), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(choose(t, cases[i].sandbox, cases[i].prefix,
					cases[i].model, cases[i].protocol),
		    cases[i].expected);
	table_unref(t);
}

static void
test_fallbacks_come_in_order_and_speak_the_protocol(void **state)
{
	struct api_request request = { .protocol = PROTOCOL_CHAT };
	const struct route *r;
	struct table *t;
	struct error e;

	(void)state;
	assert_int_equal(table_new(&all, true, &t, &e), 0);
	assert_int_equal(
	    table_choose(t, &box_1, &request, NULL, &r), CHOICE_OK);
	assert_string_equal(
	    table_fallback(t, &box_1, r, PROTOCOL_CHAT, 0)->name, "spare");
	assert_null(table_fallback(t, &box_1, r, PROTOCOL_CHAT, 1));
	assert_string_equal(
	    table_fallback(t, &box_1, r, PROTOCOL_MESSAGES, 0)->name, "claude");
	table_unref(t);
}

static void
test_endpoints_are_read_or_refused(void **state)
{
	static const struct {
		const char *endpoint;
		bool is_tls;
		unsigned port;
		const char *base;
	} good[] = {
		{ "https://h/v1/", true, 443, "/v1" },
		{ "https://h", true, 443, "" },
		{ "http://127.0.0.1:8080/", false, 8080, "" },
		{ "http://host.openshell.internal:11434/v1/x", false, 11434,
		    "/v1/x" },
	};
	static const char *const bad[] = { "h/v1", "ftp://h/", "https://",
		"https://h/v1?key=1", "https://u:p@h/", "https://h:0/" };
	struct router_route one = routes[0];
	const struct router_set_routes set = { { &one, 1 } };
	struct api_request request = { .protocol = PROTOCOL_CHAT };
	const struct route *r;
	struct table *t;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		one.endpoint = good[i].endpoint;
		assert_int_equal(table_new(&set, true, &t, &e), 0);
		assert_int_equal(
		    table_choose(t, &box_1, &request, NULL, &r), CHOICE_OK);
		assert_int_equal(r->is_tls, good[i].is_tls);
		assert_int_equal(r->authority.port, good[i].port);
		assert_string_equal(r->base_path, good[i].base);
		table_unref(t);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		one.endpoint = bad[i];
		assert_int_equal(table_new(&set, true, &t, &e), -1);
	}
	one = routes[0];
	one.type = "github";
	assert_int_equal(table_new(&set, true, &t, &e), -1);
	assert_non_null(strstr(e.text, "inference.local"));
	assert_non_null(strstr(e.text, "github"));
	one = routes[0];
	one.key = "a\r\nb";
	assert_int_equal(table_new(&set, true, &t, &e), -1);
	assert_null(strstr(e.text, "a\r"));
}

#define SECTION                                                                \
	"{\"detectors\":[{\"action\":\"reroute\",\"type\":\"email\"}],"        \
	"\"reroute\":\"local\"}"

static void
test_a_route_reroutes_within_its_scope(void **state)
{
	static struct router_route some[] = {
		{ .scope = "box-2",
		    .name = "local",
		    .provider = "boxs",
		    .type = "anthropic",
		    .endpoint = "https://b" },
		{ .scope = "uid:2",
		    .name = "local",
		    .provider = "others",
		    .type = "openai",
		    .endpoint = "https://o" },
		{ .scope = "uid:1",
		    .name = "local",
		    .provider = "owners",
		    .type = "openai",
		    .endpoint = "https://l" },
		{ .scope = "box-2",
		    .name = "own",
		    .provider = "x",
		    .type = "openai",
		    .endpoint = "https://x",
		    .privacy = SECTION },
		{ .scope = "uid:1",
		    .name = ROUTER_DEFAULT,
		    .provider = "x",
		    .type = "openai",
		    .endpoint = "https://x",
		    .privacy = SECTION },
		{ .scope = "uid:3",
		    .name = ROUTER_DEFAULT,
		    .provider = "x",
		    .type = "openai",
		    .endpoint = "https://x",
		    .privacy = SECTION },
	};
	static const struct {
		const char *sandbox, *owner, *model, *expected;
	} cases[] = {
		/* Whatever it speaks: that is for whoever asks to see. */
		{ "box-2", "uid:1", "own", "boxs" },
		{ "box-2", "uid:1", NULL, "owners" },
		{ "box-1", "uid:1", NULL, "owners" },
		{ "box-3", "uid:3", NULL, NULL },
	};
	struct table *t;
	struct error e;

	(void)state;
	assert_int_equal(
	    table_new(&(struct router_set_routes){ { some, 6 } }, true, &t, &e),
	    0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct scopes scopes = { cases[i].sandbox,
			cases[i].owner };
		struct api_request request = { .protocol = PROTOCOL_CHAT };
		const struct route *r;

		assert_int_equal(
		    table_choose(t, &scopes, &request, cases[i].model, &r),
		    CHOICE_OK);
		assert_non_null(r->privacy);
		r = table_reroute(t, &scopes, r);
		assert_int_equal(r != NULL, cases[i].expected != NULL);
		if (r != NULL)
			assert_string_equal(r->provider, cases[i].expected);
	}
	table_unref(t);
}

static void
test_a_bad_section_is_named(void **state)
{
	static const struct {
		const char *section, *error;
	} cases[] = {
		{ "{\"detectors\":[]}", "detectors: must be a list" },
		{ "{", "privacy: line 2" },
		{ "{\"detectors\":[{\"action\":\"redact\",\"name\":\"x\","
		  "\"regex\":\"(\",\"type\":\"pattern\"}]}",
		    "detectors[0].regex" },
		{ "", "privacy: line 1" },
	};
	struct router_route two[] = { routes[0], routes[1] };
	struct table *t;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		two[1].privacy = cases[i].section;
		assert_int_equal(
		    table_new(&(struct router_set_routes){ { two, 2 } }, true,
			&t, &e),
		    -1);
		assert_non_null(strstr(e.text, "route 'spare': privacy"));
		assert_non_null(strstr(e.text, cases[i].error));
	}
}

static int
take(struct table **coming, struct table **live, size_t from, size_t n,
    int64_t total)
{
	const struct router_set_routes piece = {
		.routes = { &routes[from], n },
		.from = (int64_t)from,
		.total = total,
	};
	struct error e;
	int r = table_take(coming, live, &piece, &e);

	if (r < 0)
		assert_int_equal(e.code, ERR_PROTOCOL);
	return r;
}

static void
test_routes_come_in_pieces_and_are_replaced_as_a_whole(void **state)
{
	struct table *coming = NULL, *live = NULL;

	(void)state;
	assert_int_equal(take(&coming, &live, 0, 3, 5), 0);
	assert_null(live);
	assert_int_equal(take(&coming, &live, 3, 2, 5), 0);
	assert_null(coming);
	assert_string_equal(
	    choose(live, "box-2", NULL, NULL, PROTOCOL_CHAT), "own");
	/* Until the last has come it goes on with those before. */
	assert_int_equal(take(&coming, &live, 0, 1, 2), 0);
	assert_string_equal(
	    choose(live, "box-2", NULL, NULL, PROTOCOL_CHAT), "own");
	/* Others may begin in between. */
	assert_int_equal(take(&coming, &live, 0, 1, 1), 0);
	assert_string_equal(
	    choose(live, "box-2", NULL, NULL, PROTOCOL_CHAT), "o");
	assert_int_equal(take(&coming, &live, 0, 0, 0), 0);
	assert_string_equal(
	    choose(live, "box-2", NULL, NULL, PROTOCOL_CHAT), "none");
	table_unref(live);
}

static void
test_a_piece_that_does_not_follow_is_refused(void **state)
{
	static const struct {
		const char *why;
		size_t from, n;
		int64_t total;
	} cases[] = {
		{ "it comes before", 1, 1, 5 },
		{ "one is missing", 3, 2, 5 },
		{ "there are too many", 2, 3, 4 },
	};
	struct table *coming = NULL, *live = NULL;

	(void)state;
	assert_int_equal(take(&coming, &live, 2, 3, 5), -1);
	assert_int_equal(take(&coming, &live, 0, 5, 5), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].why);
		assert_int_equal(take(&coming, &live, 0, 2, 5), 0);
		assert_int_equal(take(&coming, &live, cases[i].from, cases[i].n,
				     cases[i].total),
		    -1);
		/* Nothing follows it. */
		assert_null(coming);
		assert_int_equal(take(&coming, &live, 2, 3, 5), -1);
		assert_string_equal(
		    choose(live, "box-2", NULL, NULL, PROTOCOL_CHAT), "own");
	}
	table_unref(live);
}

/* It keeps its place, and nobody is asked in its stead. */
static void
test_a_route_that_is_wrong_is_closed(void **state)
{
	static const struct router_route wrong[] = {
		{ .endpoint = NULL, .type = "openai" },
		{ .endpoint = "ftp://x/", .type = "openai" },
		{ .endpoint = "https://x/", .type = "" },
		{ .endpoint = "https://x/ HTTP/1.1\r\nA: b", .type = "openai" },
		{ .endpoint = "https://x/", .type = "openai", .key = "a\nb" },
		{ .endpoint = "https://x/", .type = "openai", .model = "a\nb" },
		{ .endpoint = "https://x/",
		    .type = "openai",
		    .privacy = "{\"detectors\":[]}" },
	};
	struct router_route some[] = { routes[0], routes[1], routes[4] };
	struct api_request request = { .protocol = PROTOCOL_CHAT };
	const struct scopes box_2 = { "box-2", "uid:1" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct route *r;
		struct table *t;
		struct error e;

		some[2] = wrong[i];
		some[2].scope = "box-2";
		some[2].name = ROUTER_DEFAULT;
		some[2].provider = "own";
		assert_int_equal(
		    table_new(&(struct router_set_routes){ { some, 3 } }, true,
			&t, &e),
		    -1);
		assert_int_equal(
		    table_new(&(struct router_set_routes){ { some, 3 } }, false,
			&t, &e),
		    0);
		assert_int_equal(
		    table_choose(t, &box_2, &request, NULL, &r), CHOICE_OK);
		assert_string_equal(r->provider, "own");
		assert_true(r->is_broken);
		assert_int_equal(
		    table_choose(t, &box_1, &request, NULL, &r), CHOICE_OK);
		assert_false(r->is_broken);
		table_unref(t);
		/* As a fallback it is passed over. */
		some[2].scope = "uid:1";
		some[2].name = "claude";
		assert_int_equal(
		    table_new(&(struct router_set_routes){ { some, 3 } }, false,
			&t, &e),
		    0);
		assert_int_equal(
		    table_choose(t, &box_1, &request, NULL, &r), CHOICE_OK);
		assert_string_equal(
		    table_fallback(t, &box_1, r, PROTOCOL_CHAT, 0)->name,
		    "spare");
		assert_null(table_fallback(t, &box_1, r, PROTOCOL_CHAT, 1));
		table_unref(t);
	}
}

/* It isn't broken: the key may be another before long. */
static void
test_a_route_whose_key_has_expired_is_closed(void **state)
{
	static const struct {
		int64_t expires_at_ms;
		bool is_closed;
	} rows[] = { { 0, false }, { 1, true }, { INT64_MAX, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct router_route one = routes[0];
		struct table *t;
		struct error e;

		one.expires_at_ms = rows[i].expires_at_ms;
		assert_int_equal(
		    table_new(&(struct router_set_routes){ { &one, 1 } }, true,
			&t, &e),
		    0);
		assert_int_equal(
		    route_is_closed(table_first(t)), rows[i].is_closed);
		assert_false(table_first(t)->is_broken);
		table_unref(t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_takes_its_route),
		cmocka_unit_test(
		    test_routes_come_in_pieces_and_are_replaced_as_a_whole),
		cmocka_unit_test(test_a_piece_that_does_not_follow_is_refused),
		cmocka_unit_test(test_a_route_that_is_wrong_is_closed),
		cmocka_unit_test(test_a_route_whose_key_has_expired_is_closed),
		cmocka_unit_test(
		    test_fallbacks_come_in_order_and_speak_the_protocol),
		cmocka_unit_test(test_endpoints_are_read_or_refused),
		cmocka_unit_test(test_a_route_reroutes_within_its_scope),
		cmocka_unit_test(test_a_bad_section_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
