/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - the members that model APIs have, and which of them hold what is
 * for machines; inside common/privacy/.
 */
#ifndef COMMON_PRIVACY_KEYS_H
#define COMMON_PRIVACY_KEYS_H

#include <stdbool.h>
#include <stddef.h>

/* What a member's value may be, so that it isn't looked at. */
enum key_kind {
	KEY_UNKNOWN, /* no protocol has it: its name is text too */
	KEY_TEXT,
	KEY_CODE,  /* one word without blanks: a role, a model, an id */
	KEY_TOOL,  /* a function's name; of a message, a person's */
	KEY_MEDIA, /* base64 */
	KEY_URL,   /* data: and base64 */
	KEY_FREE,  /* whatever is in it is somebody's, no protocol's */
	KEY_INPUT, /* the same, but for the items of a request's */
	KEY_PARTS, /* an array of the protocol's; an object is somebody's */
};

/* name: as it is written in the JSON text, without quotes. */
enum key_kind key_kind(const char *name, size_t n);

/* Is the value (what the JSON string means) of such a kind? */
bool key_is_code(const char *value, size_t n);
bool key_is_tool(const char *value, size_t n);
bool key_is_media(const char *value, size_t n);
bool key_is_media_url(const char *value, size_t n);

#endif
