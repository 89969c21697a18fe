/* SPDX-License-Identifier: Apache-2.0 */
/* pipes.c - see pipes.h. */
#include <fcntl.h>
#include <unistd.h>

#include "proxyd/pipes.h"

static void
tube_close(struct tube *t)
{
	(void)close(t->r);
	(void)close(t->w);
	*t = (struct tube)TUBE_INIT;
}

bool
tube_get(struct pipes *p, struct tube *ret)
{
	int fds[2];

	if (p->n > 0) {
		*ret = p->free[--p->n];
		return true;
	}
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	/* Fewer system calls a byte; users have a limit in sum, then the
	 * usual size does as well. */
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	*ret = (struct tube){ fds[0], fds[1], 0 };
	return true;
}

void
tube_put(struct pipes *p, struct tube *t)
{
	if (t->r < 0)
		return;
	if (t->held > 0 || p->n == PIPES_KEPT) {
		tube_close(t);
		return;
	}
	p->free[p->n++] = *t;
	*t = (struct tube)TUBE_INIT;
}

void
pipes_clear(struct pipes *p)
{
	while (p->n > 0)
		tube_close(&p->free[--p->n]);
}
