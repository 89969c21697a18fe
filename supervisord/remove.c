/* SPDX-License-Identifier: Apache-2.0 */
/* remove.c - see remove.h. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/tree.h"
#include "supervisord/idmap.h"
#include "supervisord/plan.h"
#include "supervisord/remove.h"

/* In the child: waits for its map, then owns what is there. */
static int
work(int sync, const char *path)
{
	struct idmap map;
	struct error e;
	char ready = 0;

	if (unshare(CLONE_NEWUSER) < 0 || write(sync, &ready, 1) != 1 ||
	    read(sync, &map, sizeof(map)) != (ssize_t)sizeof(map) ||
	    idmap_become(&map, &e) < 0)
		return 1;
	return tree_remove(path) < 0;
}

int
remove_tree_as_sandbox(const char *path, struct error *e)
{
	struct facts facts = { 0 };
	struct idmap map;
	int sync[2], status = 1;
	char ready;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync) < 0)
		return error_errno(e, "cannot make a socket pair");
	pid = fork();
	if (pid == 0) {
		(void)close(sync[0]);
		_exit(work(sync[1], path));
	}
	(void)close(sync[1]);
	idmap_choose(0, &map);
	if (pid > 0 && read(sync[0], &ready, 1) == 1 &&
	    idmap_write(pid, &map, &facts, e) == 0)
		(void)send(sync[0], &map, sizeof(map), MSG_NOSIGNAL);
	(void)close(sync[0]);
	if (pid > 0)
		(void)waitpid(pid, &status, 0);
	return status == 0
		   ? 0
		   : error_set(e, ERR_SYSTEM, "cannot remove '%.150s'", path);
}
