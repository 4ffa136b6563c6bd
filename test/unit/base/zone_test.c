/* SPDX-License-Identifier: MIT */
/* zone_test.c: time zones, against libc's reading of the same files. */
#include "unit.h"

#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/zone.h"
#include "base/zone_priv.h"

static const int64_t until = 4102444800; /* 2100-01-01 */

enum { DAY = 86400 };

static int64_t
libc_offset(int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;

	localtime_r(&t, &tm);
	return tm.tm_gmtoff;
}

static void
check_at(const char *name, const struct zone *z, int64_t at)
{
	int64_t is = zone_span_at(z, at).offset, want = libc_offset(at);

	if (is != want)
		FAIL("%s at %lld: %lld, not %lld", name, (long long)at, (long long)is,
			(long long)want);
}

/* A day in each week, and both sides of each change. */
static void
check_zone(const char *name)
{
	struct zone *z;
	struct arena a;
	char err[128];

	arena_init(&a);
	if (zone_load(&a, str_of(name), &z, err) < 0)
		FAIL("%s: %s", name, err);
	setenv("TZ", name, 1);
	tzset();
	for (int64_t at = 0; at < until; at += 7 * DAY)
		check_at(name, z, at);
	for (int64_t at = 0; at < until; at = zone_span_at(z, at).to) {
		check_at(name, z, at);
		if (at > 0)
			check_at(name, z, at - 1);
	}
	arena_done(&a);
}

TEST(every_zone_of_tzdata_is_what_libc_says)
{
	FILE *f = fopen("/usr/share/zoneinfo/zone1970.tab", "re");
	char line[512];
	int count = 0;

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		struct str rest = str_of(line);

		if (line[0] == '#')
			continue;
		str_cut(&rest, '\t');
		str_cut(&rest, '\t');
		struct str name = str_trim(str_cut(&rest, '\t'));
		line[name.p + name.n - line] = '\0';
		check_zone(name.p);
		count++;
	}
	fclose(f);
	unsetenv("TZ");
	tzset();
	CHECK(count > 200);
}

TEST(a_span_says_what_was_before)
{
	struct zone *z;
	struct arena a;
	char err[128];

	arena_init(&a);
	CHECK_INT(zone_load(&a, STR("Europe/Berlin"), &z, err), 0);
	struct zone_span s = zone_span_at(z, 1774746000); /* 29 March 2026, 01:00 */
	CHECK_INT(s.from, 1774746000);
	CHECK_INT(s.before, 3600);
	CHECK_INT(s.offset, 7200);
	CHECK_INT(s.to, 1792890000);
	arena_done(&a);
}

TEST(no_file_of_a_zone_no_zone)
{
	static const char *const no[] = {"Mars/Base", "Europe", "zone1970.tab", "",
		"../zoneinfo/Europe/Berlin", "/etc/passwd", "right/Europe/Berlin"};
	struct zone *z;
	struct arena a;
	char err[128];

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (zone_load(&a, str_of(no[i]), &z, err) >= 0)
			FAIL("%s is a zone", no[i]);
	arena_done(&a);
}

static const struct rule {
	const char *text;
	int64_t at, offset; /* in the year 2050 */
} rules[] = {
	{"<+03>-3", 2524608000, 10800},
	{"CET-1CEST,M3.5.0,M10.5.0/3", 2524608000, 3600},    /* 1 January */
	{"CET-1CEST,M3.5.0,M10.5.0/3", 2540246400, 7200},    /* 1 July */
	{"AEST-10AEDT,M10.1.0,M4.1.0/3", 2524608000, 39600}, /* summer in January */
	{"<-03:30>3:30", 2524608000, -12600},
	{"AAA0BBB,J60,J300", 2529705600 + 7199, 0}, /* 1 March, 01:59:59 */
	{"AAA0BBB,J60,J300", 2529705600 + 7200, 3600},
	{"AAA0BBB,J60/0,J300", 2592863999, 0}, /* 29 February 2052 */
	{"AAA0BBB,J60/0,J300", 2592864000, 3600},
	{"AAA0BBB,59/0,300", 2529705600, 3600},
};

TEST(rules_are_read_as_posix_says)
{
	static struct zone_changes c;

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		c = (struct zone_changes){1, {{-ZONE_FOR_EVER, 0}}};
		CHECK_INT(zone_rule_add(&c, str_of(rules[i].text), 0), 0);
		int64_t offset = 0;
		for (size_t k = 0; k < c.count; k++)
			if (c.items[k].at <= rules[i].at)
				offset = c.items[k].offset;
		if (offset != rules[i].offset)
			FAIL("%s: %lld, not %lld", rules[i].text, (long long)offset,
				(long long)rules[i].offset);
	}
}

TEST(what_is_no_rule_is_refused)
{
	static const char *const no[] = {"", "CET", "1", "CET-1CEST",
		"CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
		"CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
		"CET-1CEST,M0.5.0,M10.5.0", "<+03-3", "CET-1CEST,M3.5.0,M10.5.0/3x",
		"CET-168", "CET-1:60"};
	static struct zone_changes c;

	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		c = (struct zone_changes){1, {{-ZONE_FOR_EVER, 0}}};
		if (zone_rule_add(&c, str_of(no[i]), 0) != ERR_SYNTAX)
			FAIL("%s is a rule", no[i]);
	}
}

UNIT_MAIN
