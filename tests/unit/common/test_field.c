/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/varlink/codec.h"
#include "common/varlink/message.h"
#include "common/wire/gateway.h"
#include "common/wire/proxy.h"
#include "common/wire/supervisor.h"

struct inner {
	const char *name;
	int64_t size;
};

/* One member of every type. */
struct outer {
	bool flag;
	int64_t number;
	const char *text;
	struct strings list;
	struct pairs map;
	int fd;
	struct fds fds;
	struct inner *one;
	struct objects many;
};

#define P(member) offsetof(struct inner, member)
static const struct field inner_fields[] = {
	{ "name", FIELD_STR, REQUIRED, P(name), 3 },
	{ "size", FIELD_INT, OPTIONAL, P(size) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct outer, member)
static const struct field outer_fields[] = {
	{ "flag", FIELD_BOOL, OPTIONAL, P(flag) },
	{ "number", FIELD_INT, OPTIONAL, P(number), 100 },
	{ "text", FIELD_STR, REQUIRED, P(text), 5 },
	{ "list", FIELD_STRS, OPTIONAL, P(list), 2 },
	{ "map", FIELD_MAP, OPTIONAL, P(map), 2 },
	{ "fd", FIELD_FD, OPTIONAL, P(fd) },
	{ "fds", FIELD_FDS, OPTIONAL, P(fds), 2 },
	{ "one", FIELD_OBJ, OPTIONAL, P(one), 0, inner_fields,
	    sizeof(struct inner) },
	{ "many", FIELD_OBJS, OPTIONAL, P(many), 2, inner_fields,
	    sizeof(struct inner) },
	{ 0 },
};
#undef P

/* Three descriptors that are only numbers here. */
#define PASSED                                                                 \
	{                                                                      \
		{ 101, 102, 103 }, 3                                           \
	}

static void *
decode(const char *text, struct arena *arena, struct passed *passed,
    struct bad_field *bad)
{
	cJSON *json = cJSON_Parse(text);
	void *r;

	assert_non_null(json);
	r = codec_decode(
	    json, outer_fields, sizeof(struct outer), arena, passed, bad);
	cJSON_Delete(json);
	return r;
}

static void
test_every_type_is_decoded(void **state)
{
	_cleanup_(arena_clear) struct arena arena = { 0 };
	struct passed passed = PASSED;
	struct bad_field bad;
	const struct outer *o =
	    decode("{\"flag\":true,\"number\":100,\"text\":\"12345\","
		   "\"list\":[\"a\",\"\"],\"map\":{\"k\":\"v\",\"l\":\"w\"},"
		   "\"fd\":2,\"fds\":[0],\"one\":{\"name\":\"x\",\"size\":7},"
		   "\"many\":[{\"name\":\"y\"},{\"name\":\"z\",\"size\":8}]}",
		&arena, &passed, &bad);
	const struct inner *many;

	(void)state;
	assert_non_null(o);
	assert_true(o->flag);
	assert_int_equal(o->number, 100);
	assert_string_equal(o->text, "12345");
	assert_int_equal(o->list.n, 2);
	assert_string_equal(o->list.v[0], "a");
	assert_string_equal(o->list.v[1], "");
	assert_null(o->list.v[2]); /* so that execve(2) can take it */
	assert_int_equal(o->map.n, 2);
	assert_string_equal(o->map.v[1].name, "l");
	assert_string_equal(o->map.v[1].value, "w");
	assert_int_equal(o->fd, 103);
	assert_int_equal(o->fds.n, 1);
	assert_int_equal(o->fds.v[0], 101);
	assert_string_equal(o->one->name, "x");
	assert_int_equal(o->one->size, 7);
	many = o->many.v;
	assert_int_equal(o->many.n, 2);
	assert_string_equal(many[1].name, "z");
	assert_int_equal(many[1].size, 8);
	/* Only the one nobody named is still the message's. */
	assert_int_equal(passed.fd[0], -1);
	assert_int_equal(passed.fd[1], 102);
	assert_int_equal(passed.fd[2], -1);
}

static void
test_absent_members_have_their_default(void **state)
{
	static const char *const cases[] = {
		"{\"text\":\"\"}",
		"{\"text\":\"\",\"flag\":null,\"number\":null,\"list\":null,"
		"\"map\":null,\"fd\":null,\"fds\":null,\"one\":null,"
		"\"many\":null}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(arena_clear) struct arena arena = { 0 };
		struct passed passed = PASSED;
		struct bad_field bad;
		const struct outer *o = decode(cases[i], &arena, &passed, &bad);

		assert_non_null(o);
		assert_false(o->flag);
		assert_int_equal(o->number, 0);
		assert_string_equal(o->text, "");
		assert_int_equal(o->list.n, 0);
		assert_int_equal(o->map.n, 0);
		assert_int_equal(o->fd, -1);
		assert_int_equal(o->fds.n, 0);
		assert_null(o->one);
		assert_int_equal(o->many.n, 0);
	}
}

/* Put behind {"text":"x" to make a whole object. */
static const struct {
	const char *members;
	const char *path;
	const char *why;
} refusals[] = {
	{ ",\"other\":1", "other", "is not known" },
	{ ",\"Flag\":true", "Flag", "is not known" },
	{ ",\"text\":\"y\"", "text", "is there twice" },
	{ ",\"text\":null", "text", "is there twice" },
	{ ",\"flag\":1", "flag", "is not true or false" },
	{ ",\"number\":\"1\"", "number", "is not a whole number" },
	{ ",\"number\":1.5", "number", "is not a whole number" },
	{ ",\"number\":-1", "number", "is out of range" },
	{ ",\"number\":101", "number", "is out of range" },
	{ ",\"number\":1e999", "number", "is out of range" },
	{ ",\"list\":\"a\"", "list", "is not an array" },
	{ ",\"list\":[1]", "list", "is not a string" },
	{ ",\"list\":[\"a\",\"b\",\"c\"]", "list", "has too many elements" },
	{ ",\"map\":[]", "map", "is not an object" },
	{ ",\"map\":{\"a\":1}", "map", "is not a string" },
	{ ",\"map\":{\"a\":\"\",\"a\":\"\"}", "map", "has a key twice" },
	{ ",\"map\":{\"a\":\"\",\"b\":\"\",\"c\":\"\"}", "map",
	    "has too many elements" },
	{ ",\"fd\":\"0\"", "fd", "is not a whole number" },
	{ ",\"fd\":-1", "fd", "is out of range" },
	{ ",\"fd\":3", "fd", "names a descriptor that was not passed" },
	{ ",\"fd\":1000", "fd", "is out of range" },
	{ ",\"fd\":0,\"fds\":[0]", "fds", "names a descriptor twice" },
	{ ",\"fds\":[1,1]", "fds", "names a descriptor twice" },
	{ ",\"fds\":[0,1,2]", "fds", "has too many elements" },
	{ ",\"fds\":0", "fds", "is not an array" },
	{ ",\"one\":[]", "one", "is not an object" },
	{ ",\"one\":{}", "one.name", "is missing" },
	{ ",\"one\":{\"name\":\"1234\"}", "one.name", "is too long" },
	{ ",\"one\":{\"name\":\"\",\"x\":1}", "one.x", "is not known" },
	{ ",\"one\":{\"name\":\"\",\"size\":9007199254740994}", "one.size",
	    "is out of range" },
	{ ",\"many\":{}", "many", "is not an array" },
	{ ",\"many\":[1]", "many", "has an element that is not an object" },
	{ ",\"many\":[{\"name\":\"\"},{\"name\":1}]", "many[1].name",
	    "is not a string" },
	{ ",\"many\":[{},{},{}]", "many", "has too many elements" },
};

static void
test_every_refusal_names_the_member(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		_cleanup_(arena_clear) struct arena arena = { 0 };
		_cleanup_(buf_free) struct buf text = BUF_INIT;
		struct passed passed = PASSED;
		struct bad_field bad;

		(void)buf_printf(
		    &text, "{\"text\":\"x\"%s}", refusals[i].members);
		print_message("%s\n", buf_str(&text));
		assert_null(decode(buf_str(&text), &arena, &passed, &bad));
		assert_string_equal(bad.path, refusals[i].path);
		assert_string_equal(bad.why, refusals[i].why);
		/* Still the message's, to be closed with it. */
		assert_int_equal(passed.fd[0], 101);
		assert_int_equal(passed.fd[2], 103);
	}
}

