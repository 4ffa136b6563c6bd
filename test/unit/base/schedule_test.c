/* SPDX-License-Identifier: MIT */
/* Slots of schedules, in UTC.  The expected ones are from the calendar and from
 * tzdata's own tables, never from the code. */
#include "unit.h"

#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/schedule.h"
#include "base/zone.h"

static int64_t
seconds_of(const char *text)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);

	CHECK(end && !*end);
	return timegm(&tm);
}

static const char *
text_of(int64_t seconds)
{
	static char text[32];
	time_t t = (time_t)seconds;
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", gmtime_r(&t, &tm));
	return seconds == SCHEDULE_NEVER ? "never" : text;
}

struct row {
	const char *schedule, *zone, *after, *slots[4];
};

static void
check_row(const struct row *r)
{
	struct arena a;
	struct zone *z;
	struct schedule s;
	char err[128] = "";

	arena_init(&a);
	if (zone_load(&a, str_of(r->zone), &z, err) < 0 ||
		schedule_parse(&s, str_of(r->schedule), err) < 0)
		FAIL("%s in %s: %s", r->schedule, r->zone, err);
	int64_t at = seconds_of(r->after);
	for (size_t i = 0; i < ARRAY_LEN(r->slots) && r->slots[i]; i++) {
		int64_t before = at;

		at = schedule_next(&s, z, before);
		if (strcmp(text_of(at), r->slots[i]) != 0)
			FAIL("%s in %s: slot %zu is %s, not %s", r->schedule, r->zone,
				i + 1, text_of(at), r->slots[i]);
		CHECK(schedule_last(&s, z, before, at) == at);
		CHECK(schedule_last(&s, z, before, at - 1) == SCHEDULE_NEVER);
	}
	arena_done(&a);
}

static void
check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_row(&rows[i]);
}

