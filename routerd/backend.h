/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend.h - what each type of provider speaks: where it is, how it takes its
 * key, which protocols it offers, which headers of a client reach it.
 *
 * A new type is a row.  Everything that isn't in the row's lists stays here: a
 * client's own credentials never leave.
 */
#ifndef ROUTERD_BACKEND_H
#define ROUTERD_BACKEND_H

#include <stdbool.h>

#include "common/http/slice.h"
#include "routerd/api.h"

enum backend_auth {
	AUTH_BEARER, /* Authorization: Bearer KEY */
	AUTH_X_API_KEY,
	AUTH_SIGV4, /* AWS Signature Version 4 */
};

struct backend {
	const char *type;
	const char *endpoint; /* base URL; NULL: a route must say it */
	enum backend_auth auth;
	unsigned protocols;         /* bits of enum protocol */
	const char *const *pass;    /* headers, ends with NULL */
	const char *default_header; /* NULL: none */
	const char *default_value;  /* unless the client said it */
	bool is_vertex;
	bool tells_usage; /* in a stream, if stream_options asks for it */
};

/* NULL if models can't be asked of that type. */
const struct backend *backend_find(const char *type);
bool backend_offers(const struct backend *, enum protocol);
/* May this header of a client reach it? */
bool backend_passes(const struct backend *, struct http_slice name);

#endif
