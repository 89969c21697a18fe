/* SPDX-License-Identifier: Apache-2.0 */
/* program.h - where the programs of this installation are, and what they start
 * with. */
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

/*
 * What of an environment a daemon is started with: where things lie, language
 * and time.  A person's shell holds keys, and whoever starts a gateway in
 * passing hands them to processes that live for months, one of them in each
 * sandbox.  The array is owned, its texts are borrowed.
 */
char **program_environment(char *const *environment);

#endif
