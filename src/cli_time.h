/* SPDX-License-Identifier: MIT */
/* cli_time.h: a time as a person writes it.
 *
 *   1767225600                  Unix seconds
 *   2026-11-24T05:30:00Z        ISO 8601, Z or +02:00
 *   2026-11-24 05:30[:00]       on the clock of a zone, where there is one */
#ifndef CLI_TIME_H
#define CLI_TIME_H

#include <stdint.h>

#include "base/str.h"

struct arena;
struct zone;

/* cli_time_read: zone NULL: only times that need none.  -EINVAL for what is no time, or
 * one before 1970. */
int cli_time_read(struct arena *a, struct str text, const struct zone *z,
	int64_t *ret_s) MUSTCHECK;

/* cli_time_text shows a wall time in whole seconds, UTC; "-" for 0. */
struct str cli_time_text(struct arena *a, int64_t us);

#endif
