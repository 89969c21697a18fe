/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.h - the one spelling of a path, for matching and for going upstream.
 *
 * A policy is judged on the canonical path and the server gets that very
 * path, so that no spelling (`..`, `%2e`, `//`, `;x`, `%2F`, overlong UTF-8)
 * means one thing to us and another to the server.  Canonical: starts with
 * '/', no empty, `.` or `..` segments, no `;parameters`, unreserved and
 * sub-delims and `:` `@` literal, all else %HH in upper case.  Canonicalising
 * what is canonical changes nothing.
 *
 * Refused (ERR_INVALID): `*`, control bytes raw or encoded, non-ASCII, `#`,
 * broken escapes, escapes that aren't UTF-8, climbing above the root, a dot
 * segment beside a kept `%2F` or a `\`, and a query with broken escapes or
 * ones that aren't UTF-8.
 */
#ifndef COMMON_HTTP_PATH_H
#define COMMON_HTTP_PATH_H

#include "common/error.h"
#include "common/http/slice.h"

#define HTTP_PATH_MAX 4096 /* bytes, as sent and as canonical */

struct http_path {
	char path[HTTP_PATH_MAX + 1]; /* a C string */
	size_t len;
	struct http_slice query; /* verbatim, in the target; absent if no '?' */
	bool has_encoded_slash;  /* a %2F was kept */
};

/*
 * target: origin-form or absolute-form; an empty path is "/".  Without
 * allow_encoded_slash a %2F is ERR_INVALID; with it the caller checks
 * has_encoded_slash again with the endpoint that the path then selects.
 */
int http_path_canon(struct http_slice target, bool allow_encoded_slash,
    struct http_path *ret, struct error *);

/*
 * The next `name=value` of a raw query; false at the end.  Both are still
 * encoded; an absent value (no '=') has p NULL.
 */
bool http_query_next(struct http_slice *rest, struct http_slice *ret_name,
    struct http_slice *ret_value);
/* Decodes %HH and '+' into out (s.n bytes suffice); returns the length.  The
 * escapes have been checked by http_path_canon. */
size_t http_query_decode(struct http_slice s, char *out);

#endif
