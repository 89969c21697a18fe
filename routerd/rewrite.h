/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rewrite.h - changes to the members of a request's JSON object; every byte
 * that isn't one of them stays as it was.
 */
#ifndef ROUTERD_REWRITE_H
#define ROUTERD_REWRITE_H

#include "common/error.h"
#include "common/json/scan.h"

struct buf;

struct edit {
	const char *name;
	const char *value; /* as a JSON string; NULL: see raw */
	const char *raw;   /* JSON; both NULL: the member goes */
	bool only_if_absent;
};

/*
 * Appends the object with the edits made: a member that is there is replaced
 * where it is, one that isn't is put first.  ERR_INVALID if the top is no
 * object, or one of the names is there twice: servers differ in which of two
 * they believe.
 */
int rewrite(const struct json_span *top, const struct edit *, size_t n,
    struct buf *ret, struct error *);

#endif
