/* SPDX-License-Identifier: Apache-2.0 */
/* tenant.c - see tenant.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/hash.h"
#include "common/xalloc.h"
#include "routerd/tenant.h"

#define HASH_SIZE 256

struct tenant {
	LIST_ENTRY(tenant) next;
	char *sandbox;
	unsigned clients;
	size_t bytes;
};

struct tenants {
	LIST_HEAD(, tenant) hash[HASH_SIZE];
};

struct tenants *
tenants_new(void)
{
	return xcalloc(1, sizeof(struct tenants));
}

static unsigned
hash(const char *sandbox)
{
	return hash_text(HASH_START, sandbox) % HASH_SIZE;
}

static bool
is_bounded(const struct tenant *t)
{
	return *t->sandbox != '\0';
}

struct tenant *
tenant_enter(struct tenants *all, const char *sandbox)
{
	unsigned at = hash(sandbox);
	struct tenant *t;

	LIST_FOREACH(t, &all->hash[at], next)
	{
		if (strcmp(t->sandbox, sandbox) == 0)
			break;
	}
	if (t == NULL) {
		t = xcalloc(1, sizeof(*t));
		t->sandbox = xstrdup(sandbox);
		LIST_INSERT_HEAD(&all->hash[at], t, next);
	}
	if (is_bounded(t) && t->clients >= TENANT_CLIENTS_MAX)
		return NULL;
	t->clients++;
	return t;
}

void
tenant_leave(struct tenant *t)
{
	if (t == NULL || --t->clients > 0)
		return;
	LIST_REMOVE(t, next);
	free(t->sandbox);
	free(t);
}

bool
tenant_take(struct tenant *t, size_t n)
{
	if (is_bounded(t) && t->bytes + n > TENANT_BYTES_MAX)
		return false;
	t->bytes += n;
	return true;
}

void
tenant_give(struct tenant *t, size_t n)
{
	t->bytes -= n;
}
