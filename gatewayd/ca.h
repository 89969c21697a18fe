/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ca.h - makes the certificate authority of one sandbox (RFC 5280).
 *
 * P-256, ten years, may sign leaves only.  Its key is a secret: gatewayd
 * seals it, proxyd holds it in memory.
 */
#ifndef GATEWAYD_CA_H
#define GATEWAYD_CA_H

#include "common/error.h"

/* Owned PEM strings; the key is to be wiped by the caller. */
int ca_make(char **ret_cert, char **ret_key, struct error *);

#endif
