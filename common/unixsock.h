/* SPDX-License-Identifier: Apache-2.0 */
/* unixsock.h - Unix stream sockets at a path, as unix(7) has them. */
#ifndef COMMON_UNIXSOCK_H
#define COMMON_UNIXSOCK_H

#include <sys/types.h>

#include "common/error.h"

/*
 * A listening socket at path with that mode from its birth; a socket that was
 * left there is replaced.  The directory must be writable by us alone.
 * CLOEXEC, non-blocking.  ERR_INVALID if the path is too long.
 */
int unixsock_listen(const char *path, mode_t mode, int *ret_fd, struct error *);
/* A connected socket; CLOEXEC, blocking.  ERR_UNAVAILABLE if nobody serves. */
int unixsock_connect(const char *path, int *ret_fd, struct error *);

#endif
