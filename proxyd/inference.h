/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inference.h - connections to https://inference.local, which go to routerd.
 *
 * No policy block is asked: any program may, and what models it reaches is the
 * routes' to say.  Here ends the TLS; routerd gets the bytes inside, and the
 * sandbox's id from us, not from them.
 */
#ifndef PROXYD_INFERENCE_H
#define PROXYD_INFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/field.h"

#define INFERENCE_HOST "inference.local"
#define INFERENCE_PORT 443
#define INFERENCE_CHANNELS_MAX 16

struct conn;
struct sandbox;
struct worker;

/* Where a worker hands connections over; owned. */
struct inference {
	int channels[INFERENCE_CHANNELS_MAX];
	size_t n;
};

/* Takes the descriptors; the ones before are closed. */
void inference_set(struct inference *, struct fds *);
/* Is that where this connection wants to go? */
bool inference_is_meant(const struct conn *);
/* A stream socket whose other end routerd has; -1: there is no routerd. */
int inference_open(struct inference *, const struct sandbox *);

#endif
