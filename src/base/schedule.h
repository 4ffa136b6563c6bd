/* SPDX-License-Identifier: MIT */
/* schedule.h: when something periodic runs: cron's five fields, in a time zone.
 *
 *   [second] minute hour day month weekday      six fields: the second comes first
 *   @hourly @daily @midnight @weekly @monthly @yearly @annually
 *   @every 90s | 5m | 1h30m
 *
 * A field is a list of values, ranges (MON-FRI) and steps over a range or a star
 * (0-30/10, or a star with /5).  Months and weekdays have names (JAN, mon); weekday
 * is 0 to 7, 0 and 7 are Sunday.  Day and weekday: when both are restricted, either
 * suffices; when one begins with a star, both must fit (Vixie's rule).
 *
 * @every counts from the Unix epoch, so that every process finds the same slots;
 * time zones do not touch it.
 *
 * When the local clock jumps:
 *
 *   hour field                 left out (spring)             comes twice (autumn)
 *   begins with a star, or     does not run: the real        runs both times: every
 *   names all 24 hours         hours before and after do     real hour has its runs
 *   else                       runs once, in the first       runs once, the first
 *                              second after the gap          time
 *
 * A slot is the Unix second of a run.  Several local times of one gap are one slot. */
#ifndef BASE_SCHEDULE_H
#define BASE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct zone;

enum { SCHEDULE_NEVER = -1 };

struct schedule {
	/* private */
	int64_t every_s;                                    /* @every; else 0 */
	uint64_t second, minute, hour, day, month, weekday; /* bit n: value n */
	bool day_is_star, weekday_is_star, each_hour;
};

/* schedule_parse reads one.  ERR_SYNTAX, or ERR_SHAPE when it never runs (30 FEB),
 * with words in err. */
int schedule_parse(struct schedule *ret, struct str text, char err[128]) MUSTCHECK;

/* schedule_span reads what may follow @every, as seconds.  ERR_SYNTAX with words. */
int schedule_span(struct str text, int64_t *ret_s, char err[128]) MUSTCHECK;

/* schedule_next returns the first slot after a time, SCHEDULE_NEVER when there is
 * none within 50 years: no calendar lets a schedule rest so long. */
int64_t schedule_next(const struct schedule *s, const struct zone *z, int64_t after);

/* schedule_last returns the latest slot of (after, until], or SCHEDULE_NEVER. */
int64_t schedule_last(
	const struct schedule *s, const struct zone *z, int64_t after, int64_t until);

#endif
