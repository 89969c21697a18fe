/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - what is told of an exchange: one event a request, and its part of
 * the usage.
 */
#ifndef ROUTERD_REPORT_H
#define ROUTERD_REPORT_H

#include <stdint.h>

struct exchange;

/* The tokens it took so far. */
void report_tokens(const struct exchange *, int64_t *ret_in, int64_t *ret_out);
/* why: NULL if it was allowed. */
void report(struct exchange *, unsigned status, const char *why);

#endif
