/* SPDX-License-Identifier: MIT */
/* bigint.c: decimal digits to two's complement and back.
 *
 * In between stands the magnitude in 32-bit limbs, lowest first.  Nine digits
 * are the most that fit a limb, so both ways go in steps of nine.  The work
 * grows with the square of the length, which BIGINT_BYTES_MAX bounds. */
#include "codec/bigint.h"

#include <stdbool.h>

enum {
	STEP = 9,
	STEP_POWER = 1000000000, /* 10 to the STEP */
	LIMBS = (BIGINT_BYTES_MAX + 1) / 4,
	SIZE = LIMBS * 4 + 1, /* bytes of the limbs and one for the sign */
	DIGITS_MAX = 614,     /* of 2 to the 2039 */
};

struct magnitude {
	uint32_t limb[LIMBS];
	size_t used;
};

/* times_plus does m = m * factor + add; false when that needs more limbs. */
static bool
times_plus(struct magnitude *m, uint32_t factor, uint32_t add)
{
	uint64_t carry = add;

	for (size_t i = 0; i < m->used; i++) {
		carry += (uint64_t)m->limb[i] * factor;
		m->limb[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry == 0)
		return true;
	if (m->used == LIMBS)
		return false;
	m->limb[m->used++] = (uint32_t)carry;
	return true;
}

/* step_off does m = m / STEP_POWER and returns the remainder. */
static uint32_t
step_off(struct magnitude *m)
{
	uint64_t rest = 0;

	for (size_t i = m->used; i-- > 0;) {
		rest = rest << 32 | m->limb[i];
		m->limb[i] = (uint32_t)(rest / STEP_POWER);
		rest %= STEP_POWER;
	}
	while (m->used > 0 && m->limb[m->used - 1] == 0)
		m->used--;
	return (uint32_t)rest;
}

/* negate turns two's complement into that of -value. */
static void
negate(uint8_t *bytes, size_t n)
{
	unsigned carry = 1;

	for (size_t i = 0; i < n; i++) {
		carry += (uint8_t)~bytes[i];
		bytes[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

/* minimal returns how many of n bytes say the same: the others repeat the sign. */
static size_t
minimal(const uint8_t *bytes, size_t n)
{
	while (n > 1 && bytes[n - 1] == (bytes[n - 2] & 0x80 ? 0xff : 0))
		n--;
	return n;
}

size_t
bigint_bytes(struct str digits, uint8_t ret[BIGINT_BYTES_MAX])
{
	bool negative = digits.p[0] == '-';
	struct magnitude m = {.used = 0};
	uint8_t bytes[SIZE] = {0};

	if (digits.n - negative > DIGITS_MAX)
		return 0;
	for (size_t i = negative; i < digits.n;) {
		uint32_t power = 1, step = 0;

		for (; i < digits.n && power < STEP_POWER; i++, power *= 10)
			step = step * 10 + (uint32_t)(digits.p[i] - '0');
		if (!times_plus(&m, power, step))
			return 0;
	}
	for (size_t i = 0; i < m.used * 4; i++)
		bytes[i] = (uint8_t)(m.limb[i / 4] >> i % 4 * 8);
	if (negative)
		negate(bytes, SIZE);

	size_t n = minimal(bytes, SIZE);
	if (n > BIGINT_BYTES_MAX)
		return 0;
	memcpy(ret, bytes, n);
	return n;
}

struct str
bigint_digits(struct str from, char ret[BIGINT_DIGITS_SIZE])
{
	bool negative = from.n > 0 && from.p[from.n - 1] & 0x80;
	uint8_t bytes[SIZE];
	struct magnitude m = {.used = LIMBS};

	memset(bytes, negative ? 0xff : 0, SIZE);
	if (from.n > 0)
		memcpy(bytes, from.p, from.n);
	if (negative)
		negate(bytes, SIZE);
	for (size_t i = 0; i < LIMBS * 4; i++)
		m.limb[i / 4] |= (uint32_t)bytes[i] << i % 4 * 8;

	char *at = ret + BIGINT_DIGITS_SIZE - 1;
	*at = '\0';
	do {
		uint32_t step = step_off(&m);

		for (int i = 0; i < STEP && (m.used > 0 || step > 0); i++, step /= 10)
			*--at = (char)('0' + step % 10);
	} while (m.used > 0);
	if (!*at)
		*--at = '0';
	if (negative)
		*--at = '-';
	return str_of(at);
}
