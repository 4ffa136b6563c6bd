/* SPDX-License-Identifier: MIT */
/* hours.c: the hours of a week at which a business is open. */
#include "base/hours.h"

#include <stdio.h>
#include <string.h>

#include "base/daytime.h"
#include "base/err.h"
#include "base/zone.h"

enum { DAYS = 7, RANGES_MAX = 4, LOOK_MINUTES = 9 * DAYTIME_END };

/* What was said of a day; minutes, `to` beyond DAYTIME_END is the next day's. */
struct day {
	struct {
		int from, to;
	} ranges[RANGES_MAX];
	int count;
};

/* --- reading ---------------------------------------------------------------- */

static int
wrong(char words[HOURS_WORDS], struct str part, const char *what)
{
	snprintf(words, HOURS_WORDS, "\"%.*s\": %s", (int)(part.n < 40 ? part.n : 40),
		part.p, what);
	return ERR_SYNTAX;
}

/* 0 to 6 from Sunday, or -1. */
static int
day_of(struct str name)
{
	static const char *const names[DAYS] = {
		"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

	for (int i = 0; i < DAYS; i++)
		if (str_ieq(name, str_of(names[i])))
			return i;
	return -1;
}

/* "Mon-Fri,Sun" to a bit a day. */
static int
read_days(struct str text, unsigned *ret)
{
	struct str one;

	*ret = 0;
	while (str_next(&text, &one)) {
		struct str to = one;
		int first = day_of(str_trim(str_cut(&to, '-')));
		int last = to.p ? day_of(str_trim(to)) : first;

		if (first < 0 || last < 0)
			return ERR_SYNTAX;
		for (int day = first; day != last; day = (day + 1) % DAYS)
			*ret |= 1u << day;
		*ret |= 1u << last;
	}
	return *ret ? 0 : ERR_SYNTAX;
}

/* "09:00-12:00, 13:00-18:00" or "closed". */
static int
read_ranges(struct str text, struct day *ret, char words[HOURS_WORDS])
{
	struct str one;

	*ret = (struct day){.count = 0};
	if (str_ieq(text, STR("closed")))
		return 0;
	while (str_next(&text, &one)) {
		int from, to;

		if (daytime_range(one, &from, &to) < 0)
			return wrong(words, one, "hours look like 09:00-18:00");
		if (ret->count == RANGES_MAX)
			return wrong(words, one, "a day has at most four stretches");
		ret->ranges[ret->count].from = from;
		ret->ranges[ret->count++].to = to > from ? to : to + DAYTIME_END;
	}
	return 0;
}

/* The days end where the first digit or the word closed begins. */
static struct str
cut_days(struct str *text)
{
	struct str all = *text, closed = STR("closed");
	size_t n = 0;

	while (n < all.n && !(all.p[n] >= '0' && all.p[n] <= '9'))
		n++;
	if (n == all.n && n > closed.n &&
		str_ieq((struct str){all.p + n - closed.n, closed.n}, closed))
		n -= closed.n;
	*text = (struct str){all.p + n, all.n - n};
	return str_trim((struct str){all.p, n});
}

static int
read_part(struct str part, struct day days[DAYS], char words[HOURS_WORDS])
{
	struct str times = part;
	struct str names = cut_days(&times);
	struct day said;
	unsigned which;

	if (read_days(names, &which) < 0)
		return wrong(words, part,
			"first come days, like Mon-Fri or Sat,Sun (Mon Tue Wed Thu Fri "
			"Sat Sun)");
	if (!times.n)
		return wrong(
			words, part, "it says no hours, like 09:00-18:00 or closed");
	int err = read_ranges(times, &said, words);
	for (int day = 0; err == 0 && day < DAYS; day++)
		if (which & 1u << day)
			days[day] = said;
	return err;
}

static void
set_open(struct hours *h, int from, int to)
{
	for (int m = from; m < to; m++)
		h->open[m % HOURS_WEEK / 8] |= (uint8_t)(1u << m % 8);
}

int
hours_parse(struct hours *ret, struct str text, char words[HOURS_WORDS])
{
	struct day days[DAYS] = {0};

	for (struct str rest = text; rest.p;) {
		struct str part = str_trim(str_cut(&rest, ';'));

		if (!part.n && !rest.p && part.p != text.p) /* "...; " */
			break;
		int err = read_part(part, days, words);
		if (err < 0)
			return err;
	}
	memset(ret, 0, sizeof(*ret));
	for (int day = 0; day < DAYS; day++)
		for (int i = 0; i < days[day].count; i++)
			set_open(ret, day * DAYTIME_END + days[day].ranges[i].from,
				day * DAYTIME_END + days[day].ranges[i].to);
	return 0;
}

/* --- looking ---------------------------------------------------------------- */

static bool
is_open(const struct hours *h, int64_t local)
{
	int64_t days = 4; /* 1 January 1970 was a Thursday */
	int64_t minute = (local / 60 + days * DAYTIME_END) % HOURS_WEEK;

	return h->open[minute / 8] & 1u << minute % 8;
}

bool
hours_are_open(const struct hours *h, const struct zone *z, int64_t at)
{
	return is_open(h, at + zone_span_at(z, at).offset);
}

/* Minute by minute: a week has few of them, and local time may jump. */
int64_t
hours_since(const struct hours *h, const struct zone *z, int64_t at)
{
	int64_t minute = at - at % 60;
	struct zone_span span = zone_span_at(z, minute);
	bool open = is_open(h, minute + span.offset);

	for (int i = 0; i < LOOK_MINUTES; i++, minute -= 60) {
		int64_t before = minute - 60;

		if (before < span.from)
			span = zone_span_at(z, before);
		if (is_open(h, before + span.offset) != open)
			return minute;
	}
	return INT64_MIN;
}

int64_t
hours_until(const struct hours *h, const struct zone *z, int64_t at)
{
	int64_t minute = at - at % 60;
	struct zone_span span = zone_span_at(z, minute);
	bool open = is_open(h, minute + span.offset);

	for (int i = 0; i < LOOK_MINUTES; i++) {
		minute += 60;
		if (minute >= span.to)
			span = zone_span_at(z, minute);
		if (is_open(h, minute + span.offset) != open)
			return minute;
	}
	return INT64_MAX;
}
