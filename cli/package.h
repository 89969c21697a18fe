/* SPDX-License-Identifier: Apache-2.0 */
/*
 * package.h - what a command of the caller's consists of.
 *
 * A sandbox shows the host's programs.  A command that lies elsewhere, an
 * agent that npm or its vendor's script installed below the caller's home, is
 * not there unless it is shown: the links that lead to it, its own package, and
 * the interpreter that its first line names; nothing else of the home.
 *
 *	~/.npm-global/bin/codex ->
 *../lib/node_modules/@openai/codex/bin/codex.js
 *	#!/usr/bin/env node     -> ~/.nvm/versions/node/v22.1.0/bin/node
 *
 * An npm package is its directory and, where those lie beside it, the
 * directories of the packages that it depends on; anything else is one file.
 */
#ifndef CLI_PACKAGE_H
#define CLI_PACKAGE_H

#include "common/field.h"

struct package {
	struct strings paths; /* to be shown, each of them owned */
	char *search;         /* PATH by which they are found; NULL: as it is */
};

/*
 * Looks for a command as a shell with this PATH would.  Empty if a sandbox has
 * it anyway, and if nobody has it, which is for the sandbox to say.
 */
void package_find(const char *command, const char *path, struct package *ret);
void package_clear(struct package *);

#endif
