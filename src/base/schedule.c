/* SPDX-License-Identifier: MIT */
/* schedule.c: when something periodic runs.
 *
 * The search goes span by span of the zone (zone.h), and in a span through local
 * time as if it were UTC.  Which local times belong to a span settles the rules of
 * the clock's jumps:
 *
 *   each_hour   what its local clock shows: [from + offset, to + offset)
 *   else        [from + before, to + offset): these tile local time without gap or
 *               overlap, so each local time belongs to one span, the first that
 *               shows it; what the span's clock leaves out is moved to its start. */
#include "base/schedule.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/zone.h"

enum { DAY_S = 86400, EVERY_MAX_S = 366 * DAY_S };

/* 29 February falls on a given weekday after 40 years at the latest (around 2100). */
static const int64_t horizon_s = 50LL * 366 * DAY_S;

static int64_t
at_most(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
at_least(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* --- reading -------------------------------------------------------------- */

static const char months[] = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
static const char weekdays[] = "SUNMONTUEWEDTHUFRISAT";

enum { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const struct field {
	const char *name;
	int low, high;
	const char *names; /* three letters each, the first is `low` */
	size_t offset;
} fields[FIELDS] = {
	{"second", 0, 59, "", offsetof(struct schedule, second)},
	{"minute", 0, 59, "", offsetof(struct schedule, minute)},
	{"hour", 0, 23, "", offsetof(struct schedule, hour)},
	{"day", 1, 31, "", offsetof(struct schedule, day)},
	{"month", 1, 12, months, offsetof(struct schedule, month)},
	{"weekday", 0, 7, weekdays, offsetof(struct schedule, weekday)},
};

static int PRINTF(2, 3) wrong(char err[128], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, 128, fmt, ap);
	va_end(ap);
	return ERR_SYNTAX;
}

/* A slice of the schedule's text in an error: no more than tells which it is. */
#define SHOWN(s) (int)((s).n < 24 ? (s).n : 24), (s).p

static int
read_value(const struct field *f, struct str text, int *ret, char err[128])
{
	int64_t v;

	for (int i = 0; f->names[3 * i]; i++) {
		if (text.n == 3 && strncasecmp(text.p, f->names + 3 * i, 3) == 0) {
			*ret = f->low + i;
			return 0;
		}
	}
	if (text.n == 0)
		return wrong(err, "%s: a value is missing", f->name);
	if (!str_is_number(text))
		return wrong(err, "%s: \"%.*s\" is no value", f->name, SHOWN(text));
	if (str_int(text, &v) < 0 || v < f->low || v > f->high)
		return wrong(err, "%s: %.*s is not within %d-%d", f->name, SHOWN(text),
			f->low, f->high);
	*ret = (int)v;
	return 0;
}

static int
read_range(const struct field *f, struct str text, int *ret_low, int *ret_high,
	char err[128])
{
	struct str rest = text, first = str_cut(&rest, '-');

	if (str_eqz(text, "*")) {
		*ret_low = f->low;
		*ret_high = f->high;
		return 0;
	}
	int bad = read_value(f, first, ret_low, err);
	if (bad == 0 && !rest.p)
		*ret_high = *ret_low;
	else if (bad == 0)
		bad = read_value(f, rest, ret_high, err);
	if (bad < 0)
		return bad;
	if (f == &fields[WEEKDAY] && *ret_high == 0 && *ret_low > 0)
		*ret_high = 7; /* FRI-SUN */
	if (*ret_high < *ret_low)
		return wrong(err, "%s: %.*s runs backwards", f->name, SHOWN(text));
	return 0;
}

static int
read_item(const struct field *f, struct str text, uint64_t *set, char err[128])
{
	struct str rest = text, range = str_cut(&rest, '/');
	int low = 0, high = 0;
	int64_t step = 1;

	int bad = read_range(f, range, &low, &high, err);
	if (bad < 0)
		return bad;
	if (rest.p && range.p[0] != '*' && !memchr(range.p, '-', range.n))
		return wrong(err, "%s: %.*s: a step needs a range or *", f->name,
			SHOWN(text));
	if (rest.p && (!str_is_number(rest) || str_int(rest, &step) < 0 || step < 1 ||
			      step > f->high))
		return wrong(err, "%s: %.*s: a step is within 1-%d", f->name,
			SHOWN(text), f->high);
	for (int v = low; v <= high; v += (int)step)
		*set |= UINT64_C(1) << v;
	return 0;
}

static int
read_field(struct schedule *s, const struct field *f, struct str text, char err[128])
{
	uint64_t *set = (uint64_t *)(void *)((char *)s + f->offset);
	struct str rest = text;

	while (rest.p) {
		int bad = read_item(f, str_cut(&rest, ','), set, err);
		if (bad < 0)
			return bad;
	}
	return 0;
}

/* Cuts the next word off; absent when none is left. */
static struct str
next_word(struct str *rest)
{
	struct str word = str_trim(*rest);
	size_t n = 0;

	if (word.n == 0)
		return (struct str){0};
	while (n < word.n && word.p[n] != ' ' && word.p[n] != '\t')
		n++;
	*rest = (struct str){word.p + n, word.n - n};
	return (struct str){word.p, n};
}

static int
read_fields(struct schedule *s, struct str text, char err[128])
{
	struct str words[FIELDS], rest = text, word = next_word(&rest);
	size_t n = 0;

	for (; word.p; word = next_word(&rest)) {
		if (n < FIELDS)
			words[n] = word;
		n++;
	}
	if (n != FIELDS && n != FIELDS - 1)
		return wrong(err, "%zu fields: there are five, or six with seconds", n);

	const struct field *f = &fields[FIELDS - n];
	if (n < FIELDS)
		s->second = 1;
	for (size_t i = 0; i < n; i++) {
		int bad = read_field(s, &f[i], words[i], err);
		if (bad < 0)
			return bad;
	}
	const struct str *last = &words[n - 1];
	s->weekday_is_star = last->p[0] == '*';
	s->day_is_star = last[DAY - WEEKDAY].p[0] == '*';
	s->each_hour = last[HOUR - WEEKDAY].p[0] == '*' || s->hour == (1 << 24) - 1;
	s->weekday |= s->weekday >> 7; /* 7 is Sunday too */
	return 0;
}

static int64_t
unit_s(char unit)
{
	switch (unit) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	}
	return 0;
}

int
schedule_span(struct str text, int64_t *ret_s, char err[128])
{
	struct str rest = text;
	int64_t span_s = 0;

	do {
		size_t digits = 0;
		int64_t number;

		while (digits < rest.n &&
			str_is_number((struct str){rest.p + digits, 1}))
			digits++;
		int64_t unit = digits < rest.n ? unit_s(rest.p[digits]) : 0;
		if (str_int((struct str){rest.p, digits}, &number) < 0 || unit == 0)
			return wrong(err, "a span is like 90s, 5m or 1h30m");
		span_s += at_most(number, EVERY_MAX_S + 1) * unit;
		rest = (struct str){rest.p + digits + 1, rest.n - digits - 1};
	} while (rest.n > 0 && span_s <= EVERY_MAX_S);
	if (span_s < 1 || span_s > EVERY_MAX_S)
		return wrong(err, "a span is within 1s and 8784h (366 days)");
	*ret_s = span_s;
	return 0;
}

static int
read_nickname(struct schedule *s, struct str text, char err[128])
{
	static const struct {
		const char *name, *means;
	} nicknames[] = {
		{"@hourly", "0 * * * *"},
		{"@daily", "0 0 * * *"},
		{"@midnight", "0 0 * * *"},
		{"@weekly", "0 0 * * 0"},
		{"@monthly", "0 0 1 * *"},
		{"@yearly", "0 0 1 1 *"},
		{"@annually", "0 0 1 1 *"},
	};
	struct str rest = text, word = next_word(&rest);

	if (str_eqz(word, "@every"))
		return schedule_span(str_trim(rest), &s->every_s, err);
	for (size_t i = 0; i < ARRAY_LEN(nicknames); i++)
		if (str_eqz(text, nicknames[i].name))
			return read_fields(s, str_of(nicknames[i].means), err);
	return wrong(err,
		"%.*s: there are @hourly @daily @midnight @weekly @monthly @yearly "
		"@annually @every",
		SHOWN(text));
}

/* Months and leap years are alike everywhere: UTC tells whether it ever runs. */
static bool
ever_runs(const struct schedule *s)
{
	char err[128];
	struct arena a;
	struct zone *utc = NULL;

	arena_init(&a);
	int bad = zone_load(&a, STR("UTC"), &utc, err);
	bool runs = bad == 0 && schedule_next(s, utc, 0) != SCHEDULE_NEVER;
	arena_done(&a);
	return runs;
}

int
schedule_parse(struct schedule *ret, struct str text, char err[128])
{
	struct schedule s = {0};

	text = str_trim(text);
	int bad = str_starts(text, STR("@")) ? read_nickname(&s, text, err)
					     : read_fields(&s, text, err);
	if (bad < 0)
		return bad;
	if (!ever_runs(&s)) {
		snprintf(err, 128, "never runs: no year has that day");
		return ERR_SHAPE;
	}
	*ret = s;
	return 0;
}

/* --- the search ----------------------------------------------------------- */

static bool
has(uint64_t set, int v)
{
	return set >> v & 1;
}

/* The smallest member from v on, or -1. */
static int
next_member(uint64_t set, int v)
{
	uint64_t left = v < 64 ? set >> v : 0;

	return left ? v + __builtin_ctzll(left) : -1;
}

static bool
is_day(const struct schedule *s, int64_t day_start)
{
	time_t t = (time_t)day_start;
	struct tm tm;

	gmtime_r(&t, &tm);
	if (!has(s->month, tm.tm_mon + 1))
		return false;
	bool day = has(s->day, tm.tm_mday), weekday = has(s->weekday, tm.tm_wday);
	if (s->day_is_star || s->weekday_is_star)
		return day && weekday;
	return day || weekday;
}

/* The first second of a day, from one on, or -1. */
static int
second_of_day(const struct schedule *s, int from)
{
	int least_minute = from / 60 % 60, least_second = from % 60;

	for (int h = next_member(s->hour, from / 3600); h >= 0;
		h = next_member(s->hour, h + 1)) {
		if (h > from / 3600)
			least_minute = least_second = 0;
		for (int m = next_member(s->minute, least_minute); m >= 0;
			m = next_member(s->minute, m + 1)) {
			int sec = next_member(
				s->second, m > least_minute ? 0 : least_second);
			if (sec >= 0)
				return h * 3600 + m * 60 + sec;
		}
	}
	return -1;
}

/* The first fitting second of local time in [from, until).  Not there: false. */
static bool
next_local(const struct schedule *s, int64_t from, int64_t until, int64_t *ret)
{
	int64_t into_day = (from % DAY_S + DAY_S) % DAY_S;

	for (int64_t day = from - into_day; day < until; day += DAY_S) {
		int second = is_day(s, day)
				     ? second_of_day(s, from > day ? (int)into_day : 0)
				     : -1;
		if (second >= 0) {
			*ret = day + second;
			return *ret < until;
		}
	}
	return false;
}

/* The first slot of a span that is not before t, a moment of it. */
static bool
next_in_span(const struct schedule *s, const struct zone_span *span, int64_t t,
	int64_t until, int64_t *ret)
{
	int64_t from = t + span->offset, local;

	if (!s->each_hour && t == span->from)
		from = span->from + span->before; /* what the gap left out */
	else if (!s->each_hour)
		from = at_least(from, span->from + span->before); /* ran already */
	if (!next_local(s, from, until + span->offset, &local))
		return false;
	*ret = at_least(local - span->offset, span->from);
	return true;
}

int64_t
schedule_next(const struct schedule *s, const struct zone *z, int64_t after)
{
	int64_t end = after + horizon_s, slot;

	if (s->every_s > 0)
		return (after / s->every_s + 1) * s->every_s;
	for (int64_t t = after + 1; t < end;) {
		struct zone_span span = zone_span_at(z, t);

		if (next_in_span(s, &span, t, at_most(span.to, end), &slot))
			return slot;
		t = span.to;
	}
	return SCHEDULE_NEVER;
}

/* "The first slot after t is not after until" holds up to the second before the
 * latest slot and not from it on: it can be bisected. */
int64_t
schedule_last(
	const struct schedule *s, const struct zone *z, int64_t after, int64_t until)
{
	int64_t low = after, high = until;
	int64_t first = schedule_next(s, z, after);

	if (first == SCHEDULE_NEVER || first > until)
		return SCHEDULE_NEVER;
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;
		int64_t slot = schedule_next(s, z, middle);

		if (slot != SCHEDULE_NEVER && slot <= until)
			low = middle;
		else
			high = middle;
	}
	return high;
}
