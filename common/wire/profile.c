/* SPDX-License-Identifier: Apache-2.0 */
/* profile.c - see profile.h. */
#include "common/wire/limits.h"
#include "common/wire/profile.h"

#define VIOLATIONS_MAX 256

#define P(member) offsetof(struct gateway_profile_text, member)
static const struct field profile_text_fields[] = {
	{ "file", FIELD_STR, REQUIRED, P(file), WIRE_PATH_MAX },
	{ "text", FIELD_STR, REQUIRED, P(text), PROFILE_TEXT_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_profile_texts, member)
static const struct field profile_texts_fields[] = {
	{ "profiles", FIELD_OBJS, REQUIRED, P(profiles), PROFILE_TEXTS_MAX,
	    profile_text_fields, sizeof(struct gateway_profile_text) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_profile_violation, member)
static const struct field violation_fields[] = {
	{ "file", FIELD_STR, REQUIRED, P(file), WIRE_PATH_MAX },
	{ "line", FIELD_INT, REQUIRED, P(line) },
	{ "column", FIELD_INT, REQUIRED, P(column) },
	{ "path", FIELD_STR, REQUIRED, P(path), WIRE_TEXT_MAX },
	{ "message", FIELD_STR, REQUIRED, P(message), WIRE_TEXT_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_profile_invalid, member)
const struct field gateway_profile_invalid_fields[] = {
	{ "message", FIELD_STR, REQUIRED, P(message), WIRE_TEXT_MAX },
	{ "violations", FIELD_OBJS, REQUIRED, P(violations), VIOLATIONS_MAX,
	    violation_fields, sizeof(struct gateway_profile_violation) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_profiles_taken, member)
static const struct field profiles_taken_fields[] = {
	{ "ids", FIELD_STRS, REQUIRED, P(ids), PROFILE_TEXTS_MAX },
	{ "warnings", FIELD_OBJS, REQUIRED, P(warnings), VIOLATIONS_MAX,
	    violation_fields, sizeof(struct gateway_profile_violation) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_update_profile, member)
static const struct field update_profile_fields[] = {
	{ "id", FIELD_STR, REQUIRED, P(id), PROFILE_ID_MAX },
	{ "file", FIELD_STR, REQUIRED, P(file), WIRE_PATH_MAX },
	{ "text", FIELD_STR, REQUIRED, P(text), PROFILE_TEXT_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_profile_id, member)
static const struct field profile_id_fields[] = {
	{ "id", FIELD_STR, REQUIRED, P(id), PROFILE_ID_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct gateway_profile_file, member)
static const struct field profile_file_fields[] = {
	{ "id", FIELD_STR, REQUIRED, P(id), PROFILE_ID_MAX },
	{ "text", FIELD_STR, REQUIRED, P(text), PROFILE_TEXT_MAX },
	{ "built_in", FIELD_BOOL, OPTIONAL, P(built_in) },
	{ 0 },
};
#undef P

#define PARAMS(type)                                                           \
	.params = type##_fields, .params_size = sizeof(struct gateway_##type)
#define REPLY(type)                                                            \
	.reply = type##_fields, .reply_size = sizeof(struct gateway_##type)

const struct method gateway_export_profile_method = {
	.name = "ExportProfile",
	.doc = "Gives the file that describes a type of provider.",
	PARAMS(profile_id),
	REPLY(profile_file),
};

const struct method gateway_check_profiles_method = {
	.name = "CheckProfiles",
	.doc = "Says what is wrong with such files; changes nothing.",
	PARAMS(profile_texts),
	REPLY(profiles_taken),
};

const struct method gateway_import_profiles_method = {
	.name = "ImportProfiles",
	.doc = "Adds types of providers, all of them or none.",
	PARAMS(profile_texts),
	REPLY(profiles_taken),
};

const struct method gateway_update_profile_method = {
	.name = "UpdateProfile",
	.doc = "Replaces the file of a type that isn't built in.",
	PARAMS(update_profile),
	REPLY(profiles_taken),
};

const struct method gateway_delete_profile_method = {
	.name = "DeleteProfile",
	.doc = "Forgets a type that isn't built in and has no provider.",
	PARAMS(profile_id),
};
