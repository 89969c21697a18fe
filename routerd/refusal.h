/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusal.h - what a client is told instead of an answer: a status, and JSON
 * that says why and what to do about it.
 */
#ifndef ROUTERD_REFUSAL_H
#define ROUTERD_REFUSAL_H

#include "common/error.h"

#define REFUSAL_DETAIL_MAX 512

struct buf;

struct refusal {
	unsigned status;
	char error[ERROR_TEXT_MAX];
	const char *hint;                /* static; NULL: none */
	char detail[REFUSAL_DETAIL_MAX]; /* "": none */
	unsigned retry_after_s;          /* 0: not said */
};

/* Always -1; the other members become zero. */
int refusal_set(struct refusal *, unsigned status, const char *error);
/* The whole answer, head and body; the connection ends behind it. */
void refusal_write(const struct refusal *, struct buf *ret);

#endif
