/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inference.h - the part of io.openshell.Gateway that is about inference
 * routes: which model answers at https://inference.local.
 *
 * A route belongs to the caller and holds for all of its sandboxes, or for the
 * one that is named.
 */
#ifndef COMMON_WIRE_INFERENCE_H
#define COMMON_WIRE_INFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/varlink/varlink.h"
#include "common/wire/router.h"

struct gateway_set_inference {
	const char *sandbox;  /* name; NULL: all of the caller's */
	const char *name;     /* NULL: ROUTER_DEFAULT */
	const char *provider; /* NULL in an update: as it was */
	const char *model;    /* the same */
	int64_t timeout_s;    /* 0: 60, or as it was */
	struct strings fallbacks;
	int64_t requests_per_minute;
	int64_t tokens_per_minute;
	int64_t concurrent;
	const char *privacy;  /* YAML or JSON */
	bool update;          /* what isn't given stays */
	struct strings clear; /* members that don't: "fallbacks"; and, of a
			       * route that has one, "privacy" must be here
			       * to be left out */
	bool no_verify;
};

struct gateway_inference_route {
	const char *sandbox; /* name; NULL: all of the owner's */
	const char *name;
	const char *provider;
	const char *type;     /* of the provider; NULL: it is gone */
	const char *endpoint; /* base URL */
	const char *model;
	int64_t version;
	int64_t timeout_s;
	struct strings fallbacks;
	int64_t requests_per_minute;
	int64_t tokens_per_minute;
	int64_t concurrent;
	const char *privacy; /* canonical JSON */
};

/* What the verification asked and got an answer from. */
struct gateway_validated {
	const char *url;
	const char *protocol;
};

struct gateway_inference_set {
	struct gateway_inference_route *route;
	struct objects validated; /* struct gateway_validated */
};

struct gateway_inference_name {
	const char *sandbox;
	const char *name; /* NULL: ROUTER_DEFAULT */
};

struct gateway_inference_deleted {
	bool deleted; /* false: there was none */
};

struct gateway_inference_routes {
	struct objects routes; /* struct gateway_inference_route */
};

struct gateway_usage_of {
	const char *sandbox; /* name; NULL: all of the caller's */
};

struct gateway_usage {
	const char *sandbox; /* name */
	const char *route;
	const char *provider;
	const char *model;
	int64_t requests;
	int64_t failures;
	int64_t input_tokens;
	int64_t output_tokens;
};

struct gateway_usages {
	struct objects usage; /* struct gateway_usage */
};

extern const struct method gateway_set_inference_method;
extern const struct method gateway_list_inference_method;
extern const struct method gateway_delete_inference_method;
extern const struct method gateway_inference_usage_method;

#endif
