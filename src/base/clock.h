/* SPDX-License-Identifier: MIT */
/* clock.h: two clocks and their one text form.
 *
 * Monotonic for durations and deadlines, wall for what is stored and shown.
 * Everything stored is UTC. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Room for "2026-11-24T05:30:12.345678Z" and its NUL: the form of RQ's dates
 * (always six fraction digits) and of our logs. */
enum { CLOCK_ISO_SIZE = 28 };

int64_t clock_mono_us(void);
int64_t clock_mono_ms(void);
int64_t clock_wall_us(void); /* since the Unix epoch */

/* clock_iso writes the text form of wall time us.  Years 1970 to 9999. */
void clock_iso(char out[CLOCK_ISO_SIZE], int64_t us);

#endif
