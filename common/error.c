/* SPDX-License-Identifier: Apache-2.0 */
/* error.c - see error.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"

#undef error_set
#undef error_errno
#undef error_prefix

static const char *const names[ERROR_MAX_] = {
	[ERR_NONE] = "None",
	[ERR_INVALID] = "InvalidArgument",
	[ERR_NOT_FOUND] = "NotFound",
	[ERR_EXISTS] = "AlreadyExists",
	[ERR_PRECONDITION] = "FailedPrecondition",
	[ERR_LIMIT] = "LimitExceeded",
	[ERR_DENIED] = "PermissionDenied",
	[ERR_UNAVAILABLE] = "Unavailable",
	[ERR_TIMEOUT] = "Timeout",
	[ERR_PROTOCOL] = "ProtocolError",
	[ERR_SYSTEM] = "SystemError",
};

int
error_set(struct error *e, enum error_code code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}

int
error_errno(struct error *e, const char *fmt, ...)
{
	int saved = errno;
	size_t len;
	va_list ap;

	e->code = ERR_SYSTEM;
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);

	len = strlen(e->text);
	(void)snprintf(
	    e->text + len, sizeof(e->text) - len, ": %s", strerror(saved));
	errno = saved;
	return -1;
}

int
error_prefix(struct error *e, const char *fmt, ...)
{
	char old[sizeof(e->text)];
	size_t len;
	va_list ap;

	memcpy(old, e->text, sizeof(old));
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);

	len = strlen(e->text);
	(void)snprintf(e->text + len, sizeof(e->text) - len, ": %s", old);
	return -1;
}

const char *
error_name(enum error_code code)
{
	return names[code];
}

enum error_code
error_code_from_name(const char *name)
{
	for (int i = ERR_INVALID; i < ERROR_MAX_; i++)
		if (strcmp(names[i], name) == 0)
			return (enum error_code)i;
	return ERR_SYSTEM;
}