static void
test_missing_and_long_texts_are_refused(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} cases[] = {
		{ "{}", "is missing" },
		{ "{\"text\":null}", "is missing" },
		{ "{\"text\":\"123456\"}", "is too long" },
		{ "{\"text\":\"\xc3\xa4\xc3\xa4\xc3\xa4\"}", "is too long" },
		{ "{\"text\":5}", "is not a string" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(arena_clear) struct arena arena = { 0 };
		struct passed passed = PASSED;
		struct bad_field bad;

		print_message("%s\n", cases[i].text);
		assert_null(decode(cases[i].text, &arena, &passed, &bad));
		assert_string_equal(bad.path, "text");
		assert_string_equal(bad.why, cases[i].why);
	}
}

static void
test_a_value_over_its_own_limit_is_refused(void **state)
{
	_cleanup_(arena_clear) struct arena arena = { 0 };
	_cleanup_(buf_free) struct buf text = BUF_INIT;
	struct passed passed = PASSED;
	struct bad_field bad;

	(void)state;
	(void)buf_puts(&text, "{\"text\":\"\",\"list\":[\"");
	for (int i = 0; i < CODEC_STRING_MAX; i++)
		(void)buf_puts(&text, "x");
	size_t len = text.len;

	(void)buf_puts(&text, "\"]}");
	assert_non_null(decode(buf_str(&text), &arena, &passed, &bad));
	text.len = len;
	(void)buf_puts(&text, "x\"]}");
	assert_null(decode(buf_str(&text), &arena, &passed, &bad));
	assert_string_equal(bad.why, "is too long");
}

