/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refresh.h - the part of io.openshell.Gateway that is about credentials which
 * are fetched anew before they expire.
 *
 * Material (a refresh token, a client's secret, a private key) goes in and
 * never comes out: no reply holds any of it.
 */
#ifndef COMMON_WIRE_REFRESH_H
#define COMMON_WIRE_REFRESH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/varlink/varlink.h"

#define REFRESH_MATERIAL_MAX 16 /* values of one refresh */
#define REFRESH_URL_MAX 2048

struct gateway_secret_material {
	const char *key;
	const char *value; /* a secret */
};

/* Replaces what was configured for that credential before. */
struct gateway_configure_refresh {
	const char *provider; /* name */
	const char *credential_key;
	const char *strategy;  /* NULL: the provider type's */
	const char *token_url; /* NULL: the provider type's or strategy's */
	struct pairs material; /* what is no secret */
	struct objects secret_material; /* struct gateway_secret_material */
	int64_t expires_at_ms; /* the present value works until then; 0: it is
				* fetched anew at once */
};

struct gateway_refresh {
	const char *provider;
	const char *credential_key;
	const char *strategy;
	const char *token_url;
	const char *status;      /* configured, refreshed, rotation_requested,
				  * error */
	int64_t expires_at_ms;   /* 0: no value, or one that doesn't expire */
	int64_t next_refresh_ms; /* when it will be tried */
	int64_t last_refresh_ms; /* 0: never; when it last succeeded */
	const char *last_error;  /* NULL: none since then */
};

struct gateway_refresh_reply {
	struct gateway_refresh *refresh;
};

struct gateway_refresh_name {
	const char *provider;
	const char *credential_key; /* ListRefreshes: NULL is all */
};

struct gateway_refreshes {
	struct objects refreshes; /* struct gateway_refresh */
};

extern const struct method gateway_configure_refresh_method;
extern const struct method gateway_list_refreshes_method;
extern const struct method gateway_rotate_refresh_method;
extern const struct method gateway_delete_refresh_method;

#endif
