/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint.h - a connection to the gateway, and to nobody who only listens
 * where it should be.
 *
 * Whoever answers is sent credentials and says which variables of the
 * environment are some, so that it is known by its user id before it gets a
 * byte.
 */
#ifndef CLI_ENDPOINT_H
#define CLI_ENDPOINT_H

#include "common/error.h"

enum endpoint {
	/* The caller's own: the socket's directory is the caller's and nobody
	 * else can write it, and so is who listens. */
	ENDPOINT_OWN,
	/* Shared: who listens is the caller, root, or the owner of the socket's
	 * directory, if nobody else can write that. */
	ENDPOINT_SHARED,
};

/* Blocking.  ERR_UNAVAILABLE if nobody serves there, ERR_DENIED if somebody
 * does whom the caller mustn't trust. */
int endpoint_connect(
    const char *socket, enum endpoint, int *ret_fd, struct error *);

#endif