static void
test_a_long_name_is_cut(void **state)
{
	_cleanup_(arena_clear) struct arena arena = { 0 };
	_cleanup_(buf_free) struct buf text = BUF_INIT;
	struct passed passed = PASSED;
	struct bad_field bad;

	(void)state;
	(void)buf_puts(&text, "{\"text\":\"\",\"one\":{\"");
	for (int i = 0; i < 1000; i++)
		(void)buf_puts(&text, "x");
	(void)buf_puts(&text, "\":1}}");
	assert_null(decode(buf_str(&text), &arena, &passed, &bad));
	assert_int_equal(strlen(bad.path), CODEC_PATH_MAX - 1);
	assert_memory_equal(bad.path, "one.xxx", 7);
}

static void
test_strings_that_are_not_text_are_made_text(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain \xc3\xa4 \xf0\x9f\x98\x80",
		    "\"plain \xc3\xa4 \xf0\x9f\x98\x80\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "\n\x01\x1f", "\"\\n\\u0001\\u001f\"" },
		{ "\xff", "\"\\ufffd\"" },
		{ "x\xc3", "\"x\\ufffd\"" },
		{ "\xc3(", "\"\\ufffd(\"" },
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "", "\"\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(buf_free) struct buf b = BUF_INIT;

		assert_int_equal(codec_encode_string(&b, cases[i].in), 0);
		assert_string_equal(buf_str(&b), cases[i].out);
	}
}

static void
test_encoding_stops_at_the_limit_of_the_buffer(void **state)
{
	struct inner inner = { "abc", 5 };
	struct passed passed = { .n = 0 };

	(void)state;
	for (size_t limit = 1; limit < 40; limit++) {
		_cleanup_(buf_free) struct buf b = BUF_INIT;

		b.limit = limit;
		/* {"name":"abc","size":5} */
		assert_int_equal(
		    codec_encode(&b, inner_fields, &inner, &passed),
		    limit < 23 ? -1 : 0);
		assert_true(b.len <= limit);
	}
}

/* Round trips of every table in common/wire. */

