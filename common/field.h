/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field.h - a JSON object as a C struct, described by a table.
 *
 * One row per member, the table ends with an all-zero row.  From a table come
 * the checking and decoding of what arrives, the encoding of what leaves, and
 * the text of the Varlink interface description, so that the three can't
 * disagree.
 *
 *	#define F(member) offsetof(struct exec_params, member)
 *	const struct field exec_fields[] = {
 *		{ "name", FIELD_STR, REQUIRED, F(name), 63 },
 *		{ "argv", FIELD_STRS, REQUIRED, F(argv), 1024 },
 *		{ "tty", FIELD_BOOL, OPTIONAL, F(tty) },
 *		{ 0 },
 *	};
 *
 * Decoding refuses unknown, duplicate, missing, mistyped and oversized
 * members, each by name.  An absent optional member is false, 0, NULL, -1
 * (descriptors: 0 is one!) or empty, in both directions; JSON null means
 * absent.  A FIELD_STRS has a NULL behind its last element.
 */
#ifndef COMMON_FIELD_H
#define COMMON_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {
	FIELD_BOOL = 1, /* bool */
	FIELD_INT,      /* int64_t, 0..limit; limit 0 is 2^53 */
	FIELD_STR,      /* const char *; limit: bytes; 0 is 4096; no NUL */
	FIELD_STRS,     /* struct strings; limit: elements; each <= 32 KiB */
	FIELD_MAP,      /* struct pairs; limit: members; values <= 32 KiB */
	FIELD_FD,       /* int; on the wire the index of a passed descriptor */
	FIELD_FDS,      /* struct fds; limit: elements */
	FIELD_OBJ,      /* pointer to the struct of .sub, NULL if absent */
	FIELD_OBJS,     /* struct objects of .sub; limit: elements */
};

enum presence { OPTIONAL, REQUIRED };

struct field {
	const char *name;
	enum field_type type;
	enum presence presence;
	size_t offset;
	int64_t limit;
	const struct field *sub; /* FIELD_OBJ, FIELD_OBJS */
	size_t sub_size;         /* sizeof the struct that sub describes */
	bool is_secret; /* a text or a map: what holds it is wiped, and it is
			 * never shown */
};

struct strings {
	const char **v;
	size_t n;
};

struct pair {
	const char *name;
	const char *value;
};

struct pairs {
	struct pair *v;
	size_t n;
};

struct fds {
	int *v;
	size_t n;
};

struct objects {
	void *v; /* n structs, one after the other */
	size_t n;
};

#endif
