/* SPDX-License-Identifier: Apache-2.0 */
/* when.c - see when.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/when.h"

#define MS_MAX (INT64_C(1) << 53) /* JSON's whole numbers */

/* A number of exactly n digits within its range; moves on behind it. */
static bool
take_number(const char **p, size_t n, int min, int max, int *ret)
{
	int value = 0;

	for (size_t i = 0; i < n; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		value = value * 10 + (**p - '0');
	}
	*ret = value;
	return value >= min && value <= max;
}

static bool
take(const char **p, const char *any_of)
{
	bool is_there = **p != '\0' && strchr(any_of, **p) != NULL;

	*p += is_there;
	return is_there;
}

static bool
take_date_time(const char **p, struct tm *tm)
{
	struct tm again;

	if (!take_number(p, 4, 1970, 9999, &tm->tm_year) || !take(p, "-") ||
	    !take_number(p, 2, 1, 12, &tm->tm_mon) || !take(p, "-") ||
	    !take_number(p, 2, 1, 31, &tm->tm_mday) || !take(p, "Tt ") ||
	    !take_number(p, 2, 0, 23, &tm->tm_hour) || !take(p, ":") ||
	    !take_number(p, 2, 0, 59, &tm->tm_min) || !take(p, ":") ||
	    !take_number(p, 2, 0, 59, &tm->tm_sec))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	/* The 31st of June would become July. */
	again = *tm;
	(void)timegm(&again);
	return again.tm_mday == tm->tm_mday;
}

/* RFC 3339 5.6: time-secfrac; what is below a millisecond is cut. */
static bool
take_fraction(const char **p, int *ret_ms)
{
	int scale = 100;

	*ret_ms = 0;
	if (!take(p, "."))
		return true;
	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++, scale /= 10)
		*ret_ms += (**p - '0') * scale;
	return true;
}

static bool
take_offset(const char **p, int *ret_minutes)
{
	bool is_west = **p == '-';
	int hours, minutes;

	*ret_minutes = 0;
	if (take(p, "Zz"))
		return true;
	if (!take(p, "+-") || !take_number(p, 2, 0, 23, &hours) ||
	    !take(p, ":") || !take_number(p, 2, 0, 59, &minutes))
		return false;
	*ret_minutes = (is_west ? -1 : 1) * (hours * 60 + minutes);
	return true;
}

int
when_parse_rfc3339(const char *text, int64_t *ret_ms)
{
	const char *p = text;
	struct tm tm = { 0 };
	int ms, offset;

	if (!take_date_time(&p, &tm) || !take_fraction(&p, &ms) ||
	    !take_offset(&p, &offset) || *p != '\0')
		return -1;
	*ret_ms = ((int64_t)timegm(&tm) - (int64_t)offset * 60) * 1000 + ms;
	return *ret_ms >= 0 ? 0 : -1;
}

int
when_parse(const char *text, int64_t *ret_ms)
{
	char *rest;

	if (text[strspn(text, "0123456789")] != '\0' || *text == '\0')
		return when_parse_rfc3339(text, ret_ms);
	errno = 0;
	*ret_ms = strtoll(text, &rest, 10);
	return errno == 0 && *ret_ms <= MS_MAX ? 0 : -1;
}

int64_t
when_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
