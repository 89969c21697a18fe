/* SPDX-License-Identifier: Apache-2.0 */
/* credentials.c - see credentials.h. */
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/credentials.h"
#include "common/cleanup.h"
#include "common/xalloc.h"

static void
wipe(char *s)
{
	OPENSSL_cleanse(s, strlen(s));
	free(s);
}

static int
add(struct credentials *c, char *key, char *value)
{
	if (strlen(value) > PROVIDER_VALUE_MAX) {
		(void)complain("the value of %s is longer than %d bytes", key,
		    PROVIDER_VALUE_MAX);
		free(key);
		wipe(value);
		return EXIT_FAILED;
	}
	if (c->n == PROVIDER_CREDENTIALS_MAX) {
		free(key);
		wipe(value);
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
	wipe(value);
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
value_from_environment(const char *key)
{
	const char *value = getenv(key);

	if (value != NULL && *value != '\0')
		return xstrdup(value);
	(void)complain("--credential %s: the environment has no such variable, "
		       "or an empty one",
	    key);
	hint("--credential %s=- reads it from standard input", key);
	return NULL;
}

static char *
value_of(const char *key, const char *equals)
{
	if (equals == NULL)
		return value_from_environment(key);
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
		const char *word = list->v[i], *equals = strchr(word, '=');
		char *key, *value;

		if (equals == word || *word == '\0')
			return complain("--credential needs KEY or KEY=VALUE");
		key = equals != NULL ? xstrndup(word, (size_t)(equals - word))
				     : xstrdup(word);
		value = value_of(key, equals);
		if (value == NULL) {
			free(key);
			return EXIT_FAILED;
		}
		if (add(ret, key, value) != EXIT_DONE)
			return EXIT_FAILED;
	}
	return EXIT_DONE;
}

void
credentials_clear(struct credentials *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free((void *)(uintptr_t)c->v[i].key);
		if (c->v[i].value != NULL)
			wipe((char *)(uintptr_t)c->v[i].value);
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
