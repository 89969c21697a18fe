/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what is to be built, owned: it outlives the call that asked for it
 * and the process that was asked.
 */
#ifndef SUPERVISORD_PLAN_H
#define SUPERVISORD_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/policy/policy.h"
#include "common/wire/supervisor.h"

/* Inside every sandbox. */
#define AGENT_ID 1000 /* uid and gid of "sandbox" */
#define AGENT_HOME "/sandbox"
#define CA_FILE "/etc/openshell-tls/openshell-ca.pem"
#define CA_BUNDLE_FILE "/etc/openshell-tls/ca-bundle.pem"
#define PROXY_PORT 3128
#define TRANSPARENT_PORT 15001
#define DNS_PORT 53

struct plan {
	const struct supervisor_create
	    *spec;   /* borrowed from the call, which
		      * is never freed while we build */
	int creator; /* socket of whoever asked, borrowed: its end is theirs */
	struct policy *policy;       /* owned */
	struct policy_static limits; /* of the policy */
};

/* May the creator show something at this place?  It names one place, and
 * nothing that the sandbox is made of is there, above or below. */
bool plan_is_bind_target(const char *path);

/* ERR_INVALID if the policy or the spec can't be built. */
int plan_read(const struct supervisor_create *, int creator, struct plan *,
    struct error *);
void plan_clear(struct plan *);

/*
 * The layers that stand, for the creator and for GetInfo: a fixed table, since
 * a process writes it that another one reads.
 */
#define FACTS_MAX 24
#define FACT_LEVEL_MAX 160

struct facts {
	size_t n;
	struct {
		char layer[24];
		char level[FACT_LEVEL_MAX];
		int full;
	} v[FACTS_MAX];
};

/* full: as strong as we know to make it. */
void facts_add(struct facts *, int full, const char *layer, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));

#endif
