/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - one command in a sandbox, its terminal or pipes connected to
 * ours.
 *
 * The bytes flow between this process and the kernel: the descriptors came
 * with the reply.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "cli/cli.h"

struct gateway_exec;

/*
 * Runs it and returns its exit code, or EXIT_FAILED with the reason said.  With
 * a tty our terminal is raw meanwhile and restored on every way out.
 */
int session_run(struct cli *, const struct gateway_exec *);

#endif
