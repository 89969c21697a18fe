/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile.h - the part of io.openshell.Gateway that is about the files that
 * describe types of providers.
 *
 * Everybody may look at them and have texts checked; they are the whole
 * gateway's, so only an administrator changes them.
 */
#ifndef COMMON_WIRE_PROFILE_H
#define COMMON_WIRE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/varlink/varlink.h"

#define PROFILE_ID_MAX 63
#define PROFILE_TEXT_MAX 65536         /* bytes of one file */
#define PROFILE_TEXTS_MAX 32           /* files of one call */
#define PROFILE_TEXTS_BYTES_MAX 131072 /* of all of them together */

struct gateway_profile_text {
	const char *file; /* what violations call it */
	const char *text; /* YAML */
};

/* All of them are taken, or none; ERR_LIMIT if they are too long together. */
struct gateway_profile_texts {
	struct objects profiles; /* struct gateway_profile_text */
};

struct gateway_profile_violation {
	const char *file;
	int64_t line; /* from 1; 0: unknown */
	int64_t column;
	const char *path; /* "credentials[0].auth_style" */
	const char *message;
};

/* The parameters of the error ProfileInvalid. */
struct gateway_profile_invalid {
	const char *message;
	struct objects violations; /* struct gateway_profile_violation */
};
extern const struct field gateway_profile_invalid_fields[];

/* What was taken, and what is allowed there and likely not meant. */
struct gateway_profiles_taken {
	struct strings ids;
	struct objects warnings; /* struct gateway_profile_violation */
};

struct gateway_update_profile {
	const char *id; /* which the text says, too */
	const char *file;
	const char *text;
};

struct gateway_profile_id {
	const char *id; /* or an alias */
};

struct gateway_profile_file {
	const char *id;
	const char *text; /* as it was written */
	bool built_in;
};

extern const struct method gateway_export_profile_method;
extern const struct method gateway_check_profiles_method;
/* ERR_EXISTS if a name is taken. */
extern const struct method gateway_import_profiles_method; /* admin */
/* Both: what is attached to sandboxes follows at once. */
extern const struct method gateway_update_profile_method; /* admin */
/* ERR_PRECONDITION while a provider is of that type. */
extern const struct method gateway_delete_profile_method; /* admin */

#endif
