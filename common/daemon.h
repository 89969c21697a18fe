/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon.h - the ritual every daemon goes through once.
 *
 *	arguments -> log -> start() -> confine() -> signals -> loop -> stop()
 *
 * start() opens what needs rights: databases, sockets, children.  confine()
 * gives up the rest: it runs after start() and before the first byte of any
 * peer is read.  Exit codes: 0 done, 1 failed, 2 usage.
 */
#ifndef COMMON_DAEMON_H
#define COMMON_DAEMON_H

#include <stdbool.h>

#include "common/error.h"

struct event_base;

struct daemon_option {
	const char *name;    /* "state-dir": --state-dir VALUE */
	const char *metavar; /* NULL: a flag */
	const char *help;
	const char **value; /* set to the argument, or to "1" for a flag */
};

struct daemon {
	const char *name;                    /* "gatewayd" */
	const char *summary;                 /* one line, for --help */
	const struct daemon_option *options; /* ends with a zero row */
	int (*start)(struct event_base *, void *ctx, struct error *);
	int (*confine)(void *ctx, struct error *); /* may be NULL */
	/* Also after start() or confine() failed; may be NULL. */
	void (*stop)(void *ctx);
	void (*reload)(void *ctx); /* SIGHUP; may be NULL */
	/* Tells whoever supervises us "READY=1" and "STOPPING=1"; NULL for
	 * what no supervisor starts.  See daemon_notify_systemd(). */
	void (*notify)(const char *state);
};

/*
 * Parses arguments (--help, --version and --log-level are common to all),
 * runs the steps above, notifies, leaves the loop
 * on SIGTERM or SIGINT, returns the exit code for main().  SIGPIPE is
 * ignored, and the limit of descriptors is the most it may be.
 */
int daemon_run(const struct daemon *, void *ctx, int argc, char **argv);

/* sd_notify(3).  In a file of its own: what doesn't name it doesn't load
 * libsystemd. */
void daemon_notify_systemd(const char *state);

/*
 * What every daemon gives up, for its confine() to call: no_new_privs, core
 * dumps (limit 1 byte, which stops pipe handlers too), ptrace by others (not
 * dumpable).
 */
int daemon_harden(struct error *);

#endif
