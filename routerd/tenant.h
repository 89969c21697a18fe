/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tenant.h - how much of a worker one sandbox holds: connections, and bytes of
 * bodies that are read whole before a backend is asked.
 *
 * What it holds lies outside of its control group, and a sandbox isn't to take
 * what others need.  A routerd that stands alone has one tenant, "", which has
 * the worker to itself.
 */
#ifndef ROUTERD_TENANT_H
#define ROUTERD_TENANT_H

#include <stdbool.h>
#include <stddef.h>

#define TENANT_CLIENTS_MAX 1024
#define TENANT_BYTES_MAX (128u << 20)

struct tenant;
struct tenants; /* one worker's */

struct tenants *tenants_new(void);

/* One connection more; NULL: it has as many as it may. */
struct tenant *tenant_enter(struct tenants *, const char *sandbox);
/* It is over; NULL is fine. */
void tenant_leave(struct tenant *);
/* So many bytes more are held; false: that would be too many. */
bool tenant_take(struct tenant *, size_t n);
void tenant_give(struct tenant *, size_t n);

#endif