/* Fills a struct with values that are all different. */
static void
fill(const struct field *fields, void *object, struct arena *arena, int *next)
{
	for (const struct field *f = fields; f != NULL && f->name != NULL;
	     f++) {
		void *at = (uint8_t *)object + f->offset;
		struct strings *strings = at;
		struct pairs *pairs = at;
		struct fds *fds = at;
		struct objects *objects = at;
		char name[16];

		(void)snprintf(name, sizeof(name), "n%d", ++*next);
		switch (f->type) {
		case FIELD_BOOL:
			*(bool *)at = true;
			break;
		case FIELD_INT:
			*(int64_t *)at =
			    f->limit != 0 ? f->limit : 9007199254740992;
			break;
		case FIELD_STR:
			*(const char **)at = arena_strdup(arena, name);
			break;
		case FIELD_STRS:
			strings->n = 1;
			strings->v = arena_alloc(arena, 1, sizeof(char *));
			strings->v[0] = arena_strdup(arena, name);
			break;
		case FIELD_MAP:
			pairs->n = 1;
			pairs->v = arena_alloc(arena, 1, sizeof(struct pair));
			pairs->v[0].name = arena_strdup(arena, name);
			pairs->v[0].value = arena_strdup(arena, "value");
			break;
		case FIELD_FD:
			*(int *)at = 1000 + *next;
			break;
		case FIELD_FDS:
			fds->n = 2;
			fds->v = arena_alloc(arena, 2, sizeof(int));
			fds->v[0] = 2000 + *next;
			fds->v[1] = 3000 + *next;
			break;
		case FIELD_OBJ:
			*(void **)at = arena_alloc(arena, 1, f->sub_size);
			fill(f->sub, *(void **)at, arena, next);
			break;
		case FIELD_OBJS:
			objects->n = 2;
			objects->v = arena_alloc(arena, 2, f->sub_size);
			fill(f->sub, objects->v, arena, next);
			fill(f->sub, (uint8_t *)objects->v + f->sub_size, arena,
			    next);
			break;
		}
	}
}

/* What every table of ours must be. */
static void
check_table(const struct field *fields, size_t size)
{
	for (const struct field *f = fields; f != NULL && f->name != NULL;
	     f++) {
		bool counted = f->type == FIELD_STRS || f->type == FIELD_MAP ||
			       f->type == FIELD_FDS || f->type == FIELD_OBJS;

		assert_true(f->offset < size);
		if (counted)
			assert_true(f->limit > 0);
		if (f->type == FIELD_OBJ || f->type == FIELD_OBJS)
			check_table(f->sub, f->sub_size);
		else
			assert_null(f->sub);
		for (const struct field *g = fields; g != f; g++) {
			assert_string_not_equal(f->name, g->name);
			assert_int_not_equal(f->offset, g->offset);
		}
	}
}

static void
check_round_trip(const struct field *fields, size_t size)
{
	_cleanup_(arena_clear) struct arena arena = { 0 };
	_cleanup_(buf_free) struct buf first = BUF_INIT;
	_cleanup_(buf_free) struct buf second = BUF_INIT;
	void *object = arena_alloc(&arena, 1, size);
	struct passed passed = { .n = 0 };
	struct passed again = { .n = 0 };
	struct bad_field bad;
	int next = 0;
	cJSON *json;
	void *copy;

	fill(fields, object, &arena, &next);
	assert_int_equal(codec_encode(&first, fields, object, &passed), 0);
	json = cJSON_Parse(buf_str(&first));
	assert_non_null(json);
	/* Decoding takes them out. */
	again = passed;
	copy = codec_decode(json, fields, size, &arena, &again, &bad);
	cJSON_Delete(json);
	assert_non_null(copy);
	for (size_t i = 0; i < again.n; i++)
		assert_int_equal(again.fd[i], -1);
	again.n = 0;
	assert_int_equal(codec_encode(&second, fields, copy, &again), 0);
	assert_string_equal(buf_str(&first), buf_str(&second));
	assert_int_equal(again.n, passed.n);
	assert_memory_equal(again.fd, passed.fd, passed.n * sizeof(int));
}

