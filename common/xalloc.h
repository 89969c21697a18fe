/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xalloc.h - small allocations that abort when memory runs out.
 *
 * Whoever started us starts us again.  A size that came from a peer is
 * checked against a named limit before it gets here.
 */
#ifndef COMMON_XALLOC_H
#define COMMON_XALLOC_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
/* Overflow of n * size aborts. */
void *xreallocarray(void *, size_t n, size_t size);
char *xstrdup(const char *);
char *xstrndup(const char *, size_t max);
void *xmemdup(const void *, size_t);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What held a secret is wiped before it is freed; NULL is fine. */
void free_secret(char *);

#endif
