/* SPDX-License-Identifier: MIT */
/* hours.h: the hours of a week at which a business is open.
 *
 *   Mon-Fri 09:00-18:00; Sat 10:00-14:00; Sun closed
 *   Sun-Thu 8:30-12:30, 16:00-19:00; Fri,Sat closed
 *   Fri-Sat 20:00-02:00                              over midnight: Friday's ends on
 *                                                    Saturday
 *
 * Days with what holds on them, ';' between; a day that is not named is closed, of one
 * that is named twice the last word counts.  The first time of a range is open, the
 * second is not.  Local time decides: an hour that the clock leaves out has no opening,
 * one that comes twice is open twice. */
#ifndef BASE_HOURS_H
#define BASE_HOURS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/str.h"

struct zone;

enum { HOURS_WEEK = 7 * 24 * 60, HOURS_WORDS = 128 };

struct hours {
	uint8_t open[HOURS_WEEK /
		     8]; /* a bit a minute of the local week, from Sunday */
};

/* hours_parse: ERR_SYNTAX, with words that quote the part that is wrong. */
int hours_parse(struct hours *ret, struct str text, char words[HOURS_WORDS]) MUSTCHECK;

/* `at` is in Unix seconds, everywhere here. */
bool hours_are_open(const struct hours *h, const struct zone *z, int64_t at);

/* hours_since returns when the stretch of being open or closed began that `at` is in,
 * hours_until the first second after it.  Both look no further than nine days: more is
 * for ever, which is INT64_MIN and INT64_MAX. */
int64_t hours_since(const struct hours *h, const struct zone *z, int64_t at);
int64_t hours_until(const struct hours *h, const struct zone *z, int64_t at);

#endif
