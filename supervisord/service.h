/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.h - io.openshell.Supervisor as PID 1 of a sandbox serves it.
 *
 * Who may connect is decided by the directory that the socket is in: callers'
 * ids are not those of this user namespace.  Nobody from inside may.
 */
#ifndef SUPERVISORD_SERVICE_H
#define SUPERVISORD_SERVICE_H

#include "common/error.h"

struct event_base;
struct facts;
struct listeners;
struct records;
struct sessions;

struct service_parts {
	struct event_base *base;
	const struct facts *facts;
	const struct listeners *listeners;
	struct records *records;
	struct sessions *sessions;
};

/* parts live as long as the process; socket is listening, and owned. */
int service_start(struct service_parts *, int socket, struct error *);

#endif
