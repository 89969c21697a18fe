/* SPDX-License-Identifier: Apache-2.0 */
/* inference.c - see inference.h. */
#include "common/wire/inference.h"
#include "common/wire/limits.h"
#include "common/wire/provider.h"

#define FALLBACKS_MAX 8
#define CLEAR_MAX 16
#define VALIDATED_MAX 8
#define USAGE_MAX 4096
#define PER_MINUTE_MAX 1000000000
#define TIMEOUT_MAX_S 86400

#define P(member) offsetof(struct gateway_set_inference, member)
static const struct field set_inference_fields[] = {
	{ "sandbox", FIELD_STR, OPTIONAL, P(sandbox), WIRE_NAME_MAX },
	{ "name", FIELD_STR, OPTIONAL, P(name), WIRE_NAME_MAX },
	{ "provider", FIELD_STR, OPTIONAL, P(provider), PROVIDER_NAME_MAX },
	{ "model", FIELD_STR, OPTIONAL, P(model), WIRE_TEXT_MAX },
	{ "timeout_s", FIELD_INT, OPTIONAL, P(timeout_s), TIMEOUT_MAX_S },
	{ "fallbacks", FIELD_STRS, OPTIONAL, P(fallbacks), FALLBACKS_MAX },
	{ "requests_per_minute", FIELD_INT, OPTIONAL, P(requests_per_minute),
	    PER_MINUTE_MAX },
	{ "tokens_per_minute", FIELD_INT, OPTIONAL, P(tokens_per_minute),
	    PER_MINUTE_MAX },
	{ "concurrent", FIELD_INT, OPTIONAL, P(concurrent), PER_MINUTE_MAX },
	{ "privacy", FIELD_STR, OPTIONAL, P(privacy), ROUTER_PRIVACY_MAX },
	{ "update", FIELD_BOOL, OPTIONAL, P(update) },
	{ "clear", FIELD_STRS, OPTIONAL, P(clear), CLEAR_MAX },
	{ "no_verify", FIELD_BOOL, OPTIONAL, P(no_verify) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_inference_route, member)
static const struct field inference_route_fields[] = {
	{ "sandbox", FIELD_STR, OPTIONAL, P(sandbox), WIRE_NAME_MAX },
	{ "name", FIELD_STR, REQUIRED, P(name), WIRE_NAME_MAX },
	{ "provider", FIELD_STR, REQUIRED, P(provider), PROVIDER_NAME_MAX },
	{ "type", FIELD_STR, OPTIONAL, P(type), PROVIDER_TYPE_MAX },
	{ "endpoint", FIELD_STR, OPTIONAL, P(endpoint), WIRE_PATH_MAX },
	{ "model", FIELD_STR, REQUIRED, P(model), WIRE_TEXT_MAX },
	{ "version", FIELD_INT, REQUIRED, P(version) },
	{ "timeout_s", FIELD_INT, OPTIONAL, P(timeout_s), TIMEOUT_MAX_S },
	{ "fallbacks", FIELD_STRS, OPTIONAL, P(fallbacks), FALLBACKS_MAX },
	{ "requests_per_minute", FIELD_INT, OPTIONAL, P(requests_per_minute),
	    PER_MINUTE_MAX },
	{ "tokens_per_minute", FIELD_INT, OPTIONAL, P(tokens_per_minute),
	    PER_MINUTE_MAX },
	{ "concurrent", FIELD_INT, OPTIONAL, P(concurrent), PER_MINUTE_MAX },
	{ "privacy", FIELD_STR, OPTIONAL, P(privacy), ROUTER_PRIVACY_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_validated, member)
static const struct field validated_fields[] = {
	{ "url", FIELD_STR, REQUIRED, P(url), WIRE_PATH_MAX },
	{ "protocol", FIELD_STR, REQUIRED, P(protocol), WIRE_NAME_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_inference_set, member)
static const struct field inference_set_fields[] = {
	{ "route", FIELD_OBJ, REQUIRED, P(route), 0, inference_route_fields,
	    sizeof(struct gateway_inference_route) },
	{ "validated", FIELD_OBJS, OPTIONAL, P(validated), VALIDATED_MAX,
	    validated_fields, sizeof(struct gateway_validated) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_inference_name, member)
static const struct field inference_name_fields[] = {
	{ "sandbox", FIELD_STR, OPTIONAL, P(sandbox), WIRE_NAME_MAX },
	{ "name", FIELD_STR, OPTIONAL, P(name), WIRE_NAME_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_inference_deleted, member)
static const struct field inference_deleted_fields[] = {
	{ "deleted", FIELD_BOOL, REQUIRED, P(deleted) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_inference_routes, member)
static const struct field inference_routes_fields[] = {
	{ "routes", FIELD_OBJS, REQUIRED, P(routes), ROUTER_ROUTES_MAX,
	    inference_route_fields, sizeof(struct gateway_inference_route) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_usage_of, member)
static const struct field usage_of_fields[] = {
	{ "sandbox", FIELD_STR, OPTIONAL, P(sandbox), WIRE_NAME_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_usage, member)
static const struct field usage_fields[] = {
	{ "sandbox", FIELD_STR, REQUIRED, P(sandbox), WIRE_NAME_MAX },
	{ "route", FIELD_STR, REQUIRED, P(route), WIRE_NAME_MAX },
	{ "provider", FIELD_STR, REQUIRED, P(provider), PROVIDER_NAME_MAX },
	{ "model", FIELD_STR, REQUIRED, P(model), WIRE_TEXT_MAX },
	{ "requests", FIELD_INT, REQUIRED, P(requests) },
	{ "failures", FIELD_INT, REQUIRED, P(failures) },
	{ "input_tokens", FIELD_INT, REQUIRED, P(input_tokens) },
	{ "output_tokens", FIELD_INT, REQUIRED, P(output_tokens) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_usages, member)
static const struct field usages_fields[] = {
	{ "usage", FIELD_OBJS, REQUIRED, P(usage), USAGE_MAX, usage_fields,
	    sizeof(struct gateway_usage) },
	{ 0 },
};
#undef P

#define PARAMS(type)                                                           \
	.params = type##_fields, .params_size = sizeof(struct gateway_##type)
#define REPLY(type)                                                            \
	.reply = type##_fields, .reply_size = sizeof(struct gateway_##type)

const struct method gateway_set_inference_method = {
	.name = "SetInference",
	.doc = "Says which model answers at inference.local.",
	PARAMS(set_inference),
	REPLY(inference_set),
};

const struct method gateway_list_inference_method = {
	.name = "ListInference",
	.doc = "Describes the caller's inference routes.",
	REPLY(inference_routes),
};

const struct method gateway_delete_inference_method = {
	.name = "DeleteInference",
	.doc = "Forgets an inference route.",
	PARAMS(inference_name),
	REPLY(inference_deleted),
};

const struct method gateway_inference_usage_method = {
	.name = "InferenceUsage",
	.doc = "Says what sandboxes asked of models, and its tokens.",
	PARAMS(usage_of),
	REPLY(usages),
};
