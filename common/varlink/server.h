/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - a Varlink service on a libevent loop.
 *
 * The server checks the caller's role, decodes the parameters by the method's
 * table, calls the handler, and encodes replies.  It also serves
 * org.varlink.service.  A handler never meets a missing or mistyped field.
 *
 * Hostile input: every byte of a connection.  A frame over VARLINK_FRAME_MAX,
 * nested deeper than VARLINK_DEPTH_MAX or not a JSON object closes the
 * connection with a log line.  A peer that doesn't read is bounded: when
 * VARLINK_QUEUE_MAX bytes wait for it, its connection is closed.
 */
#ifndef COMMON_VARLINK_SERVER_H
#define COMMON_VARLINK_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/varlink/varlink.h"

#define VARLINK_QUEUE_MAX (8u << 20)
#define VARLINK_CONNECTIONS_MAX 1024
/* So that nobody is locked out by somebody of less: of one user with
 * ROLE_USER, and of all those together. */
#define VARLINK_USER_CONNECTIONS_MAX 128
#define VARLINK_USERS_CONNECTIONS_MAX (VARLINK_CONNECTIONS_MAX - 256)

struct event_base;
struct varlink_server;
struct call; /* one call, from its request to its last reply */

/* Who is at the other end: SO_PEERCRED, taken at accept. */
struct peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

/* What a peer may call: each role includes the ones before it. */
enum role { ROLE_NOBODY, ROLE_USER, ROLE_ADMIN };

/*
 * A handler answers with call_reply(), now or later, and returns 0; or fills
 * the error and returns -1, which answers with that error.  params is of the
 * method's params type; it and everything it points to lives as long as the
 * call.  Descriptors in it are closed with the call unless the handler takes
 * them with steal_fd().
 */
typedef int handler_fn(struct call *, void *params, struct error *);

struct handler {
	const struct method *method;
	enum role role; /* the least that may call */
	handler_fn *run;
};

struct service {
	const char *product; /* "openshell gatewayd" */
	const struct interface *interface;
	const struct handler *handlers; /* ends with a zero row */
	enum role (*role)(void *ctx, const struct peer *);
	void *ctx; /* for role() and call_ctx() */
};

/* The service is borrowed until the server is freed. */
struct varlink_server *varlink_server_new(
    struct event_base *, const struct service *);
/* Closes listeners and connections; open calls are cancelled. */
void varlink_server_free(struct varlink_server *);
/* Accepts on a listening socket; owns fd from now on. */
int varlink_server_listen(struct varlink_server *, int fd, struct error *);
/* Serves one connected socket; owns fd, also when it fails. */
int varlink_server_add(struct varlink_server *, int fd, struct error *);

/* For handlers. */
void *call_ctx(struct call *);               /* service.ctx */
const struct peer *call_peer(struct call *); /* until the call ends */
/* Set by the client: it takes more than one reply. */
bool call_wants_more(struct call *);

/*
 * The last reply; the call is dead after it.  reply is of the method's reply
 * type (NULL if it has none) and is copied; descriptors in it are duplicated.
 */
void call_reply(struct call *, const void *reply);
/* One of several ("continues"); the call lives on.  Only if the client wants
 * more. */
void call_reply_more(struct call *, const void *reply);
/* Ends the call with an error; dead after it. */
void call_error(struct call *, const struct error *);
/* Ends the call with a named error of the interface and its parameters. */
void call_error_with(struct call *, const char *name,
    const struct field *fields, const void *params);

/*
 * cancel(arg) is called once if the call ends in any way, so that whoever
 * holds the call can forget it: inside call_reply() and call_error() as well
 * as when the peer hangs up (shutting down its writing side is hanging up) or
 * the server is freed.  Only one; NULL takes it away.  A call that has none
 * must be answered in the end, also when its connection is gone.
 */
void call_on_end(struct call *, void (*cancel)(void *arg), void *arg);
/* Bytes that wait to be sent to this peer: for streams that should pause. */
size_t call_queued(struct call *);

#endif
