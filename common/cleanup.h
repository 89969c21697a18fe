/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleanup.h - locals that own what they point to.
 *
 *	autofree char *s = xstrdup(x);
 *	autoclose int fd = open(...);
 *	_cleanup_(thing_freep) struct thing *t = NULL;
 *
 * steal_ptr() and steal_fd() hand ownership over, after the last thing that
 * can fail.
 */
#ifndef COMMON_CLEANUP_H
#define COMMON_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define autofree _cleanup_(cleanup_free)
#define autoclose _cleanup_(cleanup_close)

static inline void
cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void
cleanup_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline int
steal_fd(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

#define steal_ptr(p)                                                           \
	({                                                                     \
		__typeof__(*(p)) *p_ = (p);                                    \
		__typeof__(*(p)) r_ = *p_;                                     \
		*p_ = NULL;                                                    \
		r_;                                                            \
	})

/* DEFINE_FREEP(thing) makes thing_freep for _cleanup_ out of thing_free. */
#define DEFINE_FREEP(name)                                                     \
	static inline void name##_freep(struct name **p)                       \
	{                                                                      \
		name##_free(*p);                                               \
	}                                                                      \
	struct name

#endif
