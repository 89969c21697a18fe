/* SPDX-License-Identifier: Apache-2.0 */
/* program.c - see program.h. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/program.h"
#include "common/xalloc.h"

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
