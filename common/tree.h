/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - a directory and all that is in it, removed.
 *
 * What is in there was made by an agent: no symlink is followed, and rights
 * that were taken away from the owner are taken back.
 */
#ifndef COMMON_TREE_H
#define COMMON_TREE_H

/* 0 if it is gone, or was; -1 and errno of the last failure: everything else
 * was removed.  Blocks. */
int tree_remove(const char *path);

#endif
