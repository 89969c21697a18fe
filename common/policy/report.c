/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - violations and the path of what they are about: model.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/policy/model.h"
#include "common/xalloc.h"

static size_t
extend(struct report *r, const char *part)
{
	size_t before = r->path_len;

	(void)snprintf(r->path + before, sizeof(r->path) - before, "%s", part);
	r->path_len = before + strlen(r->path + before);
	return before;
}

size_t
report_enter(struct report *r, const char *name)
{
	size_t before = r->path_len;

	if (before > 0)
		(void)extend(r, ".");
	(void)extend(r, name);
	return before;
}

size_t
report_enter_index(struct report *r, size_t index)
{
	char part[32];

	(void)snprintf(part, sizeof(part), "[%zu]", index);
	return extend(r, part);
}

void
report_leave(struct report *r, size_t before)
{
	r->path_len = before;
	r->path[before] = '\0';
}

__attribute__((format(printf, 4, 0))) static void
add(struct violations *to, const struct report *r, struct place place,
    const char *fmt, va_list ap)
{
	char message[512];

	if (to == NULL)
		return;
	if (to->n == POLICY_VIOLATIONS_MAX) {
		to->more = true;
		return;
	}
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	to->v[to->n++] = (struct violation){ place.line, place.column,
		xstrdup(r->path), xstrdup(message) };
}

/* One path is the other, or lies inside it. */
static bool
is_about_the_same(const char *a, const char *b)
{
	size_t n = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
	const char *longer = strlen(a) < strlen(b) ? b : a;

	return strncmp(a, b, n) == 0 && strchr(".[", longer[n]) != NULL;
}

static bool
is_known(const struct report *r)
{
	for (size_t i = 0; i < r->misread; i++)
		if (is_about_the_same(r->bad->v[i].path, r->path))
			return true;
	return false;
}

void
report_bad(struct report *r, struct place place, const char *fmt, ...)
{
	va_list ap;

	if (is_known(r))
		return;
	va_start(ap, fmt);
	add(r->bad, r, place, fmt, ap);
	va_end(ap);
}

void
report_warn(struct report *r, struct place place, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r->warnings, r, place, fmt, ap);
	va_end(ap);
}

void
violations_clear(struct violations *v)
{
	for (size_t i = 0; i < v->n; i++) {
		free(v->v[i].path);
		free(v->v[i].message);
	}
	v->n = 0;
	v->more = false;
}