TEST(fields_values_ranges_lists_and_steps)
{
	static const struct row rows[] = {
		{"* * * * *", "UTC", "2026-11-24 05:30:12",
			{"2026-11-24 05:31:00", "2026-11-24 05:32:00"}},
		{"* * * * * *", "UTC", "2026-11-24 05:59:58",
			{"2026-11-24 05:59:59", "2026-11-24 06:00:00"}},
		{"30 3 * * *", "UTC", "2026-11-24 03:29:59",
			{"2026-11-24 03:30:00", "2026-11-25 03:30:00"}},
		{"30 3 * * *", "UTC", "2026-11-24 03:30:00", {"2026-11-25 03:30:00"}},
		{"15,45 30 3 * * *", "UTC", "2026-11-24 03:30:15",
			{"2026-11-24 03:30:45", "2026-11-25 03:30:15"}},
		{"*/20 * * * *", "UTC", "2026-11-24 05:30:12",
			{"2026-11-24 05:40:00", "2026-11-24 06:00:00"}},
		{"10-40/15,5 9-10 * * *", "UTC", "2026-11-24 09:20:00",
			{"2026-11-24 09:25:00", "2026-11-24 09:40:00",
				"2026-11-24 10:05:00", "2026-11-24 10:10:00"}},
		{"0 0 1 JAN,jul *", "UTC", "2026-11-24 00:00:00",
			{"2027-01-01 00:00:00", "2027-07-01 00:00:00"}},
		{"0 0 * mar-May/2 *", "UTC", "2026-03-31 00:00:00",
			{"2026-05-01 00:00:00"}},
		{"  0\t0  1 1 * ", "UTC", "2026-11-24 00:00:00",
			{"2027-01-01 00:00:00"}},
		{"59 59 23 31 12 *", "UTC", "2026-11-24 00:00:00",
			{"2026-12-31 23:59:59", "2027-12-31 23:59:59"}},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

TEST(weekdays_by_number_and_name_and_both_sundays)
{
	static const struct row rows[] = {
		/* 2026-11-24 is a Tuesday */
		{"0 9 * * 1", "UTC", "2026-11-24 00:00:00", {"2026-11-30 09:00:00"}},
		{"0 9 * * MON-FRI", "UTC", "2026-11-27 09:00:00",
			{"2026-11-30 09:00:00"}},
		{"0 9 * * 0", "UTC", "2026-11-24 00:00:00",
			{"2026-11-29 09:00:00", "2026-12-06 09:00:00"}},
		{"0 9 * * 7", "UTC", "2026-11-24 00:00:00",
			{"2026-11-29 09:00:00", "2026-12-06 09:00:00"}},
		{"0 9 * * sat-sun", "UTC", "2026-11-24 00:00:00",
			{"2026-11-28 09:00:00", "2026-11-29 09:00:00",
				"2026-12-05 09:00:00"}},
		{"0 9 * * 5-7", "UTC", "2026-11-28 09:00:00",
			{"2026-11-29 09:00:00", "2026-12-04 09:00:00"}},
		{"0 9 * * */2", "UTC", "2026-11-24 10:00:00",
			{"2026-11-26 09:00:00", "2026-11-28 09:00:00",
				"2026-11-29 09:00:00", "2026-12-01 09:00:00"}},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

TEST(day_or_weekday_when_both_are_restricted_and_both_when_one_is_a_star)
{
	static const struct row rows[] = {
		{"0 0 13 * FRI", "UTC", "2026-11-24 00:00:00",
			{"2026-11-27 00:00:00", "2026-12-04 00:00:00",
				"2026-12-11 00:00:00", "2026-12-13 00:00:00"}},
		{"0 0 30 2 MON", "UTC", "2026-11-24 00:00:00",
			{"2027-02-01 00:00:00", "2027-02-08 00:00:00"}},
		/* Mondays on odd days of the month */
		{"0 0 */2 * MON", "UTC", "2026-11-24 00:00:00",
			{"2026-12-07 00:00:00", "2026-12-21 00:00:00",
				"2027-01-11 00:00:00"}},
		{"0 0 1 * */7", "UTC", "2026-11-24 00:00:00",
			{"2027-08-01 00:00:00", "2028-10-01 00:00:00"}},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

TEST(leap_years_and_month_ends)
{
	static const struct row rows[] = {
		{"0 0 29 2 *", "UTC", "2026-11-24 00:00:00",
			{"2028-02-29 00:00:00", "2032-02-29 00:00:00"}},
		{"0 0 29 2 *", "UTC", "2096-02-29 00:00:00", {"2104-02-29 00:00:00"}},
		{"0 0 29 2 */7", "UTC", "2026-11-24 00:00:00",
			{"2032-02-29 00:00:00", "2060-02-29 00:00:00",
				"2088-02-29 00:00:00", "2128-02-29 00:00:00"}},
		{"0 0 31 * *", "UTC", "2026-11-24 00:00:00",
			{"2026-12-31 00:00:00", "2027-01-31 00:00:00",
				"2027-03-31 00:00:00", "2027-05-31 00:00:00"}},
		{"0 0 30 * *", "UTC", "2027-01-30 00:00:00", {"2027-03-30 00:00:00"}},
		{"0 0 28-31 2 *", "UTC", "2027-02-28 00:00:00",
			{"2028-02-28 00:00:00", "2028-02-29 00:00:00",
				"2029-02-28 00:00:00"}},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

TEST(nicknames)
{
	static const struct row rows[] = {
		{"@hourly", "UTC", "2026-11-24 05:30:12",
			{"2026-11-24 06:00:00", "2026-11-24 07:00:00"}},
		{"@daily", "UTC", "2026-11-24 05:30:12", {"2026-11-25 00:00:00"}},
		{"@midnight", "America/New_York", "2026-11-24 05:30:12",
			{"2026-11-25 05:00:00"}},
		{"@weekly", "UTC", "2026-11-24 05:30:12", {"2026-11-29 00:00:00"}},
		{"@monthly", "UTC", "2026-11-24 05:30:12", {"2026-12-01 00:00:00"}},
		{"@yearly", "UTC", "2026-11-24 05:30:12", {"2027-01-01 00:00:00"}},
		{"@annually", "UTC", "2026-11-24 05:30:12", {"2027-01-01 00:00:00"}},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

TEST(every_counts_from_the_epoch_in_any_zone)
{
	static const struct row rows[] = {
		{"@every 1s", "UTC", "2026-11-24 05:59:58",
			{"2026-11-24 05:59:59", "2026-11-24 06:00:00"}},
		{"@every 90s", "UTC", "1970-01-01 00:00:00",
			{"1970-01-01 00:01:30", "1970-01-01 00:03:00"}},
		{"@every 1h30m", "UTC", "1970-01-01 23:00:00",
			{"1970-01-02 00:00:00", "1970-01-02 01:30:00"}},
		{"@every 5m", "Europe/Berlin", "2026-03-29 00:57:00",
			{"2026-03-29 01:00:00", "2026-03-29 01:05:00"}},
		{"@every 86400s", "Europe/Berlin", "2026-03-29 00:57:00",
			{"2026-03-30 00:00:00"}},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

/* Berlin: 2026-03-29 01:00 UTC, 02:00 becomes 03:00; New York: 2026-03-08 07:00
 * UTC; Jerusalem: Friday 2026-03-27 00:00 UTC. */
TEST(a_local_time_that_spring_leaves_out_runs_once_after_the_gap)
{
	static const struct row rows[] = {
		{"30 2 * * *", "Europe/Berlin", "2026-03-28 00:00:00",
			{"2026-03-28 01:30:00", "2026-03-29 01:00:00",
				"2026-03-30 00:30:00"}},
		{"0 2 * * *", "Europe/Berlin", "2026-03-28 12:00:00",
			{"2026-03-29 01:00:00", "2026-03-30 00:00:00"}},
		{"*/10 2 * * *", "Europe/Berlin", "2026-03-28 12:00:00",
			{"2026-03-29 01:00:00", "2026-03-30 00:00:00"}},
		{"0 2,3 * * *", "Europe/Berlin", "2026-03-28 12:00:00",
			{"2026-03-29 01:00:00", "2026-03-30 00:00:00"}},
		{"15 2-3 * * *", "Europe/Berlin", "2026-03-28 12:00:00",
			{"2026-03-29 01:00:00", "2026-03-29 01:15:00",
				"2026-03-30 00:15:00"}},
		{"30 1 * * *", "Europe/Berlin", "2026-03-28 12:00:00",
			{"2026-03-29 00:30:00", "2026-03-29 23:30:00"}},
		{"30 2 * * *", "America/New_York", "2026-03-07 12:00:00",
			{"2026-03-08 07:00:00", "2026-03-09 06:30:00"}},
		{"30 2 * * *", "Asia/Jerusalem", "2026-03-26 12:00:00",
			{"2026-03-27 00:00:00", "2026-03-27 23:30:00"}},
		{"0 12 30 12 *", "Pacific/Apia", "2011-12-01 00:00:00",
			{"2011-12-30 10:00:00"}}, /* a day left out */
		{"@daily", "Africa/Cairo", "2026-04-23 12:00:00",
			{"2026-04-23 22:00:00", "2026-04-24 21:00:00"}},
		{"10 2 * * *", "Australia/Lord_Howe", "2026-10-03 12:00:00",
			{"2026-10-03 15:30:00", "2026-10-04 15:10:00"}},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

/* Berlin: 2026-10-25 01:00 UTC, 03:00 becomes 02:00; New York: 2026-11-01 06:00
 * UTC; Jerusalem: 2026-10-24 23:00 UTC. */
TEST(a_local_time_that_autumn_repeats_runs_the_first_time)
{
	static const struct row rows[] = {
		{"30 2 * * *", "Europe/Berlin", "2026-10-24 12:00:00",
			{"2026-10-25 00:30:00", "2026-10-26 01:30:00"}},
		{"0 3 * * *", "Europe/Berlin", "2026-10-24 12:00:00",
			{"2026-10-25 02:00:00", "2026-10-26 02:00:00"}},
		{"*/30 1-3 * * *", "Europe/Berlin", "2026-10-25 00:00:00",
			{"2026-10-25 00:30:00", "2026-10-25 02:00:00",
				"2026-10-25 02:30:00", "2026-10-26 00:00:00"}},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25 01:10:00",
			{"2026-10-26 01:30:00"}},
		{"30 1 * * *", "America/New_York", "2026-10-31 12:00:00",
			{"2026-11-01 05:30:00", "2026-11-02 06:30:00"}},
		{"0 1 * * *", "Asia/Jerusalem", "2026-10-24 12:00:00",
			{"2026-10-24 22:00:00", "2026-10-25 23:00:00"}},
		{"45 1 * * *", "Australia/Lord_Howe", "2026-04-04 12:00:00",
			{"2026-04-04 14:45:00", "2026-04-05 15:15:00"}},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

TEST(schedules_of_each_hour_run_in_every_real_hour)
{
	static const struct row rows[] = {
		{"30 * * * *", "Europe/Berlin", "2026-03-29 00:00:00",
			{"2026-03-29 00:30:00", "2026-03-29 01:30:00",
				"2026-03-29 02:30:00"}},
		{"30 * * * *", "Europe/Berlin", "2026-10-25 00:00:00",
			{"2026-10-25 00:30:00", "2026-10-25 01:30:00",
				"2026-10-25 02:30:00"}},
		{"@hourly", "America/New_York", "2026-11-01 04:30:00",
			{"2026-11-01 05:00:00", "2026-11-01 06:00:00",
				"2026-11-01 07:00:00"}},
		{"0 0-23 * * *", "America/New_York", "2026-11-01 04:30:00",
			{"2026-11-01 05:00:00", "2026-11-01 06:00:00",
				"2026-11-01 07:00:00"}},
		/* at the even hours that the clock shows: 2 is left out, or twice */
		{"0 */2 * * *", "Europe/Berlin", "2026-03-28 22:30:00",
			{"2026-03-28 23:00:00", "2026-03-29 02:00:00"}},
		{"0 */2 * * *", "Europe/Berlin", "2026-10-24 21:30:00",
			{"2026-10-24 22:00:00", "2026-10-25 00:00:00",
				"2026-10-25 01:00:00", "2026-10-25 03:00:00"}},
		{"59 59 * * * *", "Asia/Jerusalem", "2026-10-24 21:00:00",
			{"2026-10-24 21:59:59", "2026-10-24 22:59:59",
				"2026-10-24 23:59:59"}},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

TEST(a_day_schedule_keeps_its_local_hour_all_year)
{
	static const struct row rows[] = {
		{"0 9 * * *", "Europe/Berlin", "2026-10-24 06:00:00",
			{"2026-10-24 07:00:00", "2026-10-25 08:00:00"}},
		{"0 9 * * *", "Asia/Kolkata", "2026-10-24 00:00:00",
			{"2026-10-24 03:30:00"}},
		{"0 9 1 7 *", "America/New_York", "2060-01-01 00:00:00",
			{"2060-07-01 13:00:00"}}, /* long after the file's list */
		{"0 23 31 12 *", "America/New_York", "2026-12-31 12:00:00",
			{"2027-01-01 04:00:00"}},
	};

	check_rows(rows, ARRAY_LEN(rows));
}

/* Every slot of two years, found one after another, against a look at each minute
 * with libc's own local time. */
TEST(slots_are_what_a_clock_on_the_wall_would_find)
{
	static const char *const zones[] = {
		"Europe/Berlin", "America/New_York", "Asia/Jerusalem"};
	struct schedule s;
	struct zone *z;
	struct arena a;
	char err[128];

	arena_init(&a);
	CHECK_INT(schedule_parse(&s, STR("30 * * * *"), err), 0);
	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		int64_t from = seconds_of("2026-01-01 00:00:00");
		int64_t next;

		CHECK_INT(zone_load(&a, str_of(zones[i]), &z, err), 0);
		setenv("TZ", zones[i], 1);
		tzset();
		next = schedule_next(&s, z, from);
		for (int64_t t = from + 60; t < from + 2 * 366 * 86400; t += 60) {
			time_t at = (time_t)t;
			struct tm tm;

			if (localtime_r(&at, &tm)->tm_min == 30) {
				CHECK_INT(next, t);
				next = schedule_next(&s, z, next);
			}
		}
		unsetenv("TZ");
		tzset();
	}
	arena_done(&a);
}

TEST(the_latest_slot_of_a_long_pause_is_found_at_once)
{
	struct schedule s;
	struct zone *z;
	struct arena a;
	char err[128];

	arena_init(&a);
	CHECK_INT(zone_load(&a, STR("Europe/Berlin"), &z, err), 0);
	CHECK_INT(schedule_parse(&s, STR("* * 3 * * *"), err), 0);
	int64_t last = schedule_last(&s, z, seconds_of("2016-01-01 00:00:00"),
		seconds_of("2026-07-01 18:00:00"));
	CHECK_STR(str_of(text_of(last)), "2026-07-01 01:59:59");
	CHECK_INT(schedule_last(&s, z, last, seconds_of("2026-07-02 00:59:59")),
		SCHEDULE_NEVER);
	arena_done(&a);
}

TEST(what_is_wrong_is_said)
{
	static const struct {
		const char *schedule, *says;
	} rows[] = {
		{"", "0 fields"},
		{"* * * *", "4 fields"},
		{"* * * * * * *", "7 fields"},
		{"60 * * * *", "minute: 60 is not within 0-59"},
		{"* 24 * * *", "hour: 24 is not within 0-23"},
		{"* * 0 * *", "day: 0 is not within 1-31"},
		{"* * 32 * *", "day: 32 is not within 1-31"},
		{"* * * 13 *", "month: 13 is not within 1-12"},
		{"* * * * 8", "weekday: 8 is not within 0-7"},
		{"60 * * * * *", "second: 60 is not within 0-59"},
		{"* * * FOO *", "month: \"FOO\" is no value"},
		{"* * * MON *", "month: \"MON\" is no value"},
		{"-1 * * * *", "minute: a value is missing"},
		{"1, * * * *", "minute: a value is missing"},
		{"1- * * * *", "minute: a value is missing"},
		{"*5 * * * *", "minute: \"*5\" is no value"},
		{"? * * * *", "minute: \"?\" is no value"},
		{"30-10 * * * *", "minute: 30-10 runs backwards"},
		{"5/10 * * * *", "minute: 5/10: a step needs a range or *"},
		{"*/0 * * * *", "minute: */0: a step is within 1-59"},
		{"*/x * * * *", "minute: */x: a step is within 1-59"},
		{"*/99999999999999999999 * * * *", "a step is within 1-59"},
		{"99999999999999999999 * * * *", "is not within 0-59"},
		{"* * * * FRI-MON", "weekday: FRI-MON runs backwards"},
		{"0 0 30 2 *", "never runs"},
		{"0 0 31 4,6,9,11 *", "never runs"},
		{"0 0 30 FEB */2", "never runs"},
		{"@reboot", "@reboot: there are @hourly"},
		{"@Daily", "@Daily: there are @hourly"},
		{"@every", "is like 90s"},
		{"@every 5", "is like 90s"},
		{"@every s", "is like 90s"},
		{"@every 1d", "is like 90s"},
		{"@every 1h 30m", "is like 90s"},
		{"@every -5s", "is like 90s"},
		{"@every 0s", "within 1s and 8784h"},
		{"@every 8784h1s", "within 1s and 8784h"},
		{"@every 999999999999h", "within 1s and 8784h"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct schedule s;
		char err[128] = "";

		if (schedule_parse(&s, str_of(rows[i].schedule), err) >= 0)
			FAIL("\"%s\" is taken", rows[i].schedule);
		if (!strstr(err, rows[i].says))
			FAIL("\"%s\": %s", rows[i].schedule, err);
	}
}

TEST(zones_that_are_none)
{
	static const char long_name[] =
		"a-name-longer-than-any-of-tzdata/and-than-we-have-room-for/in-a-path";
	static const char *const names[] = {"Europe/Berln", "", "/etc/passwd",
		"../../../etc/passwd", "Europe", "tzdata.zi", "zone.tab", "right/UTC",
		"Europe/Berlin ", ":Europe/Berlin", "CET-1CEST", long_name};
	struct arena a;
	struct zone *z;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char err[128] = "";

		if (zone_load(&a, str_of(names[i]), &z, err) >= 0)
			FAIL("\"%s\" is taken", names[i]);
		CHECK(strstr(err, "time zone"));
	}
	arena_done(&a);
}

TEST(loading_a_zone_leaves_the_environment_as_it_was)
{
	struct arena a;
	struct zone *z;
	char err[128];

	arena_init(&a);
	setenv("TZ", "Asia/Tokyo", 1);
	CHECK_INT(zone_load(&a, STR("Europe/Berlin"), &z, err), 0);
	CHECK_STR(str_of(getenv("TZ")), "Asia/Tokyo");
	unsetenv("TZ");
	CHECK_INT(zone_load(&a, STR("Europe/Berlin"), &z, err), 0);
	CHECK_STR(str_of(getenv("TZ")), ":/etc/localtime"); /* what no TZ means */
	arena_done(&a);
}

UNIT_MAIN
