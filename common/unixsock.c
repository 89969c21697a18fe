/* SPDX-License-Identifier: Apache-2.0 */
/* unixsock.c - see unixsock.h. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/cleanup.h"
#include "common/unixsock.h"

static int
set_path(struct sockaddr_un *sun, const char *path, struct error *e)
{
	size_t len = strlen(path);

	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	/* An empty path would be an abstract address, open to everybody in the
	 * network namespace. */
	if (len == 0)
		return error_set(e, ERR_INVALID, "socket path is empty");
	if (len >= sizeof(sun->sun_path))
		return error_set(
		    e, ERR_INVALID, "socket path '%s' is too long", path);
	memcpy(sun->sun_path, path, len + 1);
	return 0;
}

int
unixsock_listen(const char *path, mode_t mode, int *ret_fd, struct error *e)
{
	struct sockaddr_un sun;
	autoclose int fd = -1;
	struct stat st;
	mode_t old;
	int r;

	if (set_path(&sun, path, e) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_errno(e, "cannot create socket");

	/* Left by a crash; the directory is writable by us alone. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path);

	/* Born with its mode: chmod after bind would leave a moment open. */
	old = umask(~mode & 0777);
	r = bind(fd, (struct sockaddr *)&sun, sizeof(sun));
	(void)umask(old);
	if (r < 0)
		return error_errno(e, "cannot bind '%s'", path);
	if (listen(fd, SOMAXCONN) < 0)
		return error_errno(e, "cannot listen on '%s'", path);

	*ret_fd = steal_fd(&fd);
	return 0;
}

int
unixsock_connect(const char *path, int *ret_fd, struct error *e)
{
	struct sockaddr_un sun;
	autoclose int fd = -1;

	if (set_path(&sun, path, e) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(e, "cannot create socket");
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		(void)error_errno(e, "cannot connect to '%s'", path);
		if (errno == ENOENT || errno == ECONNREFUSED)
			e->code = ERR_UNAVAILABLE;
		else if (errno == EACCES)
			e->code = ERR_DENIED;
		return -1;
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}
