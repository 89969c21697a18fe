/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.h - finds values in a JSON text (RFC 8259) without copying it.
 *
 * For those who change a value and must leave every other byte as it was: the
 * text is validated once, then walked in spans of it.
 *
 *	if (json_parse(text, n, &top, &e) < 0)
 *		refuse;
 *	it = json_iter(&top);
 *	while (json_next(&it, &key, &value))
 *		...
 *
 * The text is hostile.  Validation takes no more than JSON_DEPTH_MAX levels
 * and well-formed UTF-8, and needs no memory.  A span is dead when the text
 * moves.  Two members with one name are allowed, as the RFC allows them: who
 * decides on a member says what that means (json_find()).
 */
#ifndef COMMON_JSON_SCAN_H
#define COMMON_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

#define JSON_DEPTH_MAX 64

struct buf;

enum json_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

/* A value as it is written: a string with its quotes. */
struct json_span {
	const char *p;
	size_t n;
	enum json_type type;
};

/* The whole text, white space around it allowed.  ERR_INVALID with the byte's
 * position, ERR_LIMIT if too deep. */
int json_parse(
    const char *text, size_t n, struct json_span *ret, struct error *);

struct json_iter {
	const char *p;
	const char *end;
	bool is_object;
};

/* Of an object or an array; of anything else there is nothing to iterate. */
struct json_iter json_iter(const struct json_span *);
/* The next member or element; key (may be NULL) is a string, in objects. */
bool json_next(
    struct json_iter *, struct json_span *key, struct json_span *value);

/* How many members of the object have this name: 0, 1, or 2 for more; the
 * first is *ret.  0 if it is no object. */
unsigned json_find(
    const struct json_span *object, const char *name, struct json_span *ret);

/* A member that is looked for; n and value are what json_find() would give. */
struct json_member {
	const char *name;
	unsigned n;
	struct json_span value;
};

/* json_find() of several names, in one walk. */
void json_find_all(
    const struct json_span *object, struct json_member *, size_t n);

/* Is it a string that means exactly this, however it is escaped? */
bool json_is(const struct json_span *, const char *text);
/* What a string means; returns its bytes, at most span->n - 2, no NUL added.
 * A lone surrogate becomes U+FFFD. */
size_t json_unescape(const struct json_span *, char *ret);
/* One character of a string's inside, as it is written at p: what it means
 * into ret, *n bytes.  Returns the bytes it is written in; but for escapes
 * these are single bytes. */
size_t json_step(const char *p, const char *end, char ret[4], size_t *n);
/* Its value if it is an integer of at most 15 digits, else -1. */
long long json_count(const struct json_span *);

/* Appends text as a string with quotes, or without them; -1 beyond the buf's
 * limit. */
int json_put_string(struct buf *, const char *text, size_t n);
int json_put_escaped(struct buf *, const char *text, size_t n);

#endif
