/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - what every command of openshell shares: the way to the gateway and
 * what is said to people.
 *
 * Data goes to standard output, all else to standard error.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/endpoint.h"
#include "common/error.h"

struct method;

struct cli {
	int verbosity;
	char *socket;            /* of the gateway, once it is known */
	enum endpoint kind;      /* of socket */
	int fd;                  /* connected to it, or -1 */
	enum error_code code;    /* of the last call that failed */
	const char *policy_file; /* whose violations a call may bring */
};

/* May a gateway be started for the caller? */
enum start { START_NEVER, START_IF_NEEDED };

/* Connects unless it is; -1 and the reason said if that can't be. */
int cli_connect(struct cli *, enum start);
/* Connects to a gateway that runs: 1, or 0 if none does, or -1 and the reason
 * said, as when somebody else serves in its place. */
int cli_find(struct cli *);
/* Starts the caller's own gateway and waits until it answers. */
int cli_start_gateway(struct cli *, struct error *);
/* One more connection, for the caller to close; -1 if that fails. */
int cli_connect_again(struct cli *);

/*
 * One call.  use(arg, reply) gets each reply; NULL if it doesn't matter.
 * Returns an exit code; an error has been said, unless quiet is set for its
 * code (then only cli->code tells).
 */
typedef void cli_use_fn(void *arg, const void *reply);
int cli_call(struct cli *, const struct method *, const void *params,
    cli_use_fn *use, void *arg);
int cli_call_quiet(struct cli *, const struct method *, const void *params,
    cli_use_fn *use, void *arg, enum error_code quiet);

/* The name that was given, else the last one used, which is said; NULL and an
 * error said if there is none.  Owned. */
char *cli_sandbox_name(struct cli *, const char *given);
void cli_remember_sandbox(const char *name);

/* Marks and colours: only on a terminal, and not with NO_COLOR. */
enum mark {
	MARK_DONE,
	MARK_NOTICE,
	MARK_NOOP,
	MARK_FAILED,
	MARK_SUPERSEDED,
	MARK_INFO
};
void say(enum mark, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "error: ..." on standard error; returns EXIT_FAILED. */
int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A second line that says what to do next. */
void hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The text of a file, at most max bytes; NULL and an error said. */
char *read_file(const char *path, size_t max);

#endif
