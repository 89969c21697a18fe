/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - the command line as a table: what there is, what it takes, who
 * runs it.
 *
 * From the rows come the parsing, the help texts of every level and the usage
 * errors, so that the three can't disagree.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes: 0 done, 1 failed, 2 usage, 124 timeout; or the remote command's.
 */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_TIMEOUT = 124 };

enum option_kind {
	OPTION_FLAG,    /* bool */
	OPTION_STRING,  /* const char *; the last one counts */
	OPTION_LIST,    /* struct list; may be repeated */
	OPTION_NUMBER,  /* long; digits only */
	OPTION_IGNORED, /* accepted for compatibility: changes nothing */
	OPTION_LATER,   /* of the original, not supported yet */
};

struct list {
	const char **v;
	size_t n;
};

struct option_row {
	const char *name; /* "policy": --policy */
	char letter;      /* 0: none */
	enum option_kind kind;
	size_t offset;
	const char *metavar; /* NULL: takes no argument */
	const char *help;
};

struct cli;

/* What is left of the arguments. */
struct arguments {
	struct list names;   /* positional ones */
	struct list command; /* what stands behind -- */
};

struct command {
	const char *group; /* "sandbox", or NULL for one of the top level */
	const char *name;
	const char *alias; /* or NULL */
	const char *usage; /* "[NAME] [-- COMMAND...]" */
	const char *summary;
	const struct option_row *options; /* ends with a zero row; or NULL */
	size_t size;                      /* of the struct that options fill */
	unsigned names_max;
	bool takes_command;     /* -- COMMAND... is allowed */
	bool names_are_command; /* the first name starts the command */
	int (*run)(struct cli *, const void *options, const struct arguments *);
};

struct command_group {
	const char *name; /* "sandbox provider" is one within "sandbox" */
	const char *alias;
	const char *heading; /* in the help of the top level; NULL: not there */
	const char *summary;
};

/* Parses and runs; returns the exit code. */
int command_main(struct cli *, int argc, char **argv);

/* The rows, by file. */
extern const struct command sandbox_commands[], attach_commands[],
    policy_commands[], provider_commands[], profile_commands[],
    refresh_commands[], inference_commands[], gateway_commands[],
    log_commands[];

#endif
