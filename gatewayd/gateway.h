/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway.h - what one gatewayd holds: its parts, made in main.c and passed
 * down.
 */
#ifndef GATEWAYD_GATEWAY_H
#define GATEWAYD_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/dirs.h"
#include "gatewayd/inference.h"
#include "gatewayd/profile.h"
#include "gatewayd/route_push.h"

struct event_base;
struct event_log;
struct link;
struct providers;
struct refreshes;
struct sandboxes;
struct seal;
struct store;
struct varlink_server;

struct gateway {
	struct event_base *base;
	struct dirs dirs;
	char boot_id[64]; /* of the host, from the kernel */
	int64_t started_at_ms;
	int lock_fd; /* held for life: one gatewayd a state directory */
	struct store *store;
	struct seal *seal;
	struct event_log *events;
	char *proxy_socket;
	char *upstream_ca; /* the operator's bundle, if it is there */
	struct link *proxy;
	char *router_socket;
	struct link *router;
	struct profiles profiles;
	struct providers *providers;
	struct refreshes *refreshes;
	struct inference_routes routes;
	struct route_push route_push;
	struct sandboxes *sandboxes;
	char *socket;
	struct varlink_server *server;
	bool shutting_down; /* asked to end, with proxyd */
};

#endif
