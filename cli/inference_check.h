/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inference_check.h - openshell inference check: what a privacy section would
 * do with a request, by the code that routerd does it with.  Nothing is sent.
 *
 * 0 it would be sent, 1 it would be blocked, 2 when it can't be said.
 */
#ifndef CLI_INFERENCE_CHECK_H
#define CLI_INFERENCE_CHECK_H

#include "cli/command.h"

struct inference_check_options {
	const char *file;
	const char *privacy;
	const char *sandbox;
	const char *name;
	bool verbose;
	const char *output;
};
#define INFERENCE_CHECK_SIZE sizeof(struct inference_check_options)

extern const struct option_row inference_check_rows[];
int inference_check_run(struct cli *, const void *, const struct arguments *);

#endif
