/* SPDX-License-Identifier: Apache-2.0 */
/* refresh.c - see refresh.h. */
#include "common/wire/limits.h"
#include "common/wire/provider.h"
#include "common/wire/refresh.h"

#define P(member) offsetof(struct gateway_secret_material, member)
static const struct field secret_material_fields[] = {
	{ "key", FIELD_STR, REQUIRED, P(key), WIRE_NAME_MAX },
	{ "value", FIELD_STR, REQUIRED, P(value), PROVIDER_VALUE_MAX,
	    .is_secret = true },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_configure_refresh, member)
static const struct field configure_refresh_fields[] = {
	{ "provider", FIELD_STR, REQUIRED, P(provider), PROVIDER_NAME_MAX },
	{ "credential_key", FIELD_STR, REQUIRED, P(credential_key),
	    PROVIDER_KEY_MAX },
	{ "strategy", FIELD_STR, OPTIONAL, P(strategy), WIRE_NAME_MAX },
	{ "token_url", FIELD_STR, OPTIONAL, P(token_url), REFRESH_URL_MAX },
	{ "material", FIELD_MAP, OPTIONAL, P(material), REFRESH_MATERIAL_MAX },
	{ "secret_material", FIELD_OBJS, OPTIONAL, P(secret_material),
	    REFRESH_MATERIAL_MAX, secret_material_fields,
	    sizeof(struct gateway_secret_material) },
	{ "expires_at_ms", FIELD_INT, OPTIONAL, P(expires_at_ms) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_refresh, member)
static const struct field refresh_fields[] = {
	{ "provider", FIELD_STR, REQUIRED, P(provider), PROVIDER_NAME_MAX },
	{ "credential_key", FIELD_STR, REQUIRED, P(credential_key),
	    PROVIDER_KEY_MAX },
	{ "strategy", FIELD_STR, REQUIRED, P(strategy), WIRE_NAME_MAX },
	{ "token_url", FIELD_STR, REQUIRED, P(token_url), REFRESH_URL_MAX },
	{ "status", FIELD_STR, REQUIRED, P(status), WIRE_WORD_MAX },
	{ "expires_at_ms", FIELD_INT, OPTIONAL, P(expires_at_ms) },
	{ "next_refresh_ms", FIELD_INT, OPTIONAL, P(next_refresh_ms) },
	{ "last_refresh_ms", FIELD_INT, OPTIONAL, P(last_refresh_ms) },
	{ "last_error", FIELD_STR, OPTIONAL, P(last_error), WIRE_TEXT_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_refresh_reply, member)
static const struct field refresh_reply_fields[] = {
	{ "refresh", FIELD_OBJ, REQUIRED, P(refresh), 0, refresh_fields,
	    sizeof(struct gateway_refresh) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_refresh_name, member)
static const struct field refresh_name_fields[] = {
	{ "provider", FIELD_STR, REQUIRED, P(provider), PROVIDER_NAME_MAX },
	{ "credential_key", FIELD_STR, REQUIRED, P(credential_key),
	    PROVIDER_KEY_MAX },
	{ 0 },
};
static const struct field list_refreshes_fields[] = {
	{ "provider", FIELD_STR, REQUIRED, P(provider), PROVIDER_NAME_MAX },
	{ "credential_key", FIELD_STR, OPTIONAL, P(credential_key),
	    PROVIDER_KEY_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_refreshes, member)
static const struct field refreshes_fields[] = {
	{ "refreshes", FIELD_OBJS, REQUIRED, P(refreshes),
	    PROVIDER_CREDENTIALS_MAX, refresh_fields,
	    sizeof(struct gateway_refresh) },
	{ 0 },
};
#undef P

const struct method gateway_configure_refresh_method = {
	.name = "ConfigureRefresh",
	.doc = "Has a credential fetched anew before it expires; placeholders "
	       "of its earlier values stop working.",
	.params = configure_refresh_fields,
	.params_size = sizeof(struct gateway_configure_refresh),
	.reply = refresh_reply_fields,
	.reply_size = sizeof(struct gateway_refresh_reply),
};

const struct method gateway_list_refreshes_method = {
	.name = "ListRefreshes",
	.doc = "Says how a provider's credentials are refreshed.",
	.params = list_refreshes_fields,
	.params_size = sizeof(struct gateway_refresh_name),
	.reply = refreshes_fields,
	.reply_size = sizeof(struct gateway_refreshes),
};

const struct method gateway_rotate_refresh_method = {
	.name = "RotateRefresh",
	.doc = "Fetches a credential anew now, and answers when that is done; "
	       "its placeholders go on working.",
	.params = refresh_name_fields,
	.params_size = sizeof(struct gateway_refresh_name),
	.reply = refresh_reply_fields,
	.reply_size = sizeof(struct gateway_refresh_reply),
};

const struct method gateway_delete_refresh_method = {
	.name = "DeleteRefresh",
	.doc = "Ends that and forgets the material; the value stays.",
	.params = refresh_name_fields,
	.params_size = sizeof(struct gateway_refresh_name),
};
