/* SPDX-License-Identifier: Apache-2.0 */
/*
 * varlink.h - methods, interfaces and errors, as both ends know them.
 *
 * The protocol is Varlink (varlink.org): JSON objects, each ended by a NUL
 * byte, over a Unix stream socket, one call in flight a connection.  A
 * descriptor travels as SCM_RIGHTS with the first byte of the message that
 * names it by index.
 *
 * A method is a row in common/wire/: its name, the tables of its parameters
 * and of its reply, and a line of documentation.  A daemon binds rows to
 * handlers (server.h); a client calls rows (client.h).
 */
#ifndef COMMON_VARLINK_VARLINK_H
#define COMMON_VARLINK_VARLINK_H

#include <stddef.h>

#include "common/field.h"

#define VARLINK_FRAME_MAX (4u << 20) /* bytes, without the NUL */
#define VARLINK_DEPTH_MAX 64         /* nested objects and arrays */
#define VARLINK_FDS_MAX 32           /* descriptors with one message */

enum method_flags {
	METHOD_MORE = 1, /* may only be called with "more" */
};

struct method {
	const char *name;
	const char *doc;
	const struct field *params; /* NULL: none */
	size_t params_size;
	const struct field *reply; /* NULL: none */
	size_t reply_size;
	unsigned flags;
};

/* An error that says more than a message. */
struct named_error {
	const char *name;
	const char *doc;
	const struct field *fields;
};

/*
 * Every interface of ours has the same errors: the names of enum error_code,
 * each with (message: string).  errors are those it has besides.
 */
struct interface {
	const char *name; /* "io.openshell.Gateway" */
	const char *doc;
	const struct method *const *methods; /* ends with NULL */
	const struct named_error *errors;    /* ends with a zero row, or NULL */
};

/*
 * The interface description (varlink.org/Interface-Definition), as
 * GetInterfaceDescription serves it and `make docs` writes it.  Owned by the
 * caller.
 */
char *varlink_describe(const struct interface *);

/* org.varlink.service's own description. */
extern const char varlink_service_description[];

#endif
