/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint.c - see endpoint.h.
 *
 * The last word has the kernel's note of who called listen(2): directories can
 * be exchanged after they were looked at.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/endpoint.h"
#include "common/cleanup.h"
#include "common/dirs.h"
#include "common/unixsock.h"
#include "common/xalloc.h"

/* Up to its last slash. */
static char *
directory_of(const char *socket)
{
	const char *slash = strrchr(socket, '/');

	return slash == NULL
		   ? xstrdup(".")
		   : xasprintf("%.*s", (int)(slash - socket) + 1, socket);
}

static bool
is_owner(const char *socket, uid_t uid)
{
	autofree char *dir = directory_of(socket);
	struct stat st;

	return stat(dir, &st) == 0 && st.st_uid == uid &&
	       (st.st_mode & 022) == 0;
}

static bool
is_trusted(const char *socket, enum endpoint kind, uid_t uid)
{
	if (uid == geteuid())
		return true;
	return kind == ENDPOINT_SHARED && (uid == 0 || is_owner(socket, uid));
}

static int
check_peer(const char *socket, enum endpoint kind, int fd, struct error *e)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0) {
		(void)error_errno(e, "cannot tell who serves '%s'", socket);
		e->code = ERR_DENIED;
		return -1;
	}
	if (!is_trusted(socket, kind, cred.uid))
		return error_set(e, ERR_DENIED,
		    "'%s' is served by user %u, who is not trusted with it",
		    socket, (unsigned)cred.uid);
	return 0;
}

int
endpoint_connect(
    const char *socket, enum endpoint kind, int *ret_fd, struct error *e)
{
	autofree char *dir = directory_of(socket);
	autoclose int fd = -1;

	if (kind == ENDPOINT_OWN && dirs_check(dir, e) < 0) {
		/* It isn't there, or not for this caller. */
		if (e->code != ERR_DENIED)
			e->code = ERR_UNAVAILABLE;
		return -1;
	}
	if (unixsock_connect(socket, &fd, e) < 0) {
		e->code = ERR_UNAVAILABLE;
		return -1;
	}
	if (check_peer(socket, kind, fd, e) < 0)
		return -1;
	*ret_fd = steal_fd(&fd);
	return 0;
}
