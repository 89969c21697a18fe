/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.h - which program a process runs: the path of its executable as the
 * kernel has it, the SHA-256 of that file, and the same of its ancestors'
 * paths.
 *
 * To be asked while the process stands still in a system call of its own, and
 * believed only if it still stands there afterwards.
 *
 * What has no path that could stand in a policy is nobody: a file that was
 * deleted or never had a name, a path that is too long, and the dynamic
 * loader, which runs whatever it is told to.
 */
#ifndef SUPERVISORD_IDENTITY_H
#define SUPERVISORD_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct identities; /* the hashes of files, and which came first */

/* proc: a descriptor of the sandbox's /proc, borrowed. */
struct identities *identities_new(int proc);
void identities_free(struct identities *);

/*
 * The answer to whoever will ask (struct owner_reply with its paths; the
 * cookie is left 0), from malloc; NULL and errno if the process can't be
 * looked at.
 */
void *identity_take(struct identities *, pid_t tid, size_t *ret_n);

/* PPid of a text of /proc/PID/stat, 0 if it isn't one: behind the last ')',
 * which a process's name can't forge. */
pid_t identity_parse_parent(const char *stat);

/* Is this the path of a dynamic loader? */
bool identity_is_loader(const char *path);

#endif
