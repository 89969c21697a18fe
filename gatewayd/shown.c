/* SPDX-License-Identifier: Apache-2.0 */
/* shown.c - see shown.h. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/dirs.h"
#include "common/field.h"
#include "common/log.h"
#include "common/varlink/server.h"
#include "common/wire/supervisor.h"
#include "gatewayd/gateway.h"
#include "gatewayd/shown.h"

/* Would it show something of dir, or is it in there? */
static bool
overlaps(const char *path, const char *dir)
{
	autofree char *real_path = realpath(path, NULL);
	autofree char *real_dir = realpath(dir, NULL);

	return real_path != NULL && real_dir != NULL &&
	       (dirs_is_within(real_path, real_dir) ||
		   dirs_is_within(real_dir, real_path));
}

static int
check_path(const struct gateway *gw, const char *path, struct error *e)
{
	if (!dirs_is_plain(path))
		return error_set(e, ERR_INVALID,
		    "'%.150s' can't be shown: it is no absolute path without "
		    "'.' and '..'",
		    path);
	if (overlaps(path, gw->dirs.state) || overlaps(path, gw->dirs.config) ||
	    overlaps(path, gw->dirs.runtime))
		return error_set(e, ERR_INVALID,
		    "'%.150s' can't be shown: the gateway's own files are "
		    "there",
		    path);
	return 0;
}

int
shown_check(const struct gateway *gw, const struct peer *peer,
    const struct strings *paths, struct error *e)
{
	if (paths->n > 0 && peer->uid != geteuid() && peer->uid != 0)
		return error_set(e, ERR_DENIED,
		    "'%.150s' can't be shown: the gateway runs as another "
		    "user; install it for everybody, in /usr/local or /opt",
		    paths->v[0]);
	for (size_t i = 0; i < paths->n; i++)
		if (check_path(gw, paths->v[i], e) < 0)
			return -1;
	return 0;
}

size_t
shown_binds(const struct strings *paths, struct supervisor_bind *ret)
{
	struct stat st;
	size_t n = 0;

	for (size_t i = 0; i < paths->n; i++) {
		const char *path = paths->v[i];

		/* An update may have removed it; the sandbox's files are worth
		 * a start without it. */
		if (lstat(path, &st) == 0)
			ret[n++] = (struct supervisor_bind){ path, path };
		else
			log_warn("no longer shown path=%s", path);
	}
	return n;
}
