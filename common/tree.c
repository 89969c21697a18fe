/* SPDX-License-Identifier: Apache-2.0 */
/* tree.c - see tree.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/tree.h"

#define DEPTH_MAX 512 /* open directories at once */

static int remove_tree(int parent, const char *name, unsigned depth);

static int
empty_directory(int fd, unsigned depth)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	int result = 0;

	if (dir == NULL) {
		(void)close(fd);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (remove_tree(dirfd(dir), entry->d_name, depth + 1) < 0)
			result = -1;
	}
	(void)closedir(dir);
	return result;
}

static int
remove_tree(int parent, const char *name, unsigned depth)
{
	int fd;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	if (depth > DEPTH_MAX) {
		errno = ELOOP;
		return -1;
	}
	/* An agent may have taken the owner's rights away; if this fails,
	 * opening it says why. */
	if (fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno == ENOENT)
		return 0;
	fd = openat(parent, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	(void)empty_directory(fd, depth);
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT
		   ? 0
		   : -1;
}

int
tree_remove(const char *path)
{
	return remove_tree(AT_FDCWD, path, 0);
}
