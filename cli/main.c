/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - openshell, the command line: a thin client of gatewayd. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "common/log.h"

int
main(int argc, char **argv)
{
	struct cli cli = { .fd = -1 };
	int exit_code;

	log_open("openshell", LOG_LEVEL_WARN);
	/* A reader that went away is an error of a write, not our death. */
	(void)signal(SIGPIPE, SIG_IGN);
	exit_code = command_main(&cli, argc, argv);
	if (cli.fd >= 0)
		(void)close(cli.fd);
	free(cli.socket);
	return exit_code;
}
