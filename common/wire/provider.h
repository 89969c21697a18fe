/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provider.h - the part of io.openshell.Gateway that is about providers: what
 * credentials there are, and for whom.
 *
 * A credential's value goes in and never comes out: no reply holds one.
 */
#ifndef COMMON_WIRE_PROVIDER_H
#define COMMON_WIRE_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/varlink/varlink.h"

#define PROVIDER_NAME_MAX 253
#define PROVIDER_TYPE_MAX 64
#define PROVIDER_KEY_MAX 256
#define PROVIDER_VALUE_MAX 8192
#define PROVIDER_CREDENTIALS_MAX 32
#define PROVIDER_CONFIG_MAX 64

struct gateway_credential {
	const char *key;
	const char *value;     /* a secret; "": the credential goes; NULL in
				* an update: as it was */
	int64_t expires_at_ms; /* 0: never */
};

struct gateway_create_provider {
	const char *name;
	const char *type;
	struct objects credentials; /* struct gateway_credential */
	struct pairs config;
};

/* Merges: what isn't named stays; an empty value takes it away. */
struct gateway_update_provider {
	const char *name;
	struct objects credentials;
	struct pairs config;
};

/* A credential without its value. */
struct gateway_credential_info {
	const char *key;
	int64_t revision; /* counts its values, from 1 */
	int64_t expires_at_ms;
};

struct gateway_provider {
	const char *id;
	const char *name;
	const char *type;
	int64_t version; /* counts changes, from 1 */
	int64_t created_at_ms;
	int64_t owner_uid;
	struct objects credentials; /* struct gateway_credential_info */
	struct strings config_keys;
};

struct gateway_provider_reply {
	struct gateway_provider *provider;
};

struct gateway_provider_name {
	const char *name;
};

struct gateway_list_providers {
	int64_t limit; /* 0: 100 */
	int64_t offset;
};

struct gateway_providers {
	struct objects providers; /* struct gateway_provider */
};

struct gateway_attach_provider {
	const char *sandbox; /* name */
	const char *provider;
};

/* A type of provider. */
struct gateway_profile {
	const char *id;
	struct strings aliases;
	const char *display_name;
	const char *description; /* or NULL */
	const char *category;
	bool built_in; /* can't be changed */
	bool inference_capable;
	struct strings env_vars; /* where credentials are looked for */
	struct strings hosts;    /* where they may go: "host:port" */
};

struct gateway_profiles {
	struct objects profiles; /* struct gateway_profile */
};

extern const struct method gateway_create_provider_method;
extern const struct method gateway_get_provider_method;
extern const struct method gateway_list_providers_method;
extern const struct method gateway_update_provider_method;
extern const struct method gateway_delete_provider_method;
/* Both: new programs see the change, proxyd decides by it at once. */
extern const struct method gateway_attach_provider_method;
extern const struct method gateway_detach_provider_method;
extern const struct method gateway_list_profiles_method;

#endif