static void
test_every_table_of_the_wire_survives_a_round_trip(void **state)
{
	static const struct interface *const interfaces[] = {
		&gateway_interface,
		&proxy_interface,
		&supervisor_interface,
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (const struct method *const *m = interfaces[i]->methods;
		     *m != NULL; m++) {
			print_message(
			    "%s.%s\n", interfaces[i]->name, (*m)->name);
			check_table((*m)->params, (*m)->params_size);
			check_table((*m)->reply, (*m)->reply_size);
			check_round_trip((*m)->params, (*m)->params_size);
			check_round_trip((*m)->reply, (*m)->reply_size);
		}
	}
	check_round_trip(gateway_policy_invalid_fields,
	    sizeof(struct gateway_policy_invalid));
}

static void
test_an_absent_member_is_not_encoded(void **state)
{
	_cleanup_(buf_free) struct buf b = BUF_INIT;
	struct outer o = { .text = "", .fd = -1 };
	struct passed passed = { .n = 0 };

	(void)state;
	assert_int_equal(codec_encode(&b, outer_fields, &o, &passed), 0);
	assert_string_equal(buf_str(&b), "{\"text\":\"\"}");
	assert_int_equal(passed.n, 0);
}

#define GOLD "g0lden"

static size_t spilt; /* blocks that were freed with GOLD in them */

static void
look_and_free(void *p)
{
	if (p != NULL &&
	    memmem(p, malloc_usable_size(p), GOLD, sizeof(GOLD) - 1) != NULL)
		spilt++;
	free(p);
}

struct secretive {
	const char *text;
	struct pairs map;
};

static const struct field secret_fields[] = {
	{ "text", FIELD_STR, OPTIONAL, offsetof(struct secretive, text),
	    .is_secret = true },
	{ "map", FIELD_MAP, OPTIONAL, offsetof(struct secretive, map), 2,
	    .is_secret = true },
	{ 0 },
};

static const struct {
	const char *json;
	bool is_decoded;
} secret_rows[] = {
	{ "{\"text\":\"" GOLD "\"}", true },
	{ "{\"map\":{\"a\":\"" GOLD "\"}}", true },
	{ "{\"map\":{\"a\":\"" GOLD "\",\"b\":1}}", false },
	{ "{\"map\":{\"a\":{\"b\":[\"" GOLD "\"]}}}", false },
	{ "{\"other\":\"" GOLD "\"}", false },
	{ "[\"" GOLD "\"]", false },
};

static void
test_nothing_that_was_parsed_is_freed_unwiped(void **state)
{
	cJSON_Hooks hooks = { malloc, look_and_free };
	struct error e;

	(void)state;
	cJSON_InitHooks(&hooks);
	for (size_t i = 0; i < sizeof(secret_rows) / sizeof(secret_rows[0]);
	     i++) {
		const char *json = secret_rows[i].json;
		struct arena arena = { 0 };
		char call[128];
		struct message m;
		struct bad_field bad;
		int n = snprintf(call, sizeof(call),
		    "{\"method\":\"a.b\",\"parameters\":%s}", json);

		print_message("%s\n", json);
		spilt = 0;
		assert_int_equal(
		    codec_decode_text(json, secret_fields,
			sizeof(struct secretive), &arena, &bad) != NULL,
		    secret_rows[i].is_decoded);
		assert_int_equal(spilt, 0);
		if (secret_rows[i].is_decoded)
			assert_true(arena.has_secrets);
		arena_clear(&arena);
		if (json[0] == '{') {
			assert_int_equal(
			    message_parse_call(call, (size_t)n, &m, &e), 0);
			message_clear(&m);
			assert_int_equal(spilt, 0);
		}
	}
	cJSON_InitHooks(NULL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type_is_decoded),
		cmocka_unit_test(test_absent_members_have_their_default),
		cmocka_unit_test(test_every_refusal_names_the_member),
		cmocka_unit_test(test_missing_and_long_texts_are_refused),
		cmocka_unit_test(test_a_value_over_its_own_limit_is_refused),
		cmocka_unit_test(test_a_long_name_is_cut),
		cmocka_unit_test(test_strings_that_are_not_text_are_made_text),
		cmocka_unit_test(
		    test_encoding_stops_at_the_limit_of_the_buffer),
		cmocka_unit_test(
		    test_every_table_of_the_wire_survives_a_round_trip),
		cmocka_unit_test(test_an_absent_member_is_not_encoded),
		cmocka_unit_test(test_nothing_that_was_parsed_is_freed_unwiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
