/* SPDX-License-Identifier: Apache-2.0 */
/* model.h - a privacy configuration as structs; inside common/privacy/. */
#ifndef COMMON_PRIVACY_MODEL_H
#define COMMON_PRIVACY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/privacy/privacy.h"

struct privacy_detector {
	enum privacy_type type;
	enum privacy_action action;
	bool restore;
	bool ignore_case; /* PRIVACY_LITERAL */
	char *name;       /* PRIVACY_PATTERN, PRIVACY_LITERAL */
	char *regex;      /* PRIVACY_PATTERN */
	char **words;     /* PRIVACY_LITERAL */
	size_t n_words;
	uint64_t countries; /* PRIVACY_NATIONAL_ID: bits of national.h */
};

struct privacy {
	struct privacy_detector *detectors;
	size_t n;
	char *reroute;
};

DEFINE_FREEP(privacy);
DEFINE_FREEP(privacy_matcher);

#endif
