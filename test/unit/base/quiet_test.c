/* SPDX-License-Identifier: MIT */
/* quiet_test.c: hours of the day at which nobody is written to. */
#include "unit.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/quiet.h"
#include "base/zone.h"

static struct arena arena;

static struct zone *
zone(const char *name)
{
	struct zone *z;
	char err[128];

	if (zone_load(&arena, str_of(name), &z, err) < 0)
		FAIL("%s: %s", name, err);
	return z;
}

static int64_t
end_of(const char *hours, const char *zone_name, int64_t at)
{
	struct quiet q;

	arena_init(&arena);
	CHECK_INT(quiet_parse(&q, str_of(hours)), 0);
	int64_t end = quiet_end(&q, zone(zone_name), at);
	arena_done(&arena);
	return end;
}

enum { H = 3600, DAY = 86400 };

TEST(hours_over_midnight_end_in_the_morning)
{
	CHECK_INT(end_of("22:00-08:00", "UTC", 22 * H - 1), 22 * H - 1);
	CHECK_INT(end_of("22:00-08:00", "UTC", 22 * H), DAY + 8 * H);
	CHECK_INT(end_of("22:00-08:00", "UTC", DAY + 3 * H), DAY + 8 * H);
	CHECK_INT(end_of("22:00-08:00", "UTC", DAY + 8 * H), DAY + 8 * H);
}

TEST(hours_within_a_day_end_on_it)
{
	CHECK_INT(end_of("13:00-14:30", "UTC", 12 * H), 12 * H);
	CHECK_INT(end_of("13:00-14:30", "UTC", 13 * H + 5), 14 * H + 1800);
	CHECK_INT(end_of("00:00-08:00", "UTC", 0), 8 * H);
	CHECK_INT(end_of("22:00-24:00", "UTC", 23 * H), DAY);
}

TEST(hours_are_local)
{
	/* 21:00 UTC on 1 January 2026 is 23:00 in Jerusalem. */
	int64_t at = 1767301200;

	CHECK_INT(end_of("22:00-08:00", "Asia/Jerusalem", at), at + 9 * H);
}

TEST(hours_that_end_in_a_gap_end_with_it)
{
	/* Berlin, 29 March 2026: 02:00 is followed by 03:00, at 01:00 UTC. */
	int64_t jump = 1774746000;

	CHECK_INT(end_of("22:00-02:30", "Europe/Berlin", jump - 2 * H), jump);
	CHECK_INT(end_of("22:00-08:00", "Europe/Berlin", jump - H), jump + 5 * H);
}

TEST(hours_longer_by_the_hour_that_comes_twice)
{
	/* Berlin, 25 October 2026: 03:00 is followed by 02:00, at 01:00 UTC. */
	int64_t jump = 1792890000;

	CHECK_INT(end_of("22:00-08:00", "Europe/Berlin", jump - H), jump + 6 * H);
}

TEST(what_is_no_hours_is_refused)
{
	static const char *const no[] = {"", "22:00", "22-8", "22:00-22:00",
		"25:00-08:00", "22:60-08:00", "22:00-8:0", "22:00-08:00-09:00",
		"24:30-08:00", "a:00-08:00", "00:00-24:00"};
	struct quiet q;

	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (quiet_parse(&q, str_of(no[i])) != ERR_SYNTAX)
			FAIL("%s is taken", no[i]);
	CHECK_INT(quiet_parse(&q, STR(" 9:00 - 10:00 ")), 0);
	CHECK_INT(q.from, 9 * H);
}

UNIT_MAIN
