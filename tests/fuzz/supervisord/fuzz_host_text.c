/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_host_text.c - texts of the host and of /proc, some of which an agent
 * can put its words into.
 *
 * The first byte chooses: u subuid(5), c /proc/self/cgroup, s /proc/PID/stat,
 * b the target of a bind, l the path of a program.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cgroup.h"
#include "common/cgroup.h"
#include "common/cleanup.h"
#include "common/xalloc.h"
#include "supervisord/identity.h"
#include "supervisord/idmap.h"
#include "supervisord/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_subuid(const char *text)
{
	uint32_t first, count;

	if (subid_find(text, "ann", 1234, &first, &count)) {
		assert(first > 0);
		assert(count > AGENT_ID);
		assert((uint64_t)first + count <= UINT32_MAX);
	}
}

static void
check_cgroup(const char *text)
{
	autofree char *unified = cgroup_own_path(text, "");
	autofree char *pids = cgroup_own_path(text, "pids");

	assert(unified == NULL || strchr(unified, '\n') == NULL);
	assert(pids == NULL || strchr(pids, '\n') == NULL);
}

static void
check_target(const char *path)
{
	if (!plan_is_bind_target(path))
		return;
	assert(path[0] == '/');
	assert(strstr(path, "//") == NULL);
	assert(strstr(path, "/../") == NULL);
	assert(strncmp(path, "/proc/", 6) != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = NULL;

	if (size == 0)
		return 0;
	text = xstrndup((const char *)data + 1, size - 1);
	switch (data[0]) {
	case 'u':
		check_subuid(text);
		break;
	case 'c':
		check_cgroup(text);
		break;
	case 's':
		(void)identity_parse_parent(text);
		break;
	case 'b':
		check_target(text);
		break;
	case 'l':
		(void)identity_is_loader(text);
		break;
	}
	return 0;
}
