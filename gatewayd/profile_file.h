/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile_file.h - profiles in files: those of the installation, in
 * share/openshell/providers, which are only read, and the operator's, in
 * providers/ of the configuration.
 *
 * No two have a name in common, be it an id or an alias: who attaches a
 * provider of a type gets the hosts that this type had when it was reviewed.
 * A file is replaced as a whole; a crash leaves the old one or the new one.
 */
#ifndef GATEWAYD_PROFILE_FILE_H
#define GATEWAYD_PROFILE_FILE_H

#include "common/error.h"

struct profile;
struct profiles;

/* Files that can't be read or taken are named in the log and passed over. */
void profiles_load(struct profiles *, const char *config_dir);
void profiles_clear(struct profiles *);

/* Each writes first and changes the list then; what was given is owned by it
 * from then on.  ERR_EXISTS if a name is taken, ERR_DENIED if it is that of a
 * profile that is built in. */
int profiles_add(struct profiles *, const char *config_dir, struct profile *,
    struct error *);
/* In the place of the one with the same id, which is freed; ERR_NOT_FOUND. */
int profiles_replace(struct profiles *, struct profile *, struct error *);
int profiles_remove(struct profiles *, const char *id, struct error *);

#endif
