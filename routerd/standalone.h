/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standalone.h - routerd without a gateway: routes from a YAML file, clients
 * from a TCP port.
 *
 *	routes:
 *	  - name: inference.local     # or an alias; absent: inference.local
 *	    provider_type: openai     # absent: openai
 *	    endpoint: http://127.0.0.1:11434/v1
 *	    model: llama3
 *	    api_key_env: MY_KEY       # or api_key: ...; absent: none is sent
 *	    access_key: AKIA...       # aws-bedrock: with session_token, region
 *	    timeout: 60               # seconds
 *	    tokens_per_minute: 100000 # requests_per_minute, concurrent
 *	    fallbacks: [spare]
 *	    privacy: {detectors: [{type: email, action: redact}]}
 */
#ifndef ROUTERD_STANDALONE_H
#define ROUTERD_STANDALONE_H

#include <stddef.h>

#include "common/error.h"

struct table;

/* ERR_INVALID names file, line and key. */
int standalone_read(const char *path, struct table **ret, struct error *);
/* The same of a text, which the name stands for in errors. */
int standalone_parse(const char *name, const char *text, size_t n,
    struct table **ret, struct error *);
/* ADDRESS:PORT, numbers only. */
int standalone_listen(const char *address, int *ret_fd, struct error *);

#endif
