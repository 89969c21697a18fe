/* SPDX-License-Identifier: Apache-2.0 */
/* idmap.c - see idmap.h. */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/xalloc.h"
#include "supervisord/idmap.h"
#include "supervisord/kernel.h"
#include "supervisord/plan.h"

#define SUBID_FILE_MAX 262144
#define BLOCK_IDS 65536

static const char *const programs[2] = { "/usr/bin/newuidmap",
	"/usr/bin/newgidmap" };
static const char *const subid_files[2] = { "/etc/subuid", "/etc/subgid" };

static bool
is_user(const char *word, size_t n, const char *user, uid_t uid)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%u", (unsigned)uid);
	return (user != NULL && strlen(user) == n &&
		   memcmp(user, word, n) == 0) ||
	       (strlen(number) == n && memcmp(number, word, n) == 0);
}

/* ":" and digits, which sscanf(3) would look for in the next line too. */
static bool
take_number(const char **at, uint64_t *ret)
{
	const char *p = *at;

	if (*p++ != ':' || *p < '0' || *p > '9')
		return false;
	for (*ret = 0; *p >= '0' && *p <= '9' && *ret <= UINT32_MAX; p++)
		*ret = *ret * 10 + (uint64_t)(*p - '0');
	*at = p;
	return true;
}

bool
subid_find(const char *text, const char *user, uid_t uid, uint32_t *ret_first,
    uint32_t *ret_count)
{
	while (*text != '\0') {
		size_t line = strcspn(text, "\n");
		const char *colon = memchr(text, ':', line);
		uint64_t first, count;

		if (colon != NULL &&
		    is_user(text, (size_t)(colon - text), user, uid) &&
		    take_number(&colon, &first) &&
		    take_number(&colon, &count) && count > AGENT_ID &&
		    first > 0 && first + count <= UINT32_MAX) {
			*ret_first = (uint32_t)first;
			*ret_count = (uint32_t)count;
			return true;
		}
		text += line + (text[line] == '\n');
	}
	return false;
}

static bool
find_range(const char *file, const char *user, uint32_t *ret_first,
    uint32_t *ret_count)
{
	autoclose int fd = open(file, O_RDONLY | O_CLOEXEC);
	autofree char *text = xmalloc(SUBID_FILE_MAX + 1);
	ssize_t n = fd < 0 ? -1 : read(fd, text, SUBID_FILE_MAX);

	if (n < 0)
		return false;
	text[n] = '\0';
	return subid_find(text, user, geteuid(), ret_first, ret_count);
}

void
idmap_choose(uint32_t uid_base, struct idmap *ret)
{
	const struct passwd *pw;

	*ret = (struct idmap){ .kind = IDMAP_SINGLE };
	if (geteuid() == 0) {
		ret->kind = IDMAP_BLOCK;
		ret->block = uid_base;
		return;
	}
	pw = getpwuid(geteuid());
	for (int i = 0; i < 2; i++)
		if (access(programs[i], X_OK) < 0 ||
		    !find_range(subid_files[i], pw != NULL ? pw->pw_name : NULL,
			&ret->first[i], &ret->count[i]))
			return;
	ret->kind = IDMAP_RANGE;
}

static int
write_file(pid_t pid, const char *name, const char *text, struct error *e)
{
	char path[64];
	autoclose int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return error_errno(e, "cannot write '%s'", path);
	return 0;
}

static int
write_single(pid_t pid, struct error *e)
{
	char line[64];

	if (write_file(pid, "setgroups", "deny", e) < 0)
		return -1;
	(void)snprintf(
	    line, sizeof(line), "%d %u 1\n", AGENT_ID, (unsigned)getegid());
	if (write_file(pid, "gid_map", line, e) < 0)
		return -1;
	(void)snprintf(
	    line, sizeof(line), "%d %u 1\n", AGENT_ID, (unsigned)geteuid());
	return write_file(pid, "uid_map", line, e);
}

static int
write_block(pid_t pid, uint32_t first, struct error *e)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "0 %u %d\n", first, BLOCK_IDS);
	if (write_file(pid, "gid_map", line, e) < 0)
		return -1;
	return write_file(pid, "uid_map", line, e);
}

/* newuidmap PID 0 OWN 1 1 FIRST COUNT; 0 if it can't be started. */
static pid_t
start_helper(const char *program, pid_t pid, unsigned own, uint32_t first,
    uint32_t count)
{
	const unsigned values[] = { (unsigned)pid, 0, own, 1, 1, first, count };
	char words[7][16];
	char *argv[9] = { (char *)(uintptr_t)program };
	pid_t child;

	for (int i = 0; i < 7; i++) {
		(void)snprintf(words[i], sizeof(words[i]), "%u", values[i]);
		argv[i + 1] = words[i];
	}
	return posix_spawn(&child, program, NULL, NULL, argv, environ) == 0
		   ? child
		   : 0;
}

static bool
has_succeeded(pid_t child)
{
	int status;

	return child > 0 && waitpid(child, &status, 0) == child &&
	       WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Both at once: each takes milliseconds. */
static bool
write_range(pid_t pid, const struct idmap *m)
{
	const unsigned own[2] = { geteuid(), getegid() };
	pid_t child[2];
	bool ok = true;

	for (int i = 0; i < 2; i++)
		child[i] = start_helper(
		    programs[i], pid, own[i], m->first[i], m->count[i]);
	for (int i = 0; i < 2; i++)
		ok = has_succeeded(child[i]) && ok;
	return ok;
}

int
idmap_write(pid_t pid, struct idmap *m, struct facts *facts, struct error *e)
{
	if (m->kind == IDMAP_BLOCK) {
		facts_add(facts, 1, "users", "block of %d ids at %u", BLOCK_IDS,
		    m->block);
		return write_block(pid, m->block, e);
	}
	if (m->kind == IDMAP_RANGE && write_range(pid, m)) {
		facts_add(facts, 1, "users", "range of %u ids at %u",
		    m->count[0], m->first[0]);
		return 0;
	}
	facts_add(facts, 0, "users",
	    m->kind == IDMAP_RANGE
		? "single: newuidmap could not map the range"
		: "single: the agent is the calling user (uidmap and a range "
		  "in /etc/subuid give it one of its own)");
	m->kind = IDMAP_SINGLE;
	return write_single(pid, e);
}

bool
idmap_has_own_agent(const struct idmap *m)
{
	return m->kind != IDMAP_SINGLE;
}

int
idmap_become(const struct idmap *m, struct error *e)
{
	unsigned id = idmap_has_own_agent(m) ? 0 : AGENT_ID;

	if (m->kind != IDMAP_SINGLE && setgroups(0, NULL) < 0)
		return error_errno(e, "cannot drop groups");
	if (setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
		return error_errno(
		    e, "cannot become %u in the user namespace", id);
	return 0;
}
