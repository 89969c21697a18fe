/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns.h - a sandbox's DNS: every name has a synthetic address, and nobody is
 * asked.
 *
 * What is looked up so reaches no network until a connection to it was
 * allowed: there is nothing to smuggle data out with.
 */
#ifndef PROXYD_DNS_H
#define PROXYD_DNS_H

struct dns;
struct event_base;
struct name_map;

#define DNS_CONNECTIONS_MAX 64 /* over TCP, of one sandbox */

/* Owns both descriptors; names is borrowed, and written. */
struct dns *dns_new(
    struct event_base *, int udp, int tcp, struct name_map *names);
void dns_free(struct dns *); /* NULL is fine */

#endif
