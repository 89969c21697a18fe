/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.h - a frame that answers a call, made into what a caller gets.
 */
#ifndef COMMON_VARLINK_RESULT_H
#define COMMON_VARLINK_RESULT_H

#include "common/varlink/arena.h"
#include "common/varlink/client.h"
#include "common/varlink/message.h"

/* Owns everything its public half points to. */
struct result {
	struct varlink_result public;
	const struct method *method;
	struct message message;
	struct arena arena;
	struct error error;
	char *error_params;
};

/*
 * -1 with the error set if the peer broke the protocol: nothing to clear
 * then.  Takes what it wants out of passed.
 */
int result_open(struct result *, const struct interface *,
    const struct method *, bool more, const char *text, size_t len,
    struct passed *, struct error *);
void result_clear(struct result *);

#endif
