/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.h - who made which connection: answers that wait for the question.
 *
 * One record a 4-tuple; taking it consumes it, a newer one replaces it, and
 * the oldest goes when RECORDS_MAX are there: its connection will be refused.
 * That is as many as both listeners' queues hold, so that no flood of one
 * program costs another its record.
 */
#ifndef SUPERVISORD_RECORDS_H
#define SUPERVISORD_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#define RECORDS_MAX 8192

/* As struct owner_query has it. */
struct tuple {
	uint8_t source[16];
	uint8_t destination[16];
	uint16_t source_port;
	uint16_t destination_port;
};

struct records;

struct records *records_new(void);
void records_free(struct records *);
/* Takes over the answer, which came from malloc. */
void records_put(
    struct records *, const struct tuple *, void *answer, size_t n);
/* The answer, owned by the caller; NULL if there is none. */
void *records_take(struct records *, const struct tuple *, size_t *ret_n);

#endif
