/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.h - structs from JSON and to JSON, by the tables of field.h.
 *
 * Decoding is where a peer's bytes become typed values: what comes out is
 * complete, within its limits, and has each descriptor once.  Numbers over
 * 2^53 are refused, since JSON parsers round them.
 */
#ifndef COMMON_VARLINK_CODEC_H
#define COMMON_VARLINK_CODEC_H

#include <stddef.h>

#include "common/buf.h"
#include "common/field.h"
#include "common/varlink/arena.h"
#include "common/varlink/passed.h"

#define CODEC_PATH_MAX 128
#define CODEC_STRING_MAX 32768 /* an element or a value */

struct cJSON;

/* The member that was refused. */
struct bad_field {
	char path[CODEC_PATH_MAX]; /* "binds[2].source", perhaps cut */
	const char *why;           /* "is missing" */
};

/*
 * A struct in the arena, or NULL.  object NULL means one without members;
 * fields NULL means that no member is allowed (the struct has size bytes,
 * also 0).  Descriptors that were named are taken out of passed; on failure
 * none is.
 */
void *codec_decode(const struct cJSON *object, const struct field *fields,
    size_t size, struct arena *, struct passed *, struct bad_field *);

/* The same from text that has no descriptors, such as what codec_encode() made
 * and we kept. */
void *codec_decode_text(const char *json, const struct field *fields,
    size_t size, struct arena *, struct bad_field *);

/* Frees what was parsed, in whole or in part decoded.  Its texts are wiped:
 * any of them may be a secret, also those that no table names. */
void codec_free(struct cJSON *);

/* Closes the descriptors in a decoded struct that nobody stole. */
void codec_close(const struct field *fields, void *object);

/*
 * Appends a JSON object.  Descriptors are borrowed into passed.  Bytes that
 * aren't UTF-8 become U+FFFD, so that a hostile string can't break the
 * message it is in.  -1 if the limit of the buf is reached.
 */
int codec_encode(struct buf *, const struct field *fields, const void *object,
    struct passed *);
/* One JSON string. */
int codec_encode_string(struct buf *, const char *);

#endif
