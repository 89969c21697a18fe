/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/varlink/varlink.h"
#include "common/wire/gateway.h"
#include "common/wire/proxy.h"
#include "common/wire/supervisor.h"

/*
 * A recogniser of the language (varlink.org/Interface-Definition), as strict
 * as other implementations are.
 */
struct cursor {
	const char *at;
};

static void
skip_space(struct cursor *c)
{
	for (;;) {
		c->at += strspn(c->at, " \n");
		if (*c->at != '#')
			return;
		c->at += strcspn(c->at, "\n");
	}
}

static bool
take(struct cursor *c, const char *word)
{
	size_t n = strlen(word);

	skip_space(c);
	if (strncmp(c->at, word, n) != 0)
		return false;
	c->at += n;
	return true;
}

static bool
take_name(struct cursor *c, bool upper)
{
	const char *start;

	skip_space(c);
	start = c->at;
	if (upper ? !isupper((unsigned char)*start)
		  : !isalpha((unsigned char)*start))
		return false;
	while (isalnum((unsigned char)*c->at) ||
	       (!upper && *c->at == '_' && c->at[-1] != '_'))
		c->at++;
	return c->at[-1] != '_';
}

static bool take_struct(struct cursor *);

static bool
take_type(struct cursor *c)
{
	(void)take(c, "?");
	if (!take(c, "[]"))
		(void)take(c, "[string]");
	return take(c, "bool") || take(c, "int") || take(c, "string") ||
	       take_struct(c);
}

static bool
take_struct(struct cursor *c)
{
	if (!take(c, "("))
		return false;
	if (take(c, ")"))
		return true;
	do
		if (!take_name(c, false) || !take(c, ":") || !take_type(c))
			return false;
	while (take(c, ","));
	return take(c, ")");
}

static bool
take_member(struct cursor *c)
{
	if (take(c, "method "))
		return take_name(c, true) && take_struct(c) && take(c, "->") &&
		       take_struct(c);
	if (take(c, "error "))
		return take_name(c, true) && take_struct(c);
	return false;
}

static bool
is_description(const char *text, const char *name)
{
	struct cursor c = { text };

	if (!take(&c, "interface ") || !take(&c, name))
		return false;
	do {
		if (!take_member(&c))
			return false;
		skip_space(&c);
	} while (*c.at != '\0');
	return true;
}

static void
test_every_description_parses_and_is_stable(void **state)
{
	static const struct interface *const interfaces[] = {
		&gateway_interface,
		&proxy_interface,
		&supervisor_interface,
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		autofree char *one = varlink_describe(interfaces[i]);
		autofree char *two = varlink_describe(interfaces[i]);

		assert_true(is_description(one, interfaces[i]->name));
		assert_string_equal(one, two);
	}
	assert_true(
	    is_description(varlink_service_description, "org.varlink.service"));
}

static void
test_a_broken_description_does_not_parse(void **state)
{
	(void)state;
	assert_false(is_description("interface a.b\nmethod Get(", "a.b"));
	assert_false(
	    is_description("interface a.b\nmethod get() -> ()", "a.b"));
	assert_false(
	    is_description("interface a.b\nmethod G(x__y: int) -> ()", "a.b"));
}

struct sub {
	const char *name;
};

struct all {
	bool flag;
	int64_t number;
	const char *text;
	struct strings list;
	struct pairs map;
	int fd;
	struct fds fds;
	struct sub *one;
	struct objects many;
};

static const struct field sub_fields[] = {
	{ "name", FIELD_STR, REQUIRED, offsetof(struct sub, name), 3 },
	{ 0 },
};

#define P(member) offsetof(struct all, member)
static const struct field all_fields[] = {
	{ "flag", FIELD_BOOL, REQUIRED, P(flag) },
	{ "number", FIELD_INT, OPTIONAL, P(number) },
	{ "text", FIELD_STR, REQUIRED, P(text) },
	{ "list", FIELD_STRS, OPTIONAL, P(list), 2 },
	{ "map", FIELD_MAP, OPTIONAL, P(map), 2 },
	{ "fd", FIELD_FD, REQUIRED, P(fd) },
	{ "fds", FIELD_FDS, OPTIONAL, P(fds), 2 },
	{ "one", FIELD_OBJ, OPTIONAL, P(one), 0, sub_fields,
	    sizeof(struct sub) },
	{ "many", FIELD_OBJS, REQUIRED, P(many), 2, sub_fields,
	    sizeof(struct sub) },
	{ 0 },
};

static const struct method all_method = {
	.name = "All",
	.doc = "Takes everything.",
	.params = all_fields,
	.params_size = sizeof(struct all),
	.flags = METHOD_MORE,
};
static const struct method *const methods[] = { &all_method, NULL };
static const struct named_error errors[] = {
	{ "Special", "It is special.", sub_fields },
	{ 0 },
};
static const struct interface interface = { "a.b", "All types.", methods,
	errors };

static const char expected[] = "# All types.\n"
			       "interface a.b\n"
			       "\n"
			       "# Takes everything.\n"
			       "# To be called with \"more\".\n"
			       "# Indexes of passed descriptors: fd, fds\n"
			       "method All(\n"
			       "  flag: bool,\n"
			       "  number: ?int,\n"
			       "  text: string,\n"
			       "  list: ?[]string,\n"
			       "  map: ?[string]string,\n"
			       "  fd: int,\n"
			       "  fds: ?[]int,\n"
			       "  one: ?(\n"
			       "    name: string\n"
			       "  ),\n"
			       "  many: [](\n"
			       "    name: string\n"
			       "  )\n"
			       ") -> ()\n"
			       "\n"
			       "# It is special.\n"
			       "error Special (\n"
			       "  name: string\n"
			       ")\n"
			       "\n"
			       "error InvalidArgument (message: string)\n";

static void
test_every_type_has_its_words(void **state)
{
	autofree char *text = varlink_describe(&interface);

	(void)state;
	text[sizeof(expected) - 1] = '\0';
	assert_string_equal(text, expected);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_description_parses_and_is_stable),
		cmocka_unit_test(test_a_broken_description_does_not_parse),
		cmocka_unit_test(test_every_type_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
