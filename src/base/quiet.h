/* SPDX-License-Identifier: MIT */
/* quiet.h: hours of the day at which nobody is written to: "22:00-08:00".
 *
 * The first time is quiet, the second is not; over midnight when it is the earlier
 * one.  Local time decides: where the clock jumps over the end they end with the jump,
 * where it comes twice so do they. */
#ifndef BASE_QUIET_H
#define BASE_QUIET_H

#include <stdint.h>

#include "base/str.h"

struct zone;

struct quiet {
	int64_t from, to; /* seconds of the day */
};

/* quiet_parse: ERR_SYNTAX for what is none; two equal times are none either. */
int quiet_parse(struct quiet *ret, struct str text) MUSTCHECK;

/* quiet_end returns the first Unix second at or after `at` that is not quiet. */
int64_t quiet_end(const struct quiet *q, const struct zone *z, int64_t at);

#endif
