/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - calls to a Varlink service.
 *
 * Two ways: a client on a libevent loop, for daemons, which queues calls and
 * answers through callbacks; and varlink_call_blocking(), for programs that
 * have nothing else to do.
 */
#ifndef COMMON_VARLINK_CLIENT_H
#define COMMON_VARLINK_CLIENT_H

#include <stdbool.h>

#include "common/error.h"
#include "common/varlink/varlink.h"

struct event_base;
struct varlink_client;

/*
 * One reply.  reply is of the method's reply type and lives until the
 * callback returns; take descriptors out with steal_fd(), the rest are closed.
 * On failure error is set and reply is NULL.  Nothing follows a reply whose
 * continues is false.
 */
struct varlink_result {
	void *reply;
	const struct error *error; /* NULL: it worked */
	const char *error_name;    /* as on the wire, or NULL */
	const char *error_params;  /* JSON text, or NULL */
	bool continues;
};
typedef void varlink_result_fn(void *arg, const struct varlink_result *);

/*
 * Owns fd.  closed(arg) is called once when the connection ends, after every
 * call in the queue was answered with ERR_UNAVAILABLE; the client is then
 * dead and must be freed, which is allowed inside the callback.
 */
struct varlink_client *varlink_client_new(struct event_base *,
    const struct interface *, int fd, void (*closed)(void *arg), void *arg);
/* Pending callbacks are not called. */
void varlink_client_free(struct varlink_client *);

/*
 * Queues a call; calls go out one at a time, in order.  params is of the
 * method's params type (NULL if it has none) and is copied; descriptors are
 * duplicated.  done may be NULL.
 */
void varlink_client_call(struct varlink_client *, const struct method *,
    const void *params, bool more, varlink_result_fn *done, void *arg);

/*
 * The blocking way, on a connected blocking socket that stays the caller's.
 * done is called for every reply (more) or once, also for an error reply, and
 * before the function returns.  -1 if the connection or the peer failed, with
 * the reason; an error reply is 0 and goes to done.  timeout_ms -1 is none
 * and holds for each reply.
 */
int varlink_call_blocking(int fd, const struct interface *,
    const struct method *, const void *params, bool more, int timeout_ms,
    varlink_result_fn *done, void *arg, struct error *);

#endif
