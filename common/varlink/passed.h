/* SPDX-License-Identifier: Apache-2.0 */
/* passed.h - the descriptors that travel with one message. */
#ifndef COMMON_VARLINK_PASSED_H
#define COMMON_VARLINK_PASSED_H

#include <stddef.h>

#include "common/varlink/varlink.h"

struct passed {
	int fd[VARLINK_FDS_MAX]; /* -1: taken */
	size_t n;
};

/* Closes what is left. */
void passed_clear(struct passed *);
/* Duplicates, in the same order.  -1 with errno and nothing in ret. */
int passed_dup(const struct passed *, struct passed *ret);

#endif
