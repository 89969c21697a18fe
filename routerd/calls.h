/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls.h - io.openshell.Router in the parent: each call is asked of every
 * worker.
 */
#ifndef ROUTERD_CALLS_H
#define ROUTERD_CALLS_H

#include "common/varlink/server.h"

/* The service's ctx is the fleet. */
extern const struct handler calls_handlers[];

#endif
