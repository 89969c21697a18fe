/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remains.h - removes what a dead native sandbox left: its cgroups, its
 * socket, its files.
 *
 * The files are a hostile tree: the walk is relative to descriptors and
 * follows no link.  It runs in a child, since a tree may be large.
 */
#ifndef GATEWAYD_REMAINS_H
#define GATEWAYD_REMAINS_H

#include "gatewayd/driver.h"

/* state_dir NULL: the files stay (a stopped sandbox keeps its home). */
void remains_remove(struct event_base *, const char *id, const char *socket,
    const char *state_dir, driver_cleaned_fn *, void *arg);

#endif
