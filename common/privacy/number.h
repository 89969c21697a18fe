/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number.h - digits in groups, as people write long numbers: see text.h.
 */
#ifndef COMMON_PRIVACY_NUMBER_H
#define COMMON_PRIVACY_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_DIGITS_MAX 24
#define NUMBER_GROUPS_MAX 8

struct found;
struct text;

struct number_group {
	uint8_t n;     /* digits */
	uint8_t total; /* of it and those before */
	char before;   /* separator; '(' and ')' for groups in brackets */
	size_t end;    /* in the text */
};

struct number {
	size_t start;
	char digits[NUMBER_DIGITS_MAX + 1];
	size_t n;
	struct number_group groups[NUMBER_GROUPS_MAX];
	size_t n_groups;
};

/* The groups from the digit or '(' on, one separator between two. */
void number_read(const struct text *, size_t at, struct number *ret);
/* ISO/IEC 7812-1's check digit. */
bool number_is_luhn(const char *digits, size_t n);

/* Is there one at this place, where a number begins?  Of phones: also where
 * '+' or '(' stands. */
bool card_find(const struct text *, const struct number *, struct found *ret);
bool phone_find(const struct text *, const struct number *, struct found *ret);

#endif
