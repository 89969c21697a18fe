/* SPDX-License-Identifier: Apache-2.0 */
/* program.h - where the programs of this installation are. */
#ifndef COMMON_PROGRAM_H
#define COMMON_PROGRAM_H

/*
 * The program of that name beside the running one, else in
 * ../libexec/openshell from there.  Owned; whether it is there executing it
 * tells.
 */
char *program_find(const char *name);

/* The directory of that name among this installation's data files: in
 * share/openshell, beside bin or beside libexec.  Owned. */
char *program_data(const char *name);

#endif
