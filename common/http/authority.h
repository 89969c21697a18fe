/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authority.h - host names, ports and URLs as the workload writes them.
 *
 * One grammar for CONNECT targets, Host fields, absolute URLs, SNI and DNS
 * names: letters, digits, '-', '_' in labels of 1..63 bytes, at most 253 in
 * all, one trailing dot taken off, lower case out; or a dotted quad; or an
 * IPv6 address in brackets.  Whatever resolvers read as an address though it
 * doesn't look like one ("127.1", "0x7f.0.0.1", "2130706433") is refused, and
 * so are user info, zone ids, percent escapes and non-ASCII.
 */
#ifndef COMMON_HTTP_AUTHORITY_H
#define COMMON_HTTP_AUTHORITY_H

#include <stdint.h>

#include "common/error.h"
#include "common/http/slice.h"

#define HTTP_HOST_MAX 253
/* [host]:65535 and a NUL */
#define HTTP_AUTHORITY_SIZE (HTTP_HOST_MAX + 2 + 6 + 1)

enum http_host_kind { HTTP_HOST_NAME, HTTP_HOST_IPV4, HTTP_HOST_IPV6 };

struct http_authority {
	char host[HTTP_HOST_MAX + 1]; /* canonical, without brackets */
	enum http_host_kind kind;
	uint16_t port; /* 0: none was given */
};

/* `host`, `host:port`, `[v6]` or `[v6]:port`; a port is 1..65535. */
int http_authority_parse(
    struct http_slice, struct http_authority *ret, struct error *);

/* A host alone; an IPv6 address may be bare here. */
int http_host_parse(struct http_slice, char ret[HTTP_HOST_MAX + 1],
    enum http_host_kind *ret_kind, struct error *);

/* Same host and port, where a missing port is default_port. */
bool http_authority_equal(const struct http_authority *,
    const struct http_authority *, uint16_t default_port);

/* With brackets where needed and without the port if it is 0 or the default;
 * returns ret. */
const char *http_authority_format(const struct http_authority *,
    uint16_t default_port, char ret[HTTP_AUTHORITY_SIZE]);

struct http_url {
	struct http_slice scheme; /* as written: compare without case */
	struct http_authority authority;
	struct http_slice target; /* "/path?query", "?query" or empty: for
				   * http_path_canon; visible ASCII */
};

/* scheme://authority[/path][?query]; no user info, no fragment, nothing that
 * would end it in a request's line. */
int http_url_parse(struct http_slice, struct http_url *ret, struct error *);

/*
 * The three parts of scheme://authority... without a look inside.  False if
 * it isn't that shape.
 */
bool http_url_split(struct http_slice url, struct http_slice *ret_scheme,
    struct http_slice *ret_authority, struct http_slice *ret_target);

#endif
