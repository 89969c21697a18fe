/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nftables.h - which socket of a sandbox a packet lands on, and which packets
 * are refused.  nft(8)'s table:
 *
 *	table inet openshell {
 *	  chain capture { type filter hook prerouting priority mangle;
 *	    ip daddr 127.0.0.0/8 accept
 *	    ip6 daddr ::1 accept
 *	    tcp dport 53 accept
 *	    meta l4proto tcp tproxy to :15001 accept
 *	  }
 *	  chain leave { type filter hook output priority filter;
 *	    meta mark MARK accept
 *	    tcp dport 15001 tcp flags & (syn|ack) == syn
 *	        reject with tcp reset
 *	    tcp flags & (syn|ack) == syn ip daddr 127.0.0.1
 *	        tcp dport 3128 reject with tcp reset
 *	    ip daddr 127.0.0.0/8 accept
 *	    ip6 daddr ::1 accept
 *	    tcp dport 53 accept
 *	    tcp flags & (syn|ack) == syn reject with tcp reset
 *	    meta l4proto tcp accept
 *	    meta nfproto ipv4 udp dport 53 accept
 *	    reject with icmpx admin-prohibited
 *	  }
 *	}
 *
 * The mark is the gate: only the first process can set it (CAP_NET_RAW), and
 * it does so on the connections that it makes for an agent, when it has
 * recorded who asked.  A SYN without it never arrives anywhere but on the
 * sandbox's own loopback.
 */
#ifndef SUPERVISORD_NFTABLES_H
#define SUPERVISORD_NFTABLES_H

#include "common/error.h"

#define GATE_MARK 0x05e11

/* Loads the table in one transaction. */
int nftables_load(struct error *);

#endif
