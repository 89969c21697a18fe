/* SPDX-License-Identifier: Apache-2.0 */
/* passed.c - see passed.h. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/varlink/passed.h"

void
passed_clear(struct passed *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->fd[i] >= 0)
			(void)close(p->fd[i]);
	p->n = 0;
}

int
passed_dup(const struct passed *p, struct passed *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < p->n; i++) {
		int fd = fcntl(p->fd[i], F_DUPFD_CLOEXEC, 0);

		if (fd < 0) {
			int saved = errno;

			passed_clear(ret);
			errno = saved;
			return -1;
		}
		ret->fd[ret->n++] = fd;
	}
	return 0;
}
