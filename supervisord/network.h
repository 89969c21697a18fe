/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network.h - the network of a sandbox: a loopback, and nothing else.
 *
 * Every address is made local (an AnyIP route, ip-route(8)), with a loopback
 * address as the preferred source, so that whatever a program connects to
 * lands here; nftables.c says on which socket.  There is no packet path out.
 */
#ifndef SUPERVISORD_NETWORK_H
#define SUPERVISORD_NETWORK_H

#include "common/error.h"

struct facts;

/* Needs CAP_NET_ADMIN in the namespace, and its /proc/sys/net. */
int network_build(struct facts *, struct error *);

#endif
