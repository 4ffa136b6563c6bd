/* SPDX-License-Identifier: MIT */
/* bigint.h: integers beyond 64 bits, from one written form to the other.
 *
 * Nothing computes with them here: JSON has decimal digits, pickle has two's
 * complement, little endian, in as few bytes as will do. */
#ifndef CODEC_BIGINT_H
#define CODEC_BIGINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum {
	BIGINT_BYTES_MAX = 255,   /* the most pickle's LONG1 can say */
	BIGINT_DIGITS_SIZE = 640, /* room for its 614 digits, sign and NUL */
};

/* bigint_bytes turns digits ("-" first if negative, then one digit or more, all
 * of them decimal) into bytes.  Their number, or 0 when they would be more than
 * BIGINT_BYTES_MAX. */
size_t bigint_bytes(struct str digits, uint8_t ret[BIGINT_BYTES_MAX]);

/* bigint_digits turns up to BIGINT_BYTES_MAX bytes into digits.  No bytes are 0. */
struct str bigint_digits(struct str bytes, char ret[BIGINT_DIGITS_SIZE]);

#endif
