/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aws.h - a request to Bedrock, signed as common/credential/sigv4.h says.
 */
#ifndef ROUTERD_AWS_H
#define ROUTERD_AWS_H

#include <stdint.h>

#include "common/error.h"

struct ask;

/* Adds the fields that sign a composed request, its body too.  ERR_INVALID if
 * the route hasn't what it needs. */
int aws_sign(struct ask *, int64_t time_s, struct error *);

#endif
