/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup.c - see cgroup.h. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cgroup.h"
#include "common/cleanup.h"
#include "common/xalloc.h"

#define TEXT_MAX 65536

static bool
has_word(const char *list, size_t n, const char *word, char separator)
{
	size_t len = strlen(word);

	while (n >= len) {
		const char *end = memchr(list, separator, n);
		size_t one = end != NULL ? (size_t)(end - list) : n;

		if (one == len && memcmp(list, word, len) == 0)
			return true;
		if (end == NULL)
			return false;
		list += one + 1;
		n -= one + 1;
	}
	return false;
}

char *
cgroup_own_path(const char *text, const char *controller)
{
	while (*text != '\0') {
		size_t line = strcspn(text, "\n");
		const char *names = memchr(text, ':', line);
		const char *path = names == NULL
				       ? NULL
				       : memchr(names + 1, ':',
					     line - (size_t)(names + 1 - text));

		if (path != NULL &&
		    has_word(
			names + 1, (size_t)(path - names - 1), controller, ','))
			return xstrndup(
			    path + 1, line - (size_t)(path + 1 - text));
		text += line + (text[line] == '\n');
	}
	return NULL;
}

static char *
read_text(const char *path)
{
	autofree char *text = xmalloc(TEXT_MAX + 1);
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, TEXT_MAX);

	if (n < 0)
		return NULL;
	text[n] = '\0';
	return steal_ptr(&text);
}

void
cgroups_read(struct cgroups *c)
{
	c->mounts = read_text("/proc/self/mountinfo");
	c->own = read_text("/proc/self/cgroup");
}

void
cgroups_clear(struct cgroups *c)
{
	free(c->mounts);
	free(c->own);
	*c = (struct cgroups){ 0 };
}

/* Where a hierarchy is mounted, by its type and one of its options; owned, or
 * NULL. */
static char *
find_mount(const char *mounts, const char *type, const char *option)
{
	while (*mounts != '\0') {
		size_t line = strcspn(mounts, "\n");
		autofree char *one = xstrndup(mounts, line);
		char point[1024], kind[32], options[512];
		const char *dash = strstr(one, " - ");

		mounts += line + (mounts[line] == '\n');
		if (dash != NULL &&
		    sscanf(one, "%*s %*s %*s %*s %1023s", point) == 1 &&
		    sscanf(dash, " - %31s %*s %511s", kind, options) == 2 &&
		    strcmp(kind, type) == 0 &&
		    (option[0] == '\0' ||
			has_word(options, strlen(options), option, ',')))
			return xstrdup(point);
	}
	return NULL;
}

char *
cgroups_path(const struct cgroups *c, const char *controller, const char *id)
{
	const char *type = controller[0] == '\0' ? "cgroup2" : "cgroup";
	autofree char *point = NULL, *path = NULL;

	if (c->mounts == NULL || c->own == NULL)
		return NULL;
	point = find_mount(c->mounts, type, controller);
	path = cgroup_own_path(c->own, controller);
	if (point == NULL || path == NULL)
		return NULL;
	return xasprintf(
	    "%s%s/openshell-%s", point, strcmp(path, "/") == 0 ? "" : path, id);
}
