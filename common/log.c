/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - see log.h.
 *
 * Standard error only, also under systemd: it is the one way to the journal
 * that still works inside another mount namespace and under a seccomp filter.
 * journald takes the priority from the prefix of sd-daemon(3).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/utf8.h"

#define LINE_MAX_ 4096
#define SAFE_MAX 256
#define SAFE_BUFFERS 8

static const struct {
	const char *name;
	char priority; /* of syslog(3) */
} levels[] = {
	[LOG_LEVEL_DEBUG] = { "debug", '7' },
	[LOG_LEVEL_INFO] = { "info", '6' },
	[LOG_LEVEL_WARN] = { "warn", '4' },
};

static struct {
	const char *ident;
	enum log_level threshold;
	bool journal;
} log_state = { "openshell", LOG_LEVEL_INFO, false };

static bool
is_journal_stream(void)
{
	const char *s = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	/* Inherited variables lie once standard error was redirected. */
	return s != NULL && sscanf(s, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
	       st.st_ino == ino;
}

void
log_open(const char *ident, enum log_level threshold)
{
	log_state.ident = ident;
	log_state.threshold = threshold;
	log_state.journal = is_journal_stream();
}

static int
put_prefix(char *line, size_t size, enum log_level level)
{
	struct timespec now;
	struct tm tm;
	char date[32];

	if (log_state.journal)
		return snprintf(line, size, "<%c>%s: ", levels[level].priority,
		    log_state.ident);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	return snprintf(line, size, "%s.%03ldZ %s[%d] %s: ", date,
	    now.tv_nsec / 1000000, log_state.ident, (int)getpid(),
	    levels[level].name);
}

__attribute__((format(printf, 3, 0))) static void
emit(enum log_level level, const char *cause, const char *fmt, va_list ap)
{
	int saved = errno;
	char line[LINE_MAX_];
	size_t size = sizeof(line) - 1; /* the newline */
	size_t len;

	if (level < log_state.threshold)
		return;
	(void)put_prefix(line, size, level);
	len = strlen(line);
	(void)vsnprintf(line + len, size - len, fmt, ap);
	len += strlen(line + len);
	if (cause != NULL)
		(void)snprintf(line + len, size - len, ": %s", cause);

	/* One line is one record, whatever is in it. */
	for (char *p = line; *p != '\0'; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	len = strlen(line);
	line[len++] = '\n';
	/* One write(2), so that lines of several processes don't mix; nobody
	 * is left to tell if it fails. */
	if (write(STDERR_FILENO, line, len) < 0)
		errno = saved;
	errno = saved;
}

#define EMIT(level, cause)                                                     \
	do {                                                                   \
		va_list ap;                                                    \
		va_start(ap, fmt);                                             \
		emit(level, cause, fmt, ap);                                   \
		va_end(ap);                                                    \
	} while (0)

void
log_debug(const char *fmt, ...)
{
	EMIT(LOG_LEVEL_DEBUG, NULL);
}

void
log_info(const char *fmt, ...)
{
	EMIT(LOG_LEVEL_INFO, NULL);
}

void
log_warn(const char *fmt, ...)
{
	EMIT(LOG_LEVEL_WARN, strerror(errno));
}

void
log_warnx(const char *fmt, ...)
{
	EMIT(LOG_LEVEL_WARN, NULL);
}

void
fatal(const char *fmt, ...)
{
	EMIT(LOG_LEVEL_WARN, strerror(errno));
	exit(1);
}

void
fatalx(const char *fmt, ...)
{
	EMIT(LOG_LEVEL_WARN, NULL);
	exit(1);
}

const char *
log_safe(const char *s)
{
	/* A byte becomes four at most; then "..." and NUL. */
	static char buffers[SAFE_BUFFERS][SAFE_MAX * 4 + 4];
	static unsigned next;
	char *out = buffers[next++ % SAFE_BUFFERS];
	char *p = out;
	size_t left = SAFE_MAX;

	if (s == NULL)
		return "-";
	while (*s != '\0') {
		size_t n = utf8_length(s);

		if ((n == 0 ? 1 : n) > left) {
			memcpy(p, "...", 4);
			return out;
		}
		if (n == 0 || *s == '"' || *s == '\'' || *s == '\\' ||
		    utf8_is_control(s)) {
			n = n == 0 ? 1 : n;
			for (size_t i = 0; i < n; i++)
				p += sprintf(p, "\\x%02x", (uint8_t)s[i]);
		} else {
			memcpy(p, s, n);
			p += n;
		}
		s += n;
		left -= n;
	}
	*p = '\0';
	return out;
}
