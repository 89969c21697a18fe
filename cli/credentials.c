/* SPDX-License-Identifier: Apache-2.0 */
/* credentials.c - see credentials.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/credentials.h"
#include "common/cleanup.h"
#include "common/xalloc.h"

static int
add(struct credentials *c, char *key, char *value)
{
	if (strlen(value) > PROVIDER_VALUE_MAX) {
		(void)complain("the value of %s is longer than %d bytes", key,
		    PROVIDER_VALUE_MAX);
		free(key);
		free_secret(value);
		return EXIT_FAILED;
	}
	if (c->n == PROVIDER_CREDENTIALS_MAX) {
		free(key);
		free_secret(value);
		return complain("a provider has at most %d credentials",
		    PROVIDER_CREDENTIALS_MAX);
	}
	c->v[c->n++] =
	    (struct gateway_credential){ .key = key, .value = value };
	return EXIT_DONE;
}

/* All of a descriptor, without the line break that editors put there. */
static char *
read_secret(int fd, const char *from)
{
	char *value = xcalloc(1, PROVIDER_VALUE_MAX + 2);
	size_t n = 0;
	ssize_t r;

	while (n <= PROVIDER_VALUE_MAX &&
	       (r = read(fd, value + n, PROVIDER_VALUE_MAX + 1 - n)) > 0)
		n += (size_t)r;
	while (n > 0 && (value[n - 1] == '\n' || value[n - 1] == '\r'))
		value[--n] = '\0';
	if (n > 0 && n <= PROVIDER_VALUE_MAX && strlen(value) == n)
		return value;
	/* With what is behind a NUL, too. */
	explicit_bzero(value, PROVIDER_VALUE_MAX + 2);
	free(value);
	(void)complain(
	    "%s holds no value of 1 to %d bytes", from, PROVIDER_VALUE_MAX);
	return NULL;
}

static char *
read_secret_file(const char *path)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		(void)complain("cannot read '%s'", path);
		return NULL;
	}
	return read_secret(fd, path);
}

static char *
value_from_environment(const char *flag, const char *variable)
{
	const char *value = getenv(variable);

	if (value != NULL && *value != '\0')
		return xstrdup(value);
	(void)complain(
	    "%s %s: the environment has no such variable, or an empty one",
	    flag, variable);
	return NULL;
}

/* KEY's part of KEY or KEY=REST, owned; NULL and an error said. */
static char *
key_of(const char *flag, const char *word, const char **ret_equals)
{
	*ret_equals = strchr(word, '=');
	if (*word == '\0' || *ret_equals == word) {
		(void)complain("%s needs KEY or KEY=...", flag);
		return NULL;
	}
	return *ret_equals == NULL
		   ? xstrdup(word)
		   : xstrndup(word, (size_t)(*ret_equals - word));
}

/* Owns both; value may be NULL: an error was said. */
static int
add_or_free(struct credentials *c, char *key, char *value)
{
	if (value != NULL)
		return add(c, key, value);
	free(key);
	return EXIT_FAILED;
}

static char *
value_of(const char *key, const char *equals)
{
	char *value;

	if (equals == NULL) {
		value = value_from_environment("--credential", key);
		if (value == NULL)
			hint("--credential %s=- reads it from standard input",
			    key);
		return value;
	}
	if (strcmp(equals + 1, "-") == 0)
		return read_secret(STDIN_FILENO, "standard input");
	if (equals[1] == '@')
		return read_secret_file(equals + 2);
	if (equals[1] != '\0')
		say(MARK_NOTICE,
		    "The value of %s stood in the command line, where other "
		    "programs could see it; %s=- reads standard input",
		    key, key);
	return xstrdup(equals + 1);
}

int
credentials_keep(struct credentials *c, const char *key, int64_t expires_at_ms)
{
	if (c->n == PROVIDER_CREDENTIALS_MAX)
		return complain("a provider has at most %d credentials",
		    PROVIDER_CREDENTIALS_MAX);
	c->v[c->n++] =
	    (struct gateway_credential){ xstrdup(key), NULL, expires_at_ms };
	return EXIT_DONE;
}

int
credentials_parse(const struct list *list, struct credentials *ret)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *equals;
		char *key = key_of("--credential", list->v[i], &equals);

		if (key == NULL ||
		    add_or_free(ret, key, value_of(key, equals)) != EXIT_DONE)
			return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static int
parse_variables(const struct list *list, struct credentials *ret)
{
	static const char flag[] = "--secret-material-env";

	for (size_t i = 0; i < list->n; i++) {
		const char *equals;
		char *key = key_of(flag, list->v[i], &equals);

		if (key == NULL ||
		    add_or_free(ret, key,
			value_from_environment(flag,
			    equals != NULL ? equals + 1 : key)) != EXIT_DONE)
			return EXIT_FAILED;
	}
	return EXIT_DONE;
}

int
material_parse(const struct list *variables, const struct list *sources,
    struct credentials *ret)
{
	static const char flag[] = "--secret-material-key";

	if (parse_variables(variables, ret) != EXIT_DONE)
		return EXIT_FAILED;
	for (size_t i = 0; i < sources->n; i++) {
		const char *equals;
		char *key = key_of(flag, sources->v[i], &equals);

		if (key == NULL)
			return EXIT_FAILED;
		if (equals != NULL && strcmp(equals, "=-") != 0 &&
		    equals[1] != '@') {
			(void)complain("%s %s takes standard input (KEY or "
				       "KEY=-) or KEY=@FILE, no value",
			    flag, key);
			free(key);
			return EXIT_USAGE;
		}
		if (add_or_free(ret, key,
			value_of(key, equals != NULL ? equals : "=-")) !=
		    EXIT_DONE)
			return EXIT_FAILED;
	}
	return EXIT_DONE;
}

void
credentials_clear(struct credentials *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free((void *)(uintptr_t)c->v[i].key);
		free_secret((char *)(uintptr_t)c->v[i].value);
	}
	c->n = 0;
}

size_t
credentials_discover(
    const struct gateway_profile *type, struct credentials *ret)
{
	size_t found = 0;

	for (size_t i = 0; i < type->env_vars.n; i++) {
		const char *key = type->env_vars.v[i];
		const char *value = getenv(key);

		if (value == NULL || *value == '\0')
			continue;
		found++;
		(void)add(ret, xstrdup(key), xstrdup(value));
	}
	return found;
}
