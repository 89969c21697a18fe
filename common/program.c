/* SPDX-License-Identifier: Apache-2.0 */
/* program.c - see program.h. */
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/program.h"
#include "common/xalloc.h"

/* A name that ends with '_' stands for all that begin with it. */
static const char *const inherited[] = { "ASAN_OPTIONS",
	"CREDENTIALS_DIRECTORY", "HOME", "JOURNAL_STREAM", "LANG", "LC_",
	"LOGNAME", "LSAN_OPTIONS", "OPENSHELL_CONFIG_DIR",
	"OPENSHELL_RUNTIME_DIR", "OPENSHELL_STATE_DIR", "PATH", "SSL_CERT_DIR",
	"SSL_CERT_FILE", "TMPDIR", "TZ", "UBSAN_OPTIONS", "USER", "XDG_" };

/* The directory that the running program is in; owned. */
static char *
own_directory(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		fatal("cannot find my own program");
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	return xstrdup(self);
}

char *
program_find(const char *name)
{
	autofree char *own = own_directory();
	char *path = xasprintf("%s/%s", own, name);

	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return xasprintf("%s/../libexec/openshell/%s", own, name);
}

char *
program_data(const char *name)
{
	autofree char *own = own_directory();
	char *path = xasprintf("%s/../share/openshell/%s", own, name);

	if (access(path, R_OK) == 0)
		return path;
	free(path);
	return xasprintf("%s/../../share/openshell/%s", own, name);
}

static bool
is_inherited(const char *variable)
{
	for (size_t i = 0; i < sizeof(inherited) / sizeof(inherited[0]); i++) {
		size_t n = strlen(inherited[i]);

		if (strncmp(variable, inherited[i], n) == 0 &&
		    (inherited[i][n - 1] == '_' || variable[n] == '='))
			return true;
	}
	return false;
}

char **
program_environment(char *const *environment)
{
	char **ret;
	size_t n = 0;

	while (environment[n] != NULL)
		n++;
	ret = xcalloc(n + 1, sizeof(*ret));
	n = 0;
	for (; *environment != NULL; environment++)
		if (is_inherited(*environment))
			ret[n++] = *environment;
	return ret;
}
