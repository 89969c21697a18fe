/* SPDX-License-Identifier: Apache-2.0 */
/* selector.c - see selector.h. */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/policy/match.h"
#include "common/policy/selector.h"
#include "common/xalloc.h"

struct selector {
	struct pattern host;
	struct pattern path;
	uint16_t port;
};

static int
check_path(const char *path, struct error *e)
{
	struct glob *glob = NULL;
	int r = glob_compile(path, GLOB_PATH, &glob, e);

	glob_free(glob);
	if (r < 0)
		return -1;
	if (path[0] != '/' && strcmp(path, "**") != 0)
		return error_set(e, ERR_INVALID,
		    "path '%.120s' must start with '/' or be '**'", path);
	return 0;
}

int
selector_new(const char *host, uint16_t port, const char *path,
    struct selector **ret, struct error *e)
{
	const char *wrong = host_pattern_error(host);
	autofree char *lower = xstrdup(host);
	struct selector *s;

	if (path == NULL || path[0] == '\0')
		path = "**";
	if (wrong != NULL)
		return error_set(
		    e, ERR_INVALID, "host '%.253s' %s", host, wrong);
	if (port == 0)
		return error_set(e, ERR_INVALID, "port is missing");
	if (check_path(path, e) < 0)
		return -1;
	for (char *p = lower; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
	s = xcalloc(1, sizeof(*s));
	pattern_set_host(&s->host, lower);
	pattern_set_path(&s->path, path);
	s->port = port;
	*ret = s;
	return 0;
}

void
selector_free(struct selector *s)
{
	if (s == NULL)
		return;
	pattern_clear(&s->host);
	pattern_clear(&s->path);
	free(s);
}

bool
selector_matches(
    const struct selector *s, const char *host, uint16_t port, const char *path)
{
	return s->port == port &&
	       pattern_matches(&s->host, host, strlen(host)) &&
	       (path == NULL || pattern_matches(&s->path, path, strlen(path)));
}
