/* SPDX-License-Identifier: Apache-2.0 */
/* pairs.c - see pairs.h. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/pairs.h"
#include "common/cleanup.h"
#include "common/xalloc.h"

static void
set(struct pairs *p, char *name, const char *value)
{
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->v[i].name, name) != 0)
			continue;
		/* The last one counts. */
		free(name);
		free((void *)(uintptr_t)p->v[i].value);
		p->v[i].value = xstrdup(value);
		return;
	}
	p->v = xreallocarray(p->v, p->n + 1, sizeof(*p->v));
	p->v[p->n].name = name;
	p->v[p->n].value = xstrdup(value);
	p->n++;
}

static int
add(const char *flag, const char *word, struct pairs *ret)
{
	const char *equals = strchr(word, '=');

	if (equals == NULL || equals == word)
		return complain("%s needs KEY=VALUE, not '%s'", flag, word);
	set(ret, xstrndup(word, (size_t)(equals - word)), equals + 1);
	return EXIT_DONE;
}

int
pairs_parse(const char *flag, const struct list *list, struct pairs *ret)
{
	for (size_t i = 0; i < list->n; i++)
		if (add(flag, list->v[i], ret) != EXIT_DONE)
			return -1;
	return 0;
}

int
pairs_parse_selector(const char *text, struct pairs *ret)
{
	autofree char *copy = xstrdup(text);
	char *rest = copy, *word;

	while ((word = strsep(&rest, ",")) != NULL)
		if (add("--selector", word, ret) != EXIT_DONE)
			return -1;
	return 0;
}

void
pairs_add(struct pairs *p, const char *name, const char *value)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].name, name) == 0)
			return;
	set(p, xstrdup(name), value);
}

void
pairs_clear(struct pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free((void *)(uintptr_t)p->v[i].name);
		free((void *)(uintptr_t)p->v[i].value);
	}
	free(p->v);
	*p = (struct pairs){ 0 };
}

cJSON *
pairs_to_json(const struct pairs *p)
{
	cJSON *tree = cJSON_CreateObject();

	for (size_t i = 0; i < p->n; i++)
		cJSON_AddStringToObject(tree, p->v[i].name, p->v[i].value);
	return tree;
}
