/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - bounds that several interfaces share.  Bytes or elements. */
#ifndef COMMON_WIRE_LIMITS_H
#define COMMON_WIRE_LIMITS_H

#define WIRE_NAME_MAX 63 /* names and ids: RFC 1035 label */
#define WIRE_WORD_MAX 32 /* one of a closed set: a phase, a level */
#define WIRE_PATH_MAX 4096
#define WIRE_TEXT_MAX 4096 /* for people */
#define WIRE_HASH_MAX 64   /* SHA-256 in hex */
#define WIRE_POLICY_MAX 262144
#define WIRE_PEM_MAX 16384
#define WIRE_SECRET_MAX 8192 /* a credential's value */
#define WIRE_KEY_MAX 256     /* an environment variable's name */
#define WIRE_HOST_MAX 253
#define WIRE_CREDENTIALS_MAX 1024 /* of a sandbox */
#define WIRE_SCOPES_MAX 64        /* endpoints of one credential */
#define WIRE_ENV_MAX 128
#define WIRE_ARGV_MAX 1024
#define WIRE_LABELS_MAX 64
#define WIRE_PROVIDERS_MAX 32 /* of a sandbox */
#define WIRE_LIST_MAX 1000    /* of one page of a listing */
#define WIRE_LINKS_MAX 1024
#define WIRE_SHOWN_MAX 256 /* paths of the host shown in a sandbox */
#define WIRE_FACTS_MAX 64
#define WIRE_EVENTS_MAX 512 /* of one message */
#define WIRE_OWNERS_MAX 16
#define WIRE_WINDOW_MAX 65535 /* rows and columns: struct winsize */

#endif
