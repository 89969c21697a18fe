/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listeners.h - the sockets of a sandbox on which proxyd serves it.
 *
 * A socket keeps the network namespace that it was born in, whoever holds it:
 * duplicates go out to proxyd, ours stay, so that connections wait in the
 * backlog while no proxyd is there.  They are bound before any agent lives.
 */
#ifndef SUPERVISORD_LISTENERS_H
#define SUPERVISORD_LISTENERS_H

#include "common/error.h"

struct listeners {
	int explicit_proxy; /* 127.0.0.1:PROXY_PORT */
	int transparent;    /* its own address is where a client wanted to go */
	int dns_udp;        /* reports where a query was sent: IP_PKTINFO */
	int dns_tcp;
	int names; /* common/wire/names.h: a memfd of fixed size */
};

int listeners_open(struct listeners *, struct error *);

#endif
