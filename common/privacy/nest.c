/* SPDX-License-Identifier: Apache-2.0 */
/* nest.c - see nest.h. */
#include <string.h>

#include "common/privacy/nest.h"
#include "common/privacy/text.h"

#define OPEN_MAX 64

enum state {
	START, /* JSON texts may follow each other */
	VALUE,
	VALUE_OR_CLOSE,
	NAME,
	NAME_OR_CLOSE,
	COLON,
	COMMA_OR_CLOSE,
	NUMBER,
	WORD,
	STRING,
	TEXT, /* no JSON */
};

static void
level_init(struct nest_level *l, enum state state)
{
	*l = (struct nest_level){ .state = (uint8_t)state };
}

void
nest_init(struct nest *n, bool in_string)
{
	for (unsigned i = 0; i < NEST_MAX; i++)
		level_init(&n->levels[i], START);
	level_init(&n->levels[NEST_MAX], TEXT);
	if (in_string)
		n->levels[0].state = STRING;
}

bool
nest_is_text(const struct nest *n)
{
	const struct nest_level *l = n->levels;

	while (l->state == STRING && l->escape == 0)
		l++;
	return l->state == TEXT;
}

static enum state
open(struct nest_level *l, bool is_object)
{
	if (l->n_open == OPEN_MAX)
		return TEXT;
	l->objects = l->objects << 1 | is_object;
	l->n_open++;
	return is_object ? NAME_OR_CLOSE : VALUE_OR_CLOSE;
}

static enum state
close(struct nest_level *l, char c)
{
	if (c != (l->objects & 1 ? '}' : ']'))
		return TEXT;
	l->objects >>= 1;
	return --l->n_open == 0 ? START : COMMA_OR_CLOSE;
}

static enum state
begin_string(struct nest_level *l, bool is_name)
{
	l->is_name = is_name;
	l->escape = 0;
	return STRING;
}

static enum state
begin_value(struct nest_level *l, char c)
{
	static const char *const words[] = { "true", "false", "null" };

	if (c == '{' || c == '[')
		return open(l, c == '{');
	if (c == '"')
		return begin_string(l, false);
	if (c == '-' || is(c, IS_DIGIT))
		return NUMBER;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (c == words[i][0]) {
			l->word = words[i] + 1;
			return WORD;
		}
	return TEXT;
}

static enum state
begin_name(struct nest_level *l, char c)
{
	return c == '"' ? begin_string(l, true) : TEXT;
}

static enum state
begin_text(struct nest_level *l, char c)
{
	/* A byte order mark. */
	if (c == '\xef' || c == '\xbb' || c == '\xbf')
		return START;
	return c == '{' || c == '[' ? open(l, c == '{') : TEXT;
}

static enum state
go_on(struct nest_level *l, char c)
{
	if (c != ',')
		return close(l, c);
	return l->objects & 1 ? NAME : VALUE;
}

/* Outside of strings. */
static enum state
step(struct nest_level *l, char c)
{
	switch ((enum state)l->state) {
	case START:
		return begin_text(l, c);
	case VALUE:
		return begin_value(l, c);
	case VALUE_OR_CLOSE:
		return c == ']' ? close(l, c) : begin_value(l, c);
	case NAME:
		return begin_name(l, c);
	case NAME_OR_CLOSE:
		return c == '}' ? close(l, c) : begin_name(l, c);
	case COLON:
		return c == ':' ? VALUE : TEXT;
	case COMMA_OR_CLOSE:
		return go_on(l, c);
	default:
		return TEXT;
	}
}

static void
step_outside(struct nest_level *l, char c)
{
	if (l->state == WORD) {
		if (c != *l->word++)
			l->state = TEXT;
		else if (*l->word == '\0')
			l->state = COMMA_OR_CLOSE;
		return;
	}
	if (l->state == NUMBER) {
		if (is(c, IS_DIGIT) || (c != '\0' && strchr(".eE+-", c)))
			return;
		l->state = COMMA_OR_CLOSE;
	}
	if (!is(c, IS_SPACE))
		l->state = (uint8_t)step(l, c);
}

/* The byte that an escape means once it is complete, NEST_OTHER if it is none;
 * -1 before. */
static int
step_escape(struct nest_level *l, char c)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *letter = c != '\0' ? strchr(letters, c) : NULL;

	if (l->escape++ == 1) {
		l->unit = 0;
		if (c == 'u')
			return -1;
		l->escape = 0;
		if (letter != NULL)
			return meanings[letter - letters];
		l->state = TEXT;
		return NEST_OTHER;
	}
	if (!is(c, IS_HEX)) {
		l->escape = 0;
		l->state = TEXT;
		return NEST_OTHER;
	}
	l->unit =
	    (uint16_t)(l->unit << 4 |
		       (is(c, IS_DIGIT) ? c - '0' : (c | 0x20) - 'a' + 10));
	if (l->escape < 6)
		return -1;
	l->escape = 0;
	return l->unit < 0x80 ? l->unit : NEST_OTHER;
}

/* In a string that goes on. */
static int
step_inside(struct nest_level *l, char c)
{
	if (l->escape > 0)
		return step_escape(l, c);
	if (c == '\\') {
		l->escape = 1;
		return -1;
	}
	return (uint8_t)c;
}

int
nest_step(struct nest *n, char c, unsigned *depth)
{
	struct nest_level *l = n->levels;
	int meant;

	for (*depth = 0; l->state == STRING; l++, ++*depth) {
		if (l->escape == 0 && c == '"') {
			l->state = l->is_name ? COLON : COMMA_OR_CLOSE;
			return c;
		}
		if (l->escape == 0 && (uint8_t)c < 0x20) {
			l->state = TEXT;
			return c;
		}
		meant = step_inside(l, c);
		if (meant < 0 || l->state != STRING)
			return meant;
		c = (char)meant;
	}
	if (l->state != TEXT) {
		step_outside(l, c);
		if (l->state == STRING && l + 1 < n->levels + NEST_MAX)
			level_init(l + 1, START);
	}
	return (uint8_t)c;
}
