/* SPDX-License-Identifier: Apache-2.0 */
/* provider.c - see provider.h. */
#include "common/wire/limits.h"
#include "common/wire/provider.h"

#define PROFILES_MAX 512
#define PROFILE_LIST_MAX 64

#define P(member) offsetof(struct gateway_credential, member)
static const struct field credential_fields[] = {
	{ "key", FIELD_STR, REQUIRED, P(key), PROVIDER_KEY_MAX },
	{ "value", FIELD_STR, OPTIONAL, P(value), PROVIDER_VALUE_MAX,
	    .is_secret = true },
	{ "expires_at_ms", FIELD_INT, OPTIONAL, P(expires_at_ms) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_create_provider, member)
static const struct field create_provider_fields[] = {
	{ "name", FIELD_STR, REQUIRED, P(name), PROVIDER_NAME_MAX },
	{ "type", FIELD_STR, REQUIRED, P(type), PROVIDER_TYPE_MAX },
	{ "credentials", FIELD_OBJS, OPTIONAL, P(credentials),
	    PROVIDER_CREDENTIALS_MAX, credential_fields,
	    sizeof(struct gateway_credential) },
	{ "config", FIELD_MAP, OPTIONAL, P(config), PROVIDER_CONFIG_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_update_provider, member)
static const struct field update_provider_fields[] = {
	{ "name", FIELD_STR, REQUIRED, P(name), PROVIDER_NAME_MAX },
	{ "credentials", FIELD_OBJS, OPTIONAL, P(credentials),
	    PROVIDER_CREDENTIALS_MAX, credential_fields,
	    sizeof(struct gateway_credential) },
	{ "config", FIELD_MAP, OPTIONAL, P(config), PROVIDER_CONFIG_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_credential_info, member)
static const struct field credential_info_fields[] = {
	{ "key", FIELD_STR, REQUIRED, P(key), PROVIDER_KEY_MAX },
	{ "revision", FIELD_INT, REQUIRED, P(revision) },
	{ "expires_at_ms", FIELD_INT, OPTIONAL, P(expires_at_ms) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_provider, member)
static const struct field provider_fields[] = {
	{ "id", FIELD_STR, REQUIRED, P(id), WIRE_NAME_MAX },
	{ "name", FIELD_STR, REQUIRED, P(name), PROVIDER_NAME_MAX },
	{ "type", FIELD_STR, REQUIRED, P(type), PROVIDER_TYPE_MAX },
	{ "version", FIELD_INT, REQUIRED, P(version) },
	{ "created_at_ms", FIELD_INT, REQUIRED, P(created_at_ms) },
	{ "owner_uid", FIELD_INT, REQUIRED, P(owner_uid), UINT32_MAX },
	{ "credentials", FIELD_OBJS, REQUIRED, P(credentials),
	    PROVIDER_CREDENTIALS_MAX, credential_info_fields,
	    sizeof(struct gateway_credential_info) },
	{ "config_keys", FIELD_STRS, OPTIONAL, P(config_keys),
	    PROVIDER_CONFIG_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_provider_reply, member)
static const struct field provider_reply_fields[] = {
	{ "provider", FIELD_OBJ, REQUIRED, P(provider), 0, provider_fields,
	    sizeof(struct gateway_provider) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_provider_name, member)
static const struct field provider_name_fields[] = {
	{ "name", FIELD_STR, REQUIRED, P(name), PROVIDER_NAME_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_list_providers, member)
static const struct field list_providers_fields[] = {
	{ "limit", FIELD_INT, OPTIONAL, P(limit), WIRE_LIST_MAX },
	{ "offset", FIELD_INT, OPTIONAL, P(offset) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_providers, member)
static const struct field providers_fields[] = {
	{ "providers", FIELD_OBJS, REQUIRED, P(providers), WIRE_LIST_MAX,
	    provider_fields, sizeof(struct gateway_provider) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_attach_provider, member)
static const struct field attach_provider_fields[] = {
	{ "sandbox", FIELD_STR, REQUIRED, P(sandbox), WIRE_NAME_MAX },
	{ "provider", FIELD_STR, REQUIRED, P(provider), PROVIDER_NAME_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_profile, member)
static const struct field profile_fields[] = {
	{ "id", FIELD_STR, REQUIRED, P(id), PROVIDER_TYPE_MAX },
	{ "aliases", FIELD_STRS, OPTIONAL, P(aliases), PROFILE_LIST_MAX },
	{ "display_name", FIELD_STR, REQUIRED, P(display_name), WIRE_TEXT_MAX },
	{ "description", FIELD_STR, OPTIONAL, P(description), WIRE_TEXT_MAX },
	{ "category", FIELD_STR, REQUIRED, P(category), WIRE_WORD_MAX },
	{ "built_in", FIELD_BOOL, OPTIONAL, P(built_in) },
	{ "inference_capable", FIELD_BOOL, OPTIONAL, P(inference_capable) },
	{ "env_vars", FIELD_STRS, OPTIONAL, P(env_vars), PROFILE_LIST_MAX },
	{ "hosts", FIELD_STRS, OPTIONAL, P(hosts), PROFILE_LIST_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_profiles, member)
static const struct field profiles_fields[] = {
	{ "profiles", FIELD_OBJS, REQUIRED, P(profiles), PROFILES_MAX,
	    profile_fields, sizeof(struct gateway_profile) },
	{ 0 },
};
#undef P

#define PARAMS(type)                                                           \
	.params = type##_fields, .params_size = sizeof(struct gateway_##type)
#define REPLY(type)                                                            \
	.reply = type##_fields, .reply_size = sizeof(struct gateway_##type)

const struct method gateway_create_provider_method = {
	.name = "CreateProvider",
	.doc = "Keeps credentials under a name; values never come out.",
	PARAMS(create_provider),
	REPLY(provider_reply),
};

const struct method gateway_get_provider_method = {
	.name = "GetProvider",
	.doc = "Describes one provider.",
	PARAMS(provider_name),
	REPLY(provider_reply),
};

const struct method gateway_list_providers_method = {
	.name = "ListProviders",
	.doc = "Describes the caller's providers.",
	PARAMS(list_providers),
	REPLY(providers),
};

const struct method gateway_update_provider_method = {
	.name = "UpdateProvider",
	.doc = "Merges credentials and config; an empty value removes its key.",
	PARAMS(update_provider),
	REPLY(provider_reply),
};

const struct method gateway_delete_provider_method = {
	.name = "DeleteProvider",
	.doc = "Forgets a provider that nothing uses.",
	PARAMS(provider_name),
};

const struct method gateway_attach_provider_method = {
	.name = "AttachProvider",
	.doc = "Lets a sandbox use a provider's credentials.",
	PARAMS(attach_provider),
};

const struct method gateway_detach_provider_method = {
	.name = "DetachProvider",
	.doc = "Ends that; its placeholders stop working at once.",
	PARAMS(attach_provider),
};

const struct method gateway_list_profiles_method = {
	.name = "ListProfiles",
	.doc = "Describes the types of providers there are.",
	REPLY(profiles),
};
