/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.h - calls and replies as JSON texts.
 *
 * The envelope is checked as strictly as the parameters: unknown, duplicate
 * and mistyped members are refused with ERR_PROTOCOL, which ends a
 * connection.
 */
#ifndef COMMON_VARLINK_MESSAGE_H
#define COMMON_VARLINK_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/varlink/passed.h"

struct cJSON;

struct message {
	struct cJSON *json; /* owned; everything below points into it */
	const struct cJSON *parameters; /* an object, or NULL */
	const char *method;             /* of a call */
	bool more;
	bool oneway;
	bool upgrade;
	const char *error; /* of a reply, or NULL */
	bool continues;
};

/* text is a frame with its NUL; nothing in ret points into it. */
int message_parse_call(
    const char *text, size_t len, struct message *ret, struct error *);
int message_parse_reply(
    const char *text, size_t len, struct message *ret, struct error *);
void message_clear(struct message *);

/* Append a frame with its NUL.  -1 if the frame would be too long; the buf is
 * then of no use. */
int message_write_call(struct buf *, const struct interface *,
    const struct method *, const void *params, bool more, struct passed *);
int message_write_reply(struct buf *, const struct field *fields,
    const void *reply, bool continues, struct passed *);
/* name is the whole name. */
int message_write_error(struct buf *, const char *name,
    const struct field *fields, const void *params);

#endif
