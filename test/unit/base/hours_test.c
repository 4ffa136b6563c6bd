/* SPDX-License-Identifier: MIT */
/* hours_test.c: the hours of a week at which a business is open. */
#include "unit.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/hours.h"
#include "base/zone.h"

enum { H = 3600, DAY = 86400, SUNDAY = 1767484800 }; /* 2026-01-04 00:00 UTC */

static struct arena arena;
static struct hours hours;

static struct zone *
zone(const char *name)
{
	struct zone *z;
	char err[128];

	if (zone_load(&arena, str_of(name), &z, err) < 0)
		FAIL("%s: %s", name, err);
	return z;
}

static void
read(const char *text)
{
	char words[HOURS_WORDS];

	if (hours_parse(&hours, str_of(text), words) < 0)
		FAIL("%s: %s", text, words);
}

/* day: 0 is Sunday, in UTC. */
static bool
is_open(const char *text, int day, const char *time)
{
	int h = (int)strtol(time, NULL, 10),
	    m = (int)strtol(strchr(time, ':') + 1, NULL, 10);

	arena_init(&arena);
	read(text);
	bool open = hours_are_open(
		&hours, zone("UTC"), SUNDAY + day * DAY + h * H + m * 60 + 59);
	arena_done(&arena);
	return open;
}

TEST(a_week_is_read)
{
	const char *week = "Mon-Fri 09:00-18:00; Sat 10:00-14:00; Sun closed";

	CHECK(!is_open(week, 1, "8:59"));
	CHECK(is_open(week, 1, "9:00"));
	CHECK(is_open(week, 5, "17:59"));
	CHECK(!is_open(week, 5, "18:00"));
	CHECK(!is_open(week, 6, "9:59"));
	CHECK(is_open(week, 6, "13:59"));
	CHECK(!is_open(week, 0, "12:00"));
}

TEST(days_may_go_round_the_end_of_the_week_and_be_listed)
{
	CHECK(is_open("Sun-Thu 8:30-17:00", 0, "8:30"));
	CHECK(is_open("Sat-Mon 8:30-17:00", 6, "9:00"));
	CHECK(is_open("Sat-Mon 8:30-17:00", 1, "9:00"));
	CHECK(!is_open("Sat-Mon 8:30-17:00", 2, "9:00"));
	CHECK(is_open("tue, THU 8:30-17:00", 4, "9:00"));
	CHECK(!is_open("tue, THU 8:30-17:00", 3, "9:00"));
}

TEST(a_day_may_have_a_break)
{
	const char *day = "Mon 09:00-12:00, 14:00-18:00";

	CHECK(is_open(day, 1, "11:59"));
	CHECK(!is_open(day, 1, "13:00"));
	CHECK(is_open(day, 1, "14:00"));
}

TEST(a_night_ends_on_the_next_day)
{
	const char *night = "Fri-Sat 20:00-02:00";

	CHECK(is_open(night, 5, "23:59"));
	CHECK(is_open(night, 6, "1:59"));
	CHECK(!is_open(night, 6, "2:00"));
	CHECK(is_open(night, 0, "1:00"));
	CHECK(!is_open(night, 5, "1:00"));
}

TEST(the_last_word_on_a_day_counts_and_a_whole_day_is_possible)
{
	CHECK(is_open("Sun-Sat 00:00-24:00", 3, "23:59"));
	CHECK(is_open("Sun-Sat 00:00-24:00", 0, "0:00"));
	CHECK(!is_open("Mon-Sun 9:00-18:00; Fri 9:00-13:00", 5, "14:00"));
	CHECK(!is_open("Mon-Sun 9:00-18:00; Fri closed; ", 5, "12:00"));
}

TEST(what_is_wrong_is_quoted)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{"9:00-18:00", "\"9:00-18:00\": first come days"},
		{"Mon-Fri", "\"Mon-Fri\": it says no hours"},
		{"Mon-Fri 9:00-18:00; Sut 10:00-14:00", "\"Sut 10:00-14:00\": first"},
		{"Mon 9-18", "\"9-18\": hours look like"},
		{"Mon 9:00-25:00", "\"9:00-25:00\": hours look like"},
		{"Mon 9:00-9:00", "\"9:00-9:00\": hours"},
		{"Mon 9:00-18:00 Tue 9:00-18:00",
			"\"9:00-18:00 Tue 9:00-18:00\": hours"},
		{"Mon closed closed", "\"Mon closed closed\": first come days"},
		{"Mon 1:00-2:00,3:00-4:00,5:00-6:00,7:00-8:00,9:00-10:00",
			"\"9:00-10:00\": a day"},
		{"Mon 9:00-18:00;; Tue closed", "\"\": first"},
		{"", "\"\": first"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char words[HOURS_WORDS] = "";

		CHECK_INT(hours_parse(&hours, str_of(bad[i].text), words), ERR_SYNTAX);
		if (strncmp(words, bad[i].words, strlen(bad[i].words)) != 0)
			FAIL("%s: %s", bad[i].text, words);
	}
}

TEST(a_closed_stretch_has_a_beginning_and_an_end)
{
	arena_init(&arena);
	read("Mon-Fri 09:00-18:00");
	struct zone *z = zone("UTC");
	int64_t saturday = SUNDAY - DAY + 12 * H, friday = SUNDAY - 2 * DAY;

	CHECK_INT(hours_since(&hours, z, saturday), friday + 18 * H);
	CHECK_INT(hours_until(&hours, z, saturday), SUNDAY + DAY + 9 * H);
	CHECK_INT(hours_since(&hours, z, friday + 18 * H), friday + 18 * H);
	CHECK_INT(hours_until(&hours, z, friday + 18 * H - 1), friday + 18 * H);
	CHECK_INT(hours_since(&hours, z, friday + 9 * H + 5), friday + 9 * H);
	arena_done(&arena);
}

TEST(who_never_opens_is_closed_for_ever)
{
	arena_init(&arena);
	read("Mon closed");
	CHECK(hours_since(&hours, zone("UTC"), SUNDAY) == INT64_MIN);
	CHECK(hours_until(&hours, zone("UTC"), SUNDAY) == INT64_MAX);
	arena_done(&arena);
}

/* Berlin leaves out 02:00-03:00 on Sunday 2026-03-29 and has it twice on 2026-10-25;
 * both changes are at 01:00 UTC. */
TEST(local_time_decides_when_the_clock_changes)
{
	int64_t spring = 1774746000, autumn = 1792890000;

	arena_init(&arena);
	read("Sun 02:30-04:00");
	struct zone *z = zone("Europe/Berlin");
	CHECK(!hours_are_open(&hours, z, spring - 1));
	CHECK(hours_are_open(&hours, z, spring));
	CHECK_INT(hours_since(&hours, z, spring + 60), spring);
	CHECK_INT(hours_until(&hours, z, spring), spring + H);
	CHECK_INT(hours_until(&hours, z, spring - DAY), spring);

	CHECK(hours_are_open(&hours, z, autumn - 1800));
	CHECK(!hours_are_open(&hours, z, autumn));
	CHECK(hours_are_open(&hours, z, autumn + 1800));
	CHECK_INT(hours_since(&hours, z, autumn + 60), autumn);
	CHECK_INT(hours_until(&hours, z, autumn + 1800), autumn + 2 * H);
	arena_done(&arena);
}

UNIT_MAIN
