/* SPDX-License-Identifier: Apache-2.0 */
/* durable.c - see durable.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/xalloc.h"
#include "gatewayd/durable.h"

/* A name that comes or goes is on the disk when its directory is. */
static int
sync_parent(const char *path, struct error *e)
{
	autofree char *dir =
	    xstrndup(path, (size_t)(strrchr(path, '/') + 1 - path));
	autoclose int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return error_errno(e, "cannot sync '%s'", dir);
	return 0;
}

static int
write_all(int fd, const char *data, size_t len)
{
	for (ssize_t r; len > 0; data += r, len -= (size_t)r) {
		r = write(fd, data, len);
		if (r < 0)
			return -1;
	}
	return fsync(fd);
}

int
durable_write(const char *path, const void *data, size_t len, mode_t mode,
    struct error *e)
{
	const char *name = strrchr(path, '/') + 1;
	autofree char *new =
	    xasprintf("%.*s.%s.new", (int)(name - path), path, name);
	autoclose int fd = -1;

	(void)unlink(new);
	fd = open(
	    new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(e, "cannot make '%s'", new);
	if (write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 ||
	    rename(new, path) < 0) {
		(void)error_errno(e, "cannot write '%s'", path);
		(void)unlink(new);
		return -1;
	}
	return sync_parent(path, e);
}

int
durable_remove(const char *path, struct error *e)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(e, "cannot remove '%s'", path);
	return sync_parent(path, e);
}
