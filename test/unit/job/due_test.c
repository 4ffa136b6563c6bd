/* SPDX-License-Identifier: MIT */
/* due_test.c: when a message that is no answer may go, and when it goes again. */
#include "unit.h"

#include "job/due.h"
#include "store/store_outbox.h"

enum { SECOND = 1000000, HOUR = 3600, DAY = 86400 };

static int64_t
next_of(const char *schedule, const char *zone, int64_t slot_s, int64_t now_s)
{
	struct outbox_row row = {.schedule = str_of(schedule),
		.zone = str_of(zone),
		.slot_us = slot_s * SECOND};

	return due_next(&row, now_s * SECOND) / SECOND;
}

TEST(what_has_no_schedule_does_not_come_again)
{
	CHECK_INT(next_of(NULL, NULL, 0, DAY), 0);
}

TEST(the_next_slot_is_after_the_last_however_early_it_went)
{
	CHECK_INT(next_of("0 9 * * *", "UTC", 9 * HOUR, 9 * HOUR - 1), DAY + 9 * HOUR);
	CHECK_INT(next_of("0 9 * * *", "UTC", 9 * HOUR, 9 * HOUR + 5), DAY + 9 * HOUR);
}

TEST(slots_that_were_missed_are_left_out)
{
	CHECK_INT(next_of("0 9 * * *", "UTC", 9 * HOUR, 3 * DAY + 10 * HOUR),
		4 * DAY + 9 * HOUR);
	CHECK_INT(next_of("@every 5m", "UTC", 0, 10000), 10200);
}

TEST(a_slot_is_on_the_clock_of_its_zone)
{
	/* 1 July 2026, 00:00 UTC: 09:00 in Berlin is 07:00. */
	int64_t july = 1782864000;

	CHECK_INT(next_of("0 9 * * *", "Europe/Berlin", july, july), july + 7 * HOUR);
	CHECK_INT(next_of("0 9 * * *", "Mars/Base", july, july), july + 9 * HOUR);
}

TEST(quiet_hours_are_waited_for_to_the_second)
{
	struct tenant t = {.quiet_hours = STR("22:00-08:00")}, always = {0};
	int64_t night = INT64_C(23) * HOUR * SECOND + 7,
		day = INT64_C(12) * HOUR * SECOND;

	CHECK_INT(due_allowed(&t, night), INT64_C(32) * HOUR * SECOND);
	CHECK_INT(due_allowed(&t, day + 7), day + 7);
	CHECK_INT(due_allowed(&always, night), night);
}

TEST(quiet_hours_are_on_the_tenants_clock)
{
	struct tenant t = {
		.quiet_hours = STR("22:00-08:00"), .time_zone = STR("Asia/Jerusalem")};
	/* 1 January 2026, 21:00 UTC is 23:00 there. */
	int64_t night = INT64_C(1767301200) * SECOND;

	CHECK_INT(due_allowed(&t, night), night + INT64_C(9) * HOUR * SECOND);
	CHECK_INT(due_allowed(&t, night - INT64_C(2) * HOUR * SECOND),
		night - INT64_C(2) * HOUR * SECOND);
}

UNIT_MAIN
