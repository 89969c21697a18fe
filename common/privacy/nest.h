/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nest.h - follows a text byte by byte into JSON, the strings in it, JSON that
 * is in these strings, and so on; inside common/privacy/.
 *
 * A text is JSON as long as its beginning is one's that starts with '{' or
 * '[': whoever reads it byte by byte can't know more.  Once it isn't, it is
 * text to its end.
 */
#ifndef COMMON_PRIVACY_NEST_H
#define COMMON_PRIVACY_NEST_H

#include <stdbool.h>
#include <stdint.h>

#define NEST_MAX 5      /* strings in each other; the innermost is text */
#define NEST_OTHER 0x80 /* a character that isn't ASCII, or none at all */

struct nest_level {
	uint8_t state;
	bool is_name;     /* the string that we are in */
	uint8_t escape;   /* bytes of an escape so far */
	uint16_t unit;    /* of \uXXXX, its digits so far */
	const char *word; /* the rest of true, false, null */
	uint64_t objects; /* what is open: 1 an object, 0 an array */
	uint8_t n_open;
};

struct nest {
	struct nest_level levels[NEST_MAX + 1];
};

/* in_string: the text is the inside of a string from its first byte on. */
void nest_init(struct nest *, bool in_string);

/* The next byte.  Returns the byte of the innermost text that it is or ends,
 * and in how many strings that is; -1 inside an escape. */
int nest_step(struct nest *, char c, unsigned *depth);

/* Is the innermost a text, so that all bytes but control bytes, '"' and '\'
 * are what they are? */
bool nest_is_text(const struct nest *);

#endif
