/* SPDX-License-Identifier: Apache-2.0 */
/* durable.c - see durable.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
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

void
durable_wipe(int fd)
{
	static const char zeros[4096];
	struct stat st;
	off_t at = 0;
	ssize_t n = fstat(fd, &st) < 0 ? -1 : 0;

	while (n >= 0 && at < st.st_size) {
		off_t left = st.st_size - at;

		n = pwrite(fd, zeros,
		    left < (off_t)sizeof(zeros) ? (size_t)left : sizeof(zeros),
		    at);
		at += n;
	}
	if (n < 0 || fsync(fd) < 0)
		log_debug("a file that goes isn't overwritten");
}

/* The hidden one beside it, owned. */
static char *
new_path(const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	return xasprintf("%.*s.%s.new", (int)(name - path), path, name);
}

/* It may hold a key. */
static int
wipe_and_unlink(const char *path)
{
	autoclose int fd =
	    open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		durable_wipe(fd);
	return unlink(path) < 0 && errno != ENOENT ? -1 : 0;
}

int
durable_clean(const char *path, struct error *e)
{
	autofree char *new = new_path(path);

	if (wipe_and_unlink(new) < 0)
		return error_errno(e, "cannot remove '%s'", new);
	return 0;
}

int
durable_write(const char *path, const void *data, size_t len, mode_t mode,
    struct error *e)
{
	autofree char *new = new_path(path);
	autoclose int fd = -1;

	(void)wipe_and_unlink(new);
	fd = open(
	    new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(e, "cannot make '%s'", new);
	if (write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 ||
	    rename(new, path) < 0) {
		(void)error_errno(e, "cannot write '%s'", path);
		(void)wipe_and_unlink(new);
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
