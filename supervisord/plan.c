/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - see plan.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "supervisord/plan.h"

static int
check_binds(const struct supervisor_create *spec, struct error *e)
{
	const struct supervisor_bind *b = spec->binds.v;

	for (size_t i = 0; i < spec->binds.n; i++)
		if (b[i].source[0] != '/' || b[i].target[0] != '/' ||
		    strstr(b[i].target, "/../") != NULL)
			return error_set(e, ERR_INVALID,
			    "bind '%.80s' to '%.80s' must have absolute paths",
			    b[i].source, b[i].target);
	return 0;
}

int
plan_read(
    const struct supervisor_create *spec, struct plan *ret, struct error *e)
{
	struct violations bad = { 0 };
	int r;

	*ret = (struct plan){ .spec = spec };
	r = policy_parse(
	    spec->policy, strlen(spec->policy), &ret->policy, &bad, NULL);
	if (r < 0)
		(void)error_set(e, ERR_INVALID, "policy: %.100s: %.100s",
		    bad.v[0].path, bad.v[0].message);
	violations_clear(&bad);
	if (r < 0)
		return -1;
	policy_get_static(ret->policy, &ret->limits);
	return check_binds(spec, e);
}

void
plan_clear(struct plan *p)
{
	policy_free(p->policy);
	*p = (struct plan){ 0 };
}

void
facts_add(struct facts *f, int full, const char *layer, const char *fmt, ...)
{
	va_list ap;

	if (f->n == FACTS_MAX)
		return;
	f->v[f->n].full = full;
	(void)snprintf(f->v[f->n].layer, sizeof(f->v[f->n].layer), "%s", layer);
	va_start(ap, fmt);
	(void)vsnprintf(f->v[f->n].level, sizeof(f->v[f->n].level), fmt, ap);
	va_end(ap);
	f->n++;
}
