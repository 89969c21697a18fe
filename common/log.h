/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - what a daemon tells its developer and its operator.
 *
 * Levels answer "who must act": debug the developer, info nobody, warn the
 * operator.  A line is constant words first, then key=value:
 *
 *	log_warnx("connection refused conn=%u host=%s", id, log_safe(host));
 *
 * Lines go to standard error with a time and the daemon's name.  Where that is
 * journald's (JOURNAL_STREAM names it) they carry the priority prefix of
 * sd-daemon(3) in place of the time.
 *
 * No secrets, ever.  Strings from a peer go through log_safe().  Allow and
 * deny decisions are not log lines but audit events: common/wire/event.h.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN };

/* ident is kept by reference: pass a literal. */
void log_open(const char *ident, enum log_level threshold);

/* _warn appends ": " and strerror(errno); the x forms don't. */
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warnx(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The machine failed us: log, exit 1.  Whoever started us starts us again. */
void fatal(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));
void fatalx(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/*
 * A hostile string made printable: control bytes, quotes, backslashes and
 * non-UTF-8 become \xHH, and more than 256 bytes are cut with "...".  The
 * result lives in one of 8 rotating static buffers; NULL gives "-".
 */
const char *log_safe(const char *);

#endif
