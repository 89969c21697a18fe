/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_check.h - openshell policy check: a policy judged here, by the code
 * that proxyd judges by, without a gateway and without a sandbox.
 *
 * With no URL the file is validated: 0, or 2 with every violation.  With one:
 * 0 allow, 1 deny, 2 when it can't be said.
 */
#ifndef CLI_POLICY_CHECK_H
#define CLI_POLICY_CHECK_H

#include "cli/command.h"

struct policy_check_options {
	const char *policy;
	const char *binary;
	struct list ancestors;
	struct list resolve;
	const char *method;
	const char *output;
};
#define POLICY_CHECK_SIZE sizeof(struct policy_check_options)

extern const struct option_row policy_check_rows[];
int policy_check_run(struct cli *, const void *, const struct arguments *);

#endif
