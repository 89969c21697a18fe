/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h - one line of a sandbox's log: what was allowed or denied, and what
 * happened to the sandbox.
 *
 * No secret, no query string, no header value and no body is ever in one.
 * Strings from a sandbox are escaped where they are shown, not here.
 */
#ifndef COMMON_WIRE_EVENT_H
#define COMMON_WIRE_EVENT_H

#include <stdint.h>

#include "common/field.h"

struct log_event {
	int64_t time_ms;     /* since the epoch */
	const char *sandbox; /* id; NULL where the stream names it already */
	const char *source;  /* "gateway" or "sandbox" */
	const char *level;   /* "error" "warn" "info" "debug" "trace" */
	const char *target;  /* "proxy" "supervisor" "lifecycle" "policy" */
	const char *message; /* CONNECT FORWARD L7_REQUEST ... */
	struct pairs fields; /* action, dst_host, dst_port, binary, ... */
};

/* Events as daemons stream them to gatewayd. */
struct log_events {
	struct objects events; /* struct log_event */
	int64_t dropped;       /* lost since the last reply */
};

extern const struct field event_fields[];
extern const struct field events_fields[];

#endif
