/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch.h - a POST of gatewayd's own and its whole answer: how it asks token
 * endpoints.
 *
 * The server is hostile but for what TLS proves of it: its name is verified
 * against the system's authorities and the operator's, as proxyd does, and its
 * answer is held to message.h and FETCH_BODY_MAX.  No redirect is followed, no
 * proxy of the environment is used, no connection is kept.  Nothing blocks the
 * loop.
 */
#ifndef GATEWAYD_FETCH_H
#define GATEWAYD_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/http/authority.h"
#include "common/http/slice.h"
#include "common/http/write.h"

#define FETCH_BODY_MAX 65536
#define FETCH_TIMEOUT_S 30 /* for all of it */

struct event_base;
struct fetch;   /* one under way */
struct fetcher; /* what they share */

/* https, or http to this host's loopback and nowhere else; ERR_INVALID says
 * what is wrong.  ret's slices are in url. */
int fetch_check_url(const char *url, struct http_url *ret, struct error *);
bool fetch_is_tls(const struct http_url *);
uint16_t fetch_port(const struct http_url *);

/* extra_ca (copied) is read, if it is there, when it is needed first. */
struct fetcher *fetcher_new(struct event_base *, const char *extra_ca);
/* None may be under way. */
void fetcher_free(struct fetcher *);

struct fetch_answer {
	unsigned status;
	int64_t retry_after_s; /* what it asks for, or -1 */
	struct http_slice body;
};

/* Called once, from the loop: an answer, or the error that there was instead.
 * Both are lent for the call. */
typedef void fetch_done_fn(
    void *arg, const struct fetch_answer *, const struct error *);

/* The URL is one that passed fetch_check_url(); headers end with a zero row
 * and none is Host or says where the body ends.  All is copied. */
struct fetch *fetch_post(struct fetcher *, const struct http_url *,
    const struct http_extra *headers, struct http_slice body,
    fetch_done_fn *done, void *arg);
/* done won't be called; NULL is fine. */
void fetch_cancel(struct fetch *);

/* Retry-After (RFC 9110 10.2.3), either form; -1 if it is neither. */
int64_t fetch_parse_retry(struct http_slice value, int64_t now_s);

#endif
