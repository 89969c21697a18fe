/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls.h - io.openshell.Proxy in the parent: each call is asked of every
 * worker.
 */
#ifndef PROXYD_CALLS_H
#define PROXYD_CALLS_H

#include "common/varlink/server.h"

/* The service's ctx is the fleet. */
extern const struct handler calls_handlers[];

#endif
